import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { certificates } from "../../test/harness/certificates.ts";
import { needs } from "../../test/harness/needs.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { formatProblem } from "./problem.ts";
import type { ProviderSettings } from "./provider-settings.ts";
import { readConfig } from "./read.ts";

const web = "routes: { a: http://127.0.0.1:1 }\n";

function settingsOf(providers: string, baseFolder = "/base"): readonly Partial<ProviderSettings>[] {
  const text = `${web}providers:\n  ${providers}\n`;
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder });
  assert.deepEqual(problems.map(formatProblem), []);
  assert.ok(snapshot);
  return snapshot.providers.map((each) => {
    const { defaults: _defaults, ...settings } = each;
    return settings;
  });
}

function toldOf(providers: string, baseFolder = "/base"): string[] {
  const text = `${web}providers:\n  ${providers}\n`;
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder });
  assert.equal(snapshot, undefined);
  return problems.map(formatProblem).map((each) => each.replace(/^t\.yaml:\d+:\d+: /, ""));
}

const etcd = {
  kind: "etcd",
  name: "etcd",
  place: "t.yaml:3:3",
  hosts: undefined,
  endpoints: ["http://127.0.0.1:2379"],
  prefix: "tidegate/",
  username: undefined,
  password: undefined,
  tls: undefined,
};

const http = {
  kind: "http",
  name: "http",
  place: "t.yaml:3:3",
  hosts: undefined,
  url: "https://h.test/routes?key=1",
  every: 30_000,
  headers: {},
  tls: undefined,
  publicKey: undefined,
};

test("etcd needs nothing said, and everything can be", async () => {
  await using folder = await tempFolder();
  await writeFile(folder.file("word"), "from the file\nand a comment\n");
  assert.deepEqual(settingsOf("etcd: true"), [etcd]);
  assert.deepEqual(settingsOf("etcd: false"), []);
  const text = `etcd: { endpoints: ["HTTP://A.test:2379", "http://b.test:1/", "http://b.test:1"], prefix: "x/y/",
    username: gate, passwordFile: word, name: main, hosts: "*.a.test" }`;
  assert.deepEqual(settingsOf(text, folder.path), [
    {
      ...etcd,
      name: "main",
      hosts: ["*.a.test"],
      endpoints: ["http://a.test:2379", "http://b.test:1"],
      prefix: "x/y/",
      username: "gate",
      password: "from the file",
    },
  ]);
  const two = settingsOf("etcd: [{ name: a, endpoints: http://a.test:1 }, { name: b }]");
  assert.deepEqual(
    two.map(({ name }) => name),
    ["a", "b"],
  );
});

test("a document is fetched from where it is, as often as wanted", () => {
  const url = "https://h.test/routes?key=1#x";
  assert.deepEqual(settingsOf(`http: { url: "${url}" }`), [http]);
  const text = `http: { url: "${url}", every: 5s, headers: { Authorization: Bearer x } }`;
  assert.deepEqual(settingsOf(text), [
    { ...http, every: 5000, headers: { Authorization: "Bearer x" } },
  ]);
});

test("certificates and keys are read from their files", { skip: needs("openssl") }, async () => {
  await using folder = await tempFolder();
  const { ca, cert, key } = await certificates();
  const pair = generateKeyPairSync("ed25519");
  const publicKey = pair.publicKey.export({ type: "spki", format: "pem" }).toString();
  const privateKey = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const otherKey = other.publicKey.export({ type: "spki", format: "pem" }).toString();
  const files = { ca, cert, key, public: publicKey, private: privateKey, other: otherKey };
  for (const [name, text] of Object.entries(files)) await writeFile(folder.file(name), text);
  const tls = "tls: { ca: ca, cert: cert, key: key }";
  const trust = { ca, certificate: cert, key };
  assert.deepEqual(settingsOf(`etcd: { endpoints: "https://a.test:1", ${tls} }`, folder.path), [
    { ...etcd, endpoints: ["https://a.test:1"], tls: trust },
  ]);
  const url = "url: https://h.test/routes?key=1";
  assert.deepEqual(settingsOf(`http: { ${url}, ${tls}, publicKey: public }`, folder.path), [
    { ...http, tls: trust, publicKey },
  ]);
  const remedy = "make one with: openssl pkey -in PRIVATE.pem -pubout";
  for (const [file, message] of [
    ["private", "holds a private key, which belongs to whoever signs"],
    ["cert", "is not a key of Ed25519"],
    ["other", "is not a key of Ed25519"],
  ]) {
    const told = toldOf(`http: { ${url}, publicKey: ${file} }`, folder.path);
    assert.deepEqual(told, [`providers.http.publicKey: ${message}; ${remedy}`]);
  }
});

test("what is wrong is named, and no secret with it", () => {
  const forms = "write http://HOST:2379, or https://HOST:2379";
  const cases = [
    ["etcd: { endpoints: [] }", "etcd.endpoints: must not be empty"],
    ["etcd: { endpoints: s3cret }", `etcd.endpoints: is no URL; ${forms}`],
    ["etcd: { endpoints: ftp://s3cret }", `etcd.endpoints: is no URL; ${forms}`],
    [
      "etcd: { endpoints: http://a/s3cret }",
      `etcd.endpoints: has more than host and port; ${forms}`,
    ],
    [
      "etcd: { endpoints: http://root:s3cret@a:1 }",
      "etcd.endpoints: has a user in it; write username and passwordFile beside it",
    ],
    [
      "etcd: http://root:s3cret@a:1",
      "etcd: must be true, false, a mapping or a list of mappings; write etcd: { endpoints: [http://HOST:2379] }",
    ],
    ["etcd: { prefix: s3cret }", 'etcd.prefix: does not end in /; write "tidegate/"'],
    ["etcd: { password: s3cret }", "etcd: there is a password and no user; add username"],
    ["etcd: { username: x }", "etcd: there is a user and no password; add passwordFile"],
    ["etcd: { tls: {} }", "etcd.tls: http:// is not spoken TLS to; write https://"],
    ["http: {}", "http.url: url is missing; add url"],
    [
      "http: https://x:s3cret@a/",
      "http: must be a mapping or a list of mappings; write http: { url: https://HOST/routes.json }",
    ],
    [
      "http: { url: https://x:s3cret@a/ }",
      "http.url: has a user in it; write it as a header: Authorization: Basic …",
    ],
    ["http: { url: s3cret }", "http.url: is no URL; write https://HOST/PATH"],
    ["http: { url: http://a/, every: 999ms }", "http.every: must be at least 1s"],
    [
      'http: { url: http://a/, headers: { Authorization: "x\\r\\ns3cret" } }',
      "http.headers.Authorization: has a line end or another control character in it",
    ],
    [
      "http: { url: http://a/, headers: { Host: x } }",
      'http.headers.Host: "Host" is set by Tidegate itself',
    ],
    [
      "http: { url: http://a/, headers: { a b: x } }",
      'http.headers["a b"]: "a b" is not the name of a field',
    ],
    ["http: { url: http://a/, tls: {} }", "http.tls: http:// is not spoken TLS to; write https://"],
  ] as const;
  for (const [text, expected] of cases) {
    const told = toldOf(text);
    assert.deepEqual(told, [`providers.${expected}`], text);
    assert.ok(!told.join().includes("s3cret"));
  }
});
