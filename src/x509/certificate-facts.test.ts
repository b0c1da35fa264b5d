// Certificates as others make them: here openssl, with what public authorities put into theirs.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { runCommand } from "../../test/harness/command.ts";
import { needs } from "../../test/harness/needs.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { readBundle } from "./bundle.ts";
import { factsOf } from "./certificate-facts.ts";
import { certificateRequest } from "./certificate-request.ts";
import { newAuthority } from "./issue-certificate.ts";
import { keyPem, newKey, pemOf } from "./signed.ts";

const skip = needs("openssl");
const root = newAuthority({ name: "Root", days: 9 });

/** @param subject of openssl: `/CN=a.test` */
async function issuedByOpenssl(extensions: readonly string[], subject: string, key = newKey()) {
  await using folder = await tempFolder();
  const request = certificateRequest({ key, names: ["ignored.test"] });
  const files = {
    "r.csr": pemOf("CERTIFICATE REQUEST", request),
    "ca.pem": root.cert,
    "ca.key": root.key,
    "x.ext": extensions.join("\n"),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(folder.file(name), text);
  const line =
    "x509 -req -in r.csr -CA ca.pem -CAkey ca.key -days 5 -extfile x.ext -out c.pem -CAcreateserial";
  const words = [...line.split(" "), "-set_serial", "0x87654321", "-subj", subject];
  const { code, stderr } = await runCommand("openssl", words, { cwd: folder.path });
  assert.equal(code, 0, stderr);
  return { pem: await readFile(folder.file("c.pem"), "utf8"), key };
}

const alternative =
  "subjectAltName=DNS:A.test,DNS:*.b.test,IP:10.0.0.1,IP:2001:db8::1,email:x@a.test";
const page = "http://ca.test/ca.der";

test("what a public authority writes is read", { skip }, async () => {
  const { pem, key } = await issuedByOpenssl(
    [
      alternative,
      "tlsfeature=status_request",
      `authorityInfoAccess=OCSP;URI:http://ocsp.test/x,caIssuers;URI:${page}`,
      "authorityKeyIdentifier=keyid",
    ],
    "/C=DE/O=Somebody/CN=other.test",
  );
  const facts = factsOf(new X509Certificate(pem));
  assert.deepEqual(facts.names, ["a.test", "*.b.test", "10.0.0.1", "2001:db8::1"]);
  assert.equal(facts.mustStaple, true);
  assert.equal(facts.ocspUrl, "http://ocsp.test/x");
  assert.match(facts.ariId ?? "", /^[\w-]{27}\.AIdlQyE$/);
  assert.equal(facts.issuer, "Root");
  assert.equal(facts.subject, "other.test");
  assert.match(facts.fingerprint, /^[0-9a-f]{64}$/);
  assert.ok(facts.notAfter - facts.notBefore === 5 * 86_400_000);
  const { remarks } = readBundle(pem + keyPem(key));
  assert.deepEqual(remarks, [
    `the certificate of the issuer, Root, is missing, and many clients will refuse: append it (${page})`,
  ]);
});

test("the common name counts only where there are no other names", { skip }, async () => {
  const bare = await issuedByOpenssl(["basicConstraints=CA:FALSE"], "/O=x/CN=C.test");
  const facts = factsOf(new X509Certificate(bare.pem));
  assert.deepEqual(facts.names, ["c.test"]);
  assert.deepEqual([facts.mustStaple, facts.ocspUrl], [false, undefined]);
  const mail = await issuedByOpenssl(["subjectAltName=email:x@a.test"], "/CN=c.test");
  assert.deepEqual(factsOf(new X509Certificate(mail.pem)).names, []);
  const person = await issuedByOpenssl(["basicConstraints=CA:FALSE"], "/CN=Jane Doe");
  assert.deepEqual(factsOf(new X509Certificate(person.pem)).names, []);
});

test("addresses that are none of the web are no addresses", { skip }, async () => {
  const access = "authorityInfoAccess=OCSP;URI:ldap://ocsp.test/x,OCSP;URI:file:///etc/passwd";
  const { pem } = await issuedByOpenssl([access], "/CN=a.test");
  assert.equal(factsOf(new X509Certificate(pem)).ocspUrl, undefined);
});
