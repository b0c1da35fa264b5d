import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { tempFolder } from "../../../test/harness/temp-folder.ts";
import { readConfig } from "../read.ts";

const sha = `{SHA}${createHash("sha1").update("pw").digest("base64")}`;
const sha256 = createHash("sha256").update("key").digest("hex");
const pem = String(
  generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }),
);
const { privateKey } = generateKeyPairSync("ed25519");
const privatePem = String(privateKey.export({ type: "pkcs8", format: "pem" }));

function read(kind: string, settings: unknown, baseFolder = "/nonexistent") {
  const middlewares = { [kind]: settings };
  const route = { service: "http://127.0.0.1:1", middlewares };
  const text = JSON.stringify({ routes: { "a.test": route } });
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder });
  const told = problems.map(({ message, remedy = "" }) => `${message}; ${remedy}`);
  return { told, use: snapshot?.routes[0]?.middlewares.find((each) => each.kind === kind) };
}

const good: readonly (readonly [kind: string, settings: unknown])[] = [
  ["basicAuth", { users: `ann:${sha}` }],
  ["basicAuth", { users: [`ann:${sha}`], realm: "a realm", header: "X-User", removeHeader: true }],
  ["digestAuth", { users: `ann:tidegate:${sha256}` }],
  ["apiKey", { keys: `ci:${sha256}`, from: ["bearer", "query:key"] }],
  ["forwardAuth", "http://127.0.0.1:1/x"],
  ["forwardAuth", { address: "https://auth.test/", responseHeaders: "Remote-User" }],
  ["jwt", { keys: pem, audience: "any" }],
  ["jwt", { secret: "s".repeat(32), audience: ["a", "b"], require: { groups: "x" } }],
];

test("what is written comes out with its defaults", () => {
  for (const [kind, settings] of good) {
    const { told, use } = read(kind, settings);
    assert.deepEqual(told, [], kind);
    assert.equal(use?.kind, kind);
  }
  const { use } = read("forwardAuth", { address: "http://a/", responseHeaders: ["Remote-User"] });
  assert.ok(use?.kind === "forwardAuth");
  assert.deepEqual([use.userHeader, use.cookies, use.timeout], ["remote-user", true, 10_000]);
  const token = read("jwt", { keys: pem, audience: "any" }).use;
  assert.ok(token?.kind === "jwt");
  assert.deepEqual([token.audience, token.from], [undefined, [{ from: "bearer", name: "" }]]);
});

const faults: readonly (readonly [kind: string, settings: unknown, why: RegExp])[] = [
  ["basicAuth", {}, /nobody is let in; add users or file/],
  ["basicAuth", { users: "ann:swordfish" }, /no hash of a password.*htpasswd -nB/],
  ["basicAuth", { users: [`ann:${sha}`, `ann:${sha}`] }, /twice/],
  ["basicAuth", { users: `ann:${sha}`, realm: 'a"b' }, /may hold ASCII/],
  ["basicAuth", { users: `ann:${sha}`, header: "Content-Length" }, /meaning of its own/],
  ["basicAuth", { users: `ann:${sha}`, header: "X_Forwarded_For" }, /meaning of its own/],
  ["basicAuth", { users: `ann:${sha}`, header: "X-User\r\nX" }, /not a header name/],
  ["basicAuth", { file: "missing" }, /cannot be read/],
  ["digestAuth", { users: `ann:other:${sha256}` }, /another realm/],
  ["apiKey", { keys: "ci:swordfish" }, /no SHA-256 in hex.*sha256sum/],
  ["apiKey", { keys: `ci:${sha256}`, from: "body:x" }, /no such place; write bearer/],
  ["forwardAuth", "ftp://a/", /not an http or https URL/],
  ["forwardAuth", { address: "http://a:swordfish@b/" }, /a URL with a password/],
  ["forwardAuth", { address: "http://a/", userHeader: "X-Who" }, /not among the fields/],
  [
    "forwardAuth",
    { address: "http://a/", responseHeadersPattern: "(" },
    /not a regular expression/,
  ],
  ["forwardAuth", { address: "http://a/", responseHeaders: "Transfer-Encoding" }, /of its own/],
  ["jwt", { audience: "a" }, /no keys to check/],
  ["jwt", { keys: pem }, /who tokens have to be for.*audience: any/],
  ["jwt", { keys: privatePem, audience: "a" }, /private key/],
  ["jwt", { keys: '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}', audience: "a" }, /no key for sign/],
  ["jwt", { secret: "swordfish", audience: "a" }, /shorter than 32 bytes/],
  ["jwt", { keys: pem, audience: "a", algorithms: ["none"] }, /must be RS256/],
  ["jwt", { keys: pem, audience: "a", headers: { Host: "sub" } }, /Host/],
];

test("what cannot be is told with what to write instead, and no secret", () => {
  for (const [kind, settings, why] of faults) {
    const { told, use } = read(kind, settings);
    assert.equal(use, undefined, JSON.stringify(settings));
    assert.match(told.join("\n"), why, JSON.stringify(settings));
    assert.ok(!told.join().includes("swordfish"), told.join());
  }
});

test("files are wished for, and looked at first", async () => {
  await using folder = await tempFolder();
  await writeFile(folder.file("users"), `ann:${sha}\nbob:swordfish\n`);
  const { told } = read("basicAuth", { file: "users" }, folder.path);
  assert.match(told.join(), /line 2 has no hash/);
  assert.ok(!told.join().includes("swordfish"));
  await writeFile(folder.file("keys.pem"), pem);
  const { use } = read("jwt", { file: "keys.pem", audience: "a" }, folder.path);
  assert.ok(use?.kind === "jwt");
  assert.equal(use.documents[0]?.name, `jwks ${folder.file("keys.pem")}`);
  await writeFile(folder.file("secret"), `${"s".repeat(40)}\n`);
  const shared = read("jwt", { secretFile: "secret", audience: "a" }, folder.path).use;
  assert.ok(shared?.kind === "jwt");
  assert.equal(shared.secret, "s".repeat(40));
});

test("whatever stands in the place of a secret, no message repeats it", () => {
  const slips: readonly (readonly [kind: string, settings: unknown])[] = [
    ...["basicAuth", "digestAuth", "apiKey", "jwt", "oidc"].map((kind) => [kind, "pa55"] as const),
    ...["basicAuth", "digestAuth"].map((kind) => [kind, { users: "ann:pa55" }] as const),
    ["basicAuth", ["ann:pa55"]],
    ["basicAuth", { users: { ann: "pa55" } }],
    ["basicAuth", { users: 5555 }],
    ["apiKey", { keys: ["pa55"] }],
    ["jwt", { secret: "pa55", audience: "any" }],
    ["jwt", { jwks: "ftp://ann:pa55@a.test", audience: "any" }],
    ["forwardAuth", "ftp://ann:pa55@a.test"],
    ["forwardAuth", { address: "http://ann:pa55@a.test:x" }],
    ["ipRules", { allow: { url: "ann:pa55@a.test" } }],
  ];
  for (const [kind, settings] of slips) {
    const all = read(kind, settings).told.join("\n");
    assert.notEqual(all, "", JSON.stringify(settings));
    assert.doesNotMatch(all, /pa55|5555/, JSON.stringify(settings));
  }
});

test("what was shown in the place of a secret is none", () => {
  const unshown = "(not shown)";
  const oidc = { issuer: "https://id.test", clientId: "a", clientSecret: unshown };
  for (const [kind, settings] of [
    ["basicAuth", { users: unshown }],
    ["oidc", oidc],
    ["jwt", { secret: unshown, audience: "any" }],
    ["headers", { request: { set: { Authorization: unshown } } }],
  ] as const) {
    assert.match(read(kind, settings).told.join(), /stands where a secret is not shown/, kind);
  }
  const harmless = { request: { set: { "X-Team": unshown } } };
  assert.deepEqual(read("headers", harmless).told, []);
});
