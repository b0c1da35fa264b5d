import assert from "node:assert/strict";
import { test } from "node:test";
import { writeFile } from "node:fs/promises";
import { certificates } from "../../test/harness/certificates.ts";
import { needs } from "../../test/harness/needs.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";

function read(admin: string, more = 'listeners: { web: ":8080" }', baseFolder = "/") {
  const text = `routes: { a.test: { whoami: true } }\n${more}\n${admin}\n`;
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder });
  return { admin: snapshot?.admin, problems: problems.map(formatProblem) };
}

const usual = { host: "127.0.0.1", port: 8081, isSaid: false, tls: undefined, hosts: [], cors: [] };

test("the API is on at an address of this machine, and can be left out", () => {
  assert.deepEqual(read("").admin, usual);
  assert.deepEqual(read("admin:").admin, usual, "all lines below it are commented out");
  assert.deepEqual(read("admin: true").admin, { ...usual, isSaid: true });
  assert.deepEqual(read("admin: false"), { admin: undefined, problems: [] });
  const text =
    "admin: { bind: '[::1]:0', hosts: [Gate.Example.com], cors: ['https://c.test:8443'] }";
  assert.deepEqual(read(text).admin, {
    ...usual,
    ...{ host: "::1", port: 0, isSaid: true, hosts: ["gate.example.com"] },
    cors: ["https://c.test:8443"],
  });
});

test("it does not listen for others without TLS, unless that is meant", () => {
  for (const bind of [":8081", "192.0.2.1:8081", "'[2001:db8::1]:8081'", "0.0.0.0:0"]) {
    const { admin, problems } = read(`admin: { bind: ${bind} }`);
    assert.equal(admin, undefined, bind);
    assert.match(
      problems.join(),
      /t\.yaml:3:\d+: admin\.bind: passwords .* plain text; add tls: /,
      bind,
    );
    assert.deepEqual(read(`admin: { bind: ${bind}, allowPlain: true }`).problems, [], bind);
  }
});

test("with TLS it listens anywhere", { skip: needs("openssl") }, async () => {
  await using folder = await tempFolder();
  const { cert, key } = await certificates();
  await writeFile(folder.file("c.pem"), cert);
  await writeFile(folder.file("k.pem"), key);
  const tls = "tls: { cert: c.pem, key: k.pem }";
  const found = read(`admin: { bind: ":8443", ${tls} }`, undefined, folder.path);
  assert.deepEqual(found.problems, []);
  assert.deepEqual(found.admin?.tls, { certificate: cert, key });
  const broken = read(
    'admin: { bind: ":8443", tls: { cert: c.pem, key: c.pem } }',
    undefined,
    folder.path,
  );
  assert.match(
    broken.problems.join(),
    /admin\.tls\.key: holds no PEM key|holds a certificate, and no key/,
  );
});

test("a listener at its usual address goes first, and one at an address that was chosen is refused", () => {
  const web = "listeners: { web: ':8081' }";
  const found = read("", web);
  assert.equal(found.admin, undefined);
  assert.match(
    found.problems.join(),
    /warning: admin: the admin API is off: .* write admin: \{ bind/,
  );
  assert.match(read("admin: false", web).problems.join(), /^$/);
  const both = read("admin: { bind: 127.0.0.1:9 }", "listeners: { web: '127.0.0.1:9' }");
  assert.match(both.problems.join(), /127\.0\.0\.1:9 already belongs to admin\.bind/);
});

test("what makes no sense is told with what to write", () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["admin: 8081", /must be a mapping, true or false, not the number 8081; write false, or bind/],
    ["admin: { bind: unix:/run/x.sock }", /the control socket is there in any case/],
    ["admin: { bind: localhost:8081 }", /write 127\.0\.0\.1:8081/],
    ["admin: { cors: ['*'] }", /"\*" is not an origin; write https:/],
    ["admin: { cors: ['https://a.test/'] }", /is not an origin/],
    ["admin: { hosts: ['a.test:80'] }", /is not a host name; write a name without port/],
    ["admin: { port: 1 }", /unknown key "port"/],
    ["admin: { tls: { cert: a.pem } }", /admin\.tls\.key: key is missing|tls: key is missing/],
  ];
  for (const [text, pattern] of wrong) assert.match(read(text).problems.join("\n"), pattern, text);
});
