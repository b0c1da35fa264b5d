// What we make is good when openssl, which did not make it, says so.

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, X509Certificate } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { runCommand } from "../../test/harness/command.ts";
import { needs } from "../../test/harness/needs.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { factsOf } from "./certificate-facts.ts";
import { certificateRequest } from "./certificate-request.ts";
import { alpnCertificate, issueCertificate, newAuthority } from "./issue-certificate.ts";
import { type KeyKind, newKey } from "./signed.ts";

const skip = needs("openssl");
const names = ["a.test", "*.b.test", "10.0.0.1", "2001:db8::1"];
const day = 86_400_000;

async function openssl(files: Readonly<Record<string, string | Buffer>>, line: string) {
  await using folder = await tempFolder();
  for (const [name, content] of Object.entries(files)) await writeFile(folder.file(name), content);
  const { code, stdout, stderr } = await runCommand("openssl", line.split(" "), {
    cwd: folder.path,
  });
  return { isGood: code === 0, said: stdout + stderr };
}

for (const kind of ["ec", "ec384", "rsa"] as const satisfies KeyKind[]) {
  test(
    `openssl takes a request and certificates with a key of kind ${kind}`,
    { skip },
    async () => {
      const key = newKey(kind);
      for (const mustStaple of [false, true]) {
        const request = certificateRequest({ key, names, mustStaple });
        const line = "req -inform der -in r.der -verify -noout -text";
        const { isGood, said } = await openssl({ "r.der": request }, line);
        assert.ok(isGood && said.includes("verify OK"), said);
        assert.match(
          said,
          /DNS:a\.test, DNS:\*\.b\.test, IP Address:10\.0\.0\.1, IP Address:2001:DB8:/,
        );
        assert.equal(said.includes("status_request"), mustStaple);
      }
      const root = newAuthority({ name: "Root", key: newKey(kind), days: 3650 });
      const middle = newAuthority({ name: "Middle", key: newKey(kind), days: 365, by: root });
      const leaf = issueCertificate(middle, { names, key, days: 90 });
      const files = { root: root.cert, middle: middle.cert, leaf };
      const line =
        "verify -x509_strict -purpose sslserver -CAfile root -untrusted middle -verify_hostname";
      const taken = await openssl(files, `${line} x.b.test leaf`);
      assert.ok(taken.isGood, taken.said);
      const other = await openssl(files, `${line} b.test leaf`);
      assert.ok(!other.isGood, "a wildcard does not cover the name itself");
    },
  );
}

test("an authority below another one makes servers' certificates alone", { skip }, async () => {
  const root = newAuthority({ name: "Root", days: 3650 });
  const middle = newAuthority({ name: "Middle", days: 365, by: root });
  const below = newAuthority({ name: "Below", days: 365, by: middle });
  const leaf = issueCertificate(below, { names, key: newKey(), days: 9 });
  const files = { root: root.cert, middle: middle.cert + below.cert, leaf };
  const { isGood, said } = await openssl(files, "verify -CAfile root -untrusted middle leaf");
  assert.ok(!isGood);
  assert.match(said, /path length constraint exceeded/);
});

test("certificates begin before they are made, end with their authority, and differ", () => {
  const now = Date.parse("2026-11-21T12:00:00Z");
  const root = newAuthority({ name: "Root", days: 10, now });
  const key = newKey();
  const made = [1, 2].map(
    () => new X509Certificate(issueCertificate(root, { names, key, days: 90, now })),
  );
  const [one = assert.fail(), two = assert.fail()] = made.map((each) => factsOf(each));
  assert.equal(one.notBefore, now - 600_000);
  assert.equal(one.notAfter, now + 10 * day);
  assert.notEqual(one.fingerprint, two.fingerprint);
  assert.match(made[0]?.serialNumber ?? "", /^[4-7][0-9A-F]{31}$/);
  assert.deepEqual(one.names, names);
  assert.equal(one.isAuthority, false);
  assert.equal(factsOf(new X509Certificate(root.cert)).isAuthority, true);
});

test(
  "a challenge is answered with a critical acmeIdentifier and the one name",
  { skip },
  async () => {
    const digest = createHash("sha256").update("token.thumbprint").digest();
    for (const name of ["a.test", "10.0.0.1"]) {
      const cert = alpnCertificate(name, digest, newKey());
      const { said } = await openssl({ cert }, "x509 -in cert -noout -text");
      assert.match(said, /1\.3\.6\.1\.5\.5\.7\.1\.31: critical/);
      assert.deepEqual(factsOf(new X509Certificate(cert)).names, [name]);
      const wrapped = Buffer.concat([Buffer.from([0x04, 0x20]), digest]);
      assert.ok(new X509Certificate(cert).raw.includes(wrapped));
    }
  },
);

test("nobody makes certificates with a key that no browser takes", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-521" });
  assert.throws(
    () => certificateRequest({ key: privateKey, names }),
    /ec on secp521r1; take P-256/,
  );
});
