import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { issuer } from "../../test/harness/issued.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { Publisher } from "../process/publication.ts";
import { shownSettings } from "../process/shown-settings.ts";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";

function read(text: string, baseFolder = "/nonexistent") {
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder });
  return { snapshot, told: problems.map(formatProblem) };
}

const streams = (port: number) => `listeners: { t: { bind: ":${port}", protocol: tcp } }\n`;
const listeners = 'listeners: { web: ":80", secure: { bind: ":443", tls: true } }\n';

test("tls: auto is all that has to be said: Let's Encrypt, by whatever proves a name", () => {
  const { snapshot, told } = read(
    `${listeners}routes: { a.test: { service: "http://b:1", tls: auto } }`,
  );
  assert.deepEqual(told, []);
  assert.equal(snapshot?.routes[0]?.tls, "auto");
  const acme = snapshot.tls.acme;
  assert.deepEqual(
    acme?.authorities.map(({ who }) => who),
    ["Let's Encrypt"],
  );
  assert.equal(acme?.isSaid, false);
});

test("all can be said, and what is secret is in a file and goes nowhere else", async () => {
  await using folder = await tempFolder();
  await writeFile(folder.file("key"), "s3cret-hmac-key-of-ours\n");
  await writeFile(folder.file("ca.pem"), issuer);
  const { snapshot, told } = read(
    `${listeners}routes: { a.test: { whoami: true, tls: auto } }
tls:
  acme:
    email: [a@b.test, c@d.test]
    authority:
      - letsencrypt-staging
      - directory: https://ca.internal/dir
        ca: ca.pem
        eab: { keyId: kid, keyFile: key }
        profile: shortlived
        preferredChain: Root X
    challenges: [dns-01, http-01]
    dns: { hook: [bin/hook, --zone, x], resolvers: ["127.0.0.1:53"], wait: 5s }
    keyType: rsa
    onDemand: { hosts: [A.test, "*.b.test"], ask: "http://127.0.0.1:1/may" }`,
    folder.path,
  );
  assert.deepEqual(told, []);
  const acme = snapshot?.tls.acme;
  assert.deepEqual(acme, {
    isSaid: true,
    contact: ["mailto:a@b.test", "mailto:c@d.test"],
    authorities: [
      {
        directory: "https://acme-staging-v02.api.letsencrypt.org/directory",
        who: "Let's Encrypt (staging)",
        place: "t.yaml:7:9",
        ...{ ca: undefined, binding: undefined, profile: undefined, preferredChain: undefined },
      },
      {
        ...{ directory: "https://ca.internal/dir", who: "ca.internal", place: "t.yaml:8:9" },
        ca: issuer,
        binding: { keyId: "kid", hmacKey: "s3cret-hmac-key-of-ours" },
        ...{ profile: "shortlived", preferredChain: "Root X" },
      },
    ],
    challenges: ["dns-01", "http-01"],
    dns: {
      provider: { kind: "hook", command: [folder.file("bin/hook"), "--zone", "x"] },
      resolvers: ["127.0.0.1:53"],
      wait: 5000,
    },
    keyType: "rsa",
    onDemand: { hosts: ["a.test", "*.b.test"], ask: "http://127.0.0.1:1/may" },
  });
  assert.ok(snapshot !== undefined);
  assert.doesNotMatch(JSON.stringify(shownSettings(snapshot)), /s3cret/);
  const publisher = new Publisher();
  publisher.take(snapshot);
  assert.doesNotMatch(publisher.publicationFor(undefined).text, /s3cret|ca\.internal/);
});

const route = "routes: { a.test: { whoami: true, tls: auto } }\n";
const problems: readonly [text: string, message: RegExp][] = [
  [`${listeners}routes: { "*": { whoami: true, tls: auto } }`, /needs to know the names/],
  [
    `${streams(443)}tcpRoutes: { t: { service: tcp://x:1, tls: internal } }`,
    /tcpRoutes\.t\.tls: needs to know the names, and this route is for any; say sni, or write true/,
  ],
  [
    `${streams(443)}tcpRoutes: { t: { sni: [a.test, "*"], service: tcp://x:1, tls: auto } }`,
    /needs to know the names/,
  ],
  [
    `${listeners}routes: { a: { rule: "PathPrefix(\`/x\`)", whoami: true, tls: auto } }`,
    /needs to know the names, and this route is for any; say host/,
  ],
  [`${listeners}routes: { a.test: { whoami: true, tls: on } }`, /must be auto or internal/],
  ["tls: { acme: { authority: letsencript } }", /is no authority that is known here/],
  ["tls: { acme: { authority: ftp://x } }", /must be an address of the web/],
  ["tls: { acme: { authority: https://u:s3cret@x } }", /has a user in it/],
  ["tls: { acme: { authority: [letsencrypt, letsencrypt] } }", /names one twice/],
  ["tls: { acme: { authority: zerossl } }", /ZeroSSL only serves its customers/],
  [
    "tls: { acme: { authority: { directory: zerossl, eab: { keyId: a, keyFile: no } } } }",
    /cannot be read/,
  ],
  ["tls: { acme: { email: nobody } }", /is not an email address/],
  ["tls: { acme: { challenges: [dns-01] } }", /dns-01 needs somebody who changes the DNS/],
  ["tls: { acme: { onDemand: {} } }", /anybody could have certificates made for any name; add ask/],
  ['tls: { acme: { onDemand: { hosts: "*.a.test" } } }', /anybody could have certificates/],
  ["tls: { acme: { onDemand: { hosts: a b, ask: 'http://x' } } }", /"a b" is not a host name/],
  ["tls: { acme: { onDemand: { ask: x } } }", /is not a URL/],
  ["tls: { acme: { dns: {} } }", /nobody changes the DNS/],
  ["tls: { acme: { dns: { hook: x, resolvers: [ns1.test] } } }", /is not an address of a name/],
];

for (const [text, message] of problems) {
  test(`${text.slice(text.lastIndexOf("\n") + 1)} is refused`, () => {
    const { snapshot, told } = read(text);
    assert.equal(snapshot, undefined);
    assert.match(told.join("\n"), message);
    assert.doesNotMatch(told.join("\n"), /s3cret/);
  });
}

const warnings: readonly [text: string, message: RegExp | undefined][] = [
  [`listeners: { web: ":80" }\n${route}`, /no listener has TLS, so the certificate of a\.test/],
  [
    `listeners: { web: ":8080", secure: { bind: ":8443", tls: true } }\n${route}`,
    /no listener is at port 80, or at port 443 with TLS/,
  ],
  [`listeners: { secure: { bind: ":443", tls: true } }\n${route}`, undefined],
  [
    `listeners: { secure: { bind: ":8443", tls: true } }\ntls: { acme: { dns: { hook: x } } }\n${route}`,
    undefined,
  ],
  [
    `${listeners}routes: { "*.a.test": { whoami: true, tls: auto } }`,
    /\*\.a\.test can only be proven in the DNS/,
  ],
  [`${streams(443)}tcpRoutes: { t: { sni: a.test, service: tcp://x:1, tls: auto } }`, undefined],
  [
    `listeners: { web: ":80", t: { bind: ":443", protocol: tcp } }
tcpRoutes: { t: { sni: a.test, service: tcp://x:1, tls: true } }\n${route}`,
    undefined,
  ],
  [
    `${streams(5432)}tcpRoutes: { t: { sni: a.test, service: tcp://x:1, tls: auto } }`,
    /no listener is at port 80, or at port 443 with TLS/,
  ],
  [
    `${streams(443)}tcpRoutes: { t: { sni: "*.a.test", service: tcp://x:1, tls: auto } }`,
    /\*\.a\.test can only be proven in the DNS/,
  ],
];

for (const [text, message] of warnings) {
  test(`${text.replaceAll("\n", " ")} is ${message === undefined ? "fine" : "warned of"}`, () => {
    const { snapshot, told } = read(text);
    assert.ok(snapshot !== undefined);
    if (message === undefined) assert.deepEqual(told, []);
    else assert.match(told.join("\n"), message);
  });
}
