import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { issuer } from "../../test/harness/issued.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { Publisher } from "../process/publication.ts";
import { shownSettings } from "../process/shown-settings.ts";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";

const variable = "TIDEGATE_TEST_DNS_TOKEN";

function read(dns: string, baseFolder = "/nonexistent") {
  const routes = "routes: { a.test: { whoami: true } }";
  const text = `tls: { acme: { dns: ${dns} } }\n${routes}`;
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder });
  return { dns: snapshot?.tls.acme?.dns, snapshot, told: problems.map(formatProblem) };
}

test("whoever changes the DNS has what is secret from a file or the environment", async () => {
  await using folder = await tempFolder();
  await writeFile(folder.file("token"), "s3cret\n# of mine\n");
  await writeFile(folder.file("plain"), "czNjcmV0\n");
  await writeFile(
    folder.file("key"),
    'key "k" {\n algorithm hmac-sha512;\n secret "czNjcmV0";\n};\n',
  );
  await writeFile(folder.file("ca.pem"), issuer);
  process.env[variable] = "s3cret";
  const place = "t.yaml:1:23";
  const api = { token: "s3cret", ca: undefined, place };
  const key = { name: "k.test", algorithm: "hmac-sha256", secret: "czNjcmV0" };
  const cases: readonly [string, Record<string, unknown>][] = [
    [
      "{ rfc2136: { server: 192.0.2.1, key: { name: K.test., secretFile: plain } } }",
      { kind: "rfc2136", host: "192.0.2.1", port: 53, key, zone: undefined, place },
    ],
    [
      '{ rfc2136: { server: "[::1]:54", key: { name: k.test, algorithm: hmac-sha512, secretFile: key }, zone: A.test } }',
      {
        ...{ kind: "rfc2136", host: "::1", port: 54, zone: "a.test", place },
        key: { ...key, algorithm: "hmac-sha512" },
      },
    ],
    [
      "{ powerdns: { url: 'https://pdns:8081/', tokenFile: token, ca: ca.pem } }",
      { kind: "powerdns", url: "https://pdns:8081", ...api, ca: issuer },
    ],
    [
      `{ cloudflare: { tokenEnv: ${variable} } }`,
      { kind: "cloudflare", url: "https://api.cloudflare.com/client/v4", ...api },
    ],
    [
      "{ hetzner: { tokenFile: token } }",
      { kind: "hetzner", url: "https://api.hetzner.cloud/v1", ...api },
    ],
    [
      "{ digitalocean: { tokenFile: token } }",
      { kind: "digitalocean", url: "https://api.digitalocean.com/v2", ...api },
    ],
  ];
  try {
    for (const [text, provider] of cases) {
      const { dns, snapshot, told } = read(text, folder.path);
      assert.deepEqual(told, []);
      assert.ok(snapshot !== undefined);
      const publisher = new Publisher();
      publisher.take(snapshot);
      // Neither workers nor the API, which shows sections as they are written.
      const shown = [
        shownSettings(snapshot),
        snapshot.written,
        publisher.publicationFor(undefined),
      ];
      assert.doesNotMatch(JSON.stringify(shown), /s3cret|czNjcmV0/);
      assert.deepEqual(dns, { provider, resolvers: [], wait: 120_000 });
    }
    const far = read(
      "{ powerdns: { url: 'http://192.0.2.1:8081', tokenFile: token } }",
      folder.path,
    );
    assert.match(far.told.join(), /warning.*sends the token unencrypted to another machine/);
    assert.ok(far.dns !== undefined);
  } finally {
    delete process.env[variable];
  }
  const { told } = read(`{ cloudflare: { tokenEnv: ${variable} } }`);
  assert.match(told.join(), /the environment has no such variable, or it is empty; set it for the/);
});

const key = "key: { name: k, secretFile: x }";
const problems: readonly [text: string, message: RegExp][] = [
  ["{ wait: 1s }", /nobody changes the DNS; add one of hook, rfc2136, powerdns, cloudflare, hetz/],
  [
    "{ hook: x, hetzner: { tokenFile: x } }",
    /dns\.hetzner: hook changes the DNS already; leave out/,
  ],
  ["{ hetzner: {} }", /there is no token; add tokenFile or tokenEnv/],
  ["{ hetzner: { tokenFile: x, tokenEnv: X } }", /the token is said twice/],
  ["{ hetzner: { tokenFile: x } }", /hetzner\.tokenFile: cannot be read: ENOENT/],
  ["{ hetzner: { token: s3cret } }", /hetzner\.token: .*tokenFile/],
  ["{ hetzner: s3cret }", /must be a mapping; with tokenFile, tokenEnv/],
  ["{ hetzner: { tokenEnv: 's3cret-token' } }", /is not the name of a variable/],
  ["{ hetzner: { tokenFile: /dev/null } }", /is not a file/],
  ["{ powerdns: { tokenFile: x } }", /powerdns\.url: /],
  ["{ powerdns: { url: 'http://u:s3cret@h', tokenFile: x } }", /has a user in it/],
  ["{ powerdns: { url: 'ftp://h', tokenFile: x } }", /is no address of the web/],
  ["{ powerdns: { url: 'http://h/?a=s3cret', tokenFile: x } }", /has more than an address/],
  ["{ rfc2136: { server: a:b:c, key: { name: k, secretFile: x } } }", /is not HOST:PORT/],
  ["{ rfc2136: { server: 192.0.2.1 } }", /rfc2136\.key: /],
  [`{ rfc2136: { server: 192.0.2.1, ${key}, zone: a b } }`, /is not a name of the DNS/],
  [
    "{ rfc2136: { server: 192.0.2.1, key: { name: k, algorithm: hmac-md5, secretFile: x } } }",
    /must be hmac-sha256 or hmac-sha384 or hmac-sha512/,
  ],
  [
    "{ rfc2136: { server: 192.0.2.1, key: { name: k, secret: s3cret } } }",
    /key\.secret: .*secretF/,
  ],
];

for (const [text, message] of problems) {
  test(`dns: ${text} is refused`, () => {
    const { snapshot, told } = read(text);
    assert.equal(snapshot, undefined);
    assert.match(told.join("\n"), message);
    assert.doesNotMatch(told.join("\n"), /s3cret/);
  });
}

test("a secret that is none is refused, and not repeated", async () => {
  await using folder = await tempFolder();
  await writeFile(folder.file("bad"), "s3cret s3cret\n");
  await writeFile(folder.file("empty"), "\n");
  const server = "server: 192.0.2.1, key: { name: k, secretFile: bad }";
  const cases: readonly [string, RegExp][] = [
    [`{ rfc2136: { ${server} } }`, /the secret is not base64; write what tsig-keygen says/],
    ["{ hetzner: { tokenFile: bad } }", /the token is empty, or has something in it/],
    ["{ hetzner: { tokenFile: empty } }", /the token is empty/],
  ];
  for (const [text, message] of cases) {
    const { told } = read(text, folder.path);
    assert.match(told.join(), message);
    assert.doesNotMatch(told.join(), /s3cret/);
  }
});
