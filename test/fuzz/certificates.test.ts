import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readBundle, readChain } from "../../src/x509/bundle.ts";
import { partsOf, readDer } from "../../src/x509/der-reader.ts";
import { certificateName, namesWithin } from "../../src/x509/names.ts";
import { issueCertificate, newAuthority } from "../../src/x509/issue-certificate.ts";
import { keyPem, newKey } from "../../src/x509/signed.ts";
import { fuzz } from "./fuzz.ts";

const key = newKey();
const root = newAuthority({ name: "Root", days: 30 });
const leaf = issueCertificate(root, { names: ["a.test"], key, days: 9 });
const secret = keyPem(key).split("\n").slice(1, -2);

fuzz({
  name: "certificates",
  words: [
    leaf,
    root.cert,
    keyPem(key),
    leaf.slice(0, 200),
    leaf.slice(200),
    "-----BEGIN ",
    "-----END ",
    "-----BEGIN CERTIFICATE-----",
    "-----END CERTIFICATE-----",
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
    "\r\n",
    "\0",
    "0\x82\x01\x00",
    "\x30\x80",
    "\x82\x06a.test",
  ],
  check(given) {
    // The corpus holds no keys: those of this run take their places.
    const input = given
      .replaceAll("{leaf}", leaf)
      .replaceAll("{root}", root.cert)
      .replaceAll("{key}", keyPem(key));
    const { pairs, problems, remarks } = readBundle(input);
    assert.ok(pairs.length > 0 || problems.length > 0, "it says nothing");
    for (const { cert, key: own, chainLength, facts } of pairs) {
      assert.ok(new X509Certificate(cert).checkPrivateKey(createPrivateKey(own)));
      assert.equal(cert.match(/-----BEGIN CERTIFICATE-----/g)?.length, chainLength);
      assert.deepEqual(
        facts.names.map((each) => certificateName(each)?.value),
        facts.names,
      );
    }
    const said = [...problems, ...remarks].join("\n");
    assert.ok(!secret.some((line) => said.includes(line)), "it shows the key");
    readChain(input);

    const bytes = Buffer.from(given, "latin1");
    const element = readDer(bytes);
    assert.ok((element?.whole.length ?? 0) <= bytes.length);
    const parts = partsOf(bytes);
    if (parts !== undefined) {
      assert.deepEqual(Buffer.concat(parts.map(({ whole }) => whole)), bytes);
    }
    assert.ok(!namesWithin(bytes).includes(""));
    return pairs.length > 0;
  },
});
