import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { damageOf, readBundle, readChain } from "./bundle.ts";
import { ariIdentifier, factsOf } from "./certificate-facts.ts";
import { issueCertificate, newAuthority } from "./issue-certificate.ts";
import { keyPem, newKey, pemOf } from "./signed.ts";

const days = 90;
const root = newAuthority({ name: "Root", days: 3650 });
const middle = newAuthority({ name: "Middle", days: 365, by: root });
const key = newKey();
const leaf = issueCertificate(middle, { names: ["a.test"], key, days });
const stranger = newAuthority({ name: "Stranger", days });

/** The good case: the certificates of the only pair, by their names. */
function shown(text: string): readonly string[] {
  const { pairs, problems } = readBundle(text);
  assert.deepEqual(problems, []);
  assert.equal(pairs.length, 1);
  const [pair = assert.fail()] = pairs;
  assert.equal(pair.key, keyPem(key));
  const names = pair.cert.split(/(?<=END CERTIFICATE-----\n)/).map((pem) => {
    return factsOf(new X509Certificate(pem)).subject;
  });
  assert.equal(pair.chainLength, names.length);
  return names;
}

test("the chain is put in order, whatever stands where and between", () => {
  const own = keyPem(key);
  const orders = [
    leaf + middle.cert + own,
    own + middle.cert + leaf,
    `Bag Attributes\r\n  friendlyName: x\r\n${root.cert}\nsubject=CN=x\n${leaf}${own}${stranger.cert}${middle.cert}`,
    `\uFEFF${middle.cert}${middle.cert}${own}${own}${leaf}`,
    (leaf + own + middle.cert).replaceAll("\n", "\r\n").replace(/\r\n$/, ""),
    leaf.replaceAll("BEGIN CERT", "BEGIN X509 CERT").replaceAll("END CERT", "END X509 CERT") +
      middle.cert +
      own,
  ];
  for (const [at, text] of orders.entries()) {
    assert.deepEqual(shown(text), ["a.test", "Middle"], `order ${at}`);
  }
});

test("strangers and the root are left out, and that is said", () => {
  const { remarks } = readBundle(root.cert + leaf + stranger.cert + middle.cert + keyPem(key));
  assert.deepEqual(remarks, [
    "the root Root is not sent: clients have it, or do not trust it",
    "the certificate Stranger belongs to no chain, and is left out",
  ]);
});

test("a namesake that did not sign is no issuer", () => {
  const namesake = newAuthority({ name: "Middle", days, by: root });
  assert.deepEqual(shown(leaf + namesake.cert + middle.cert + keyPem(key)), ["a.test", "Middle"]);
  const { pairs } = readBundle(leaf + namesake.cert + keyPem(key));
  assert.equal(pairs[0]?.chainLength, 1);
});

function damaged(pem: string): string {
  // The last bytes of a certificate are its signature.
  const raw = Buffer.from(new X509Certificate(pem).raw);
  raw[raw.length - 5] = (raw.at(-5) ?? 0) ^ 1;
  return pemOf("CERTIFICATE", raw);
}

test("a certificate with a broken signature is damaged", () => {
  const why = "a.test names Middle as who signed it, which did not: one of the two is damaged";
  const text = damaged(leaf) + middle.cert + keyPem(key);
  const { pairs, problems } = readBundle(text);
  assert.deepEqual(pairs, []);
  assert.deepEqual(problems, [why]);
  const [hasty] = readBundle(text, Date.now(), { isHasty: true }).pairs;
  assert.equal(damageOf(hasty?.cert ?? ""), why);
  assert.equal(damageOf(leaf + middle.cert), undefined);
});

test("in haste no signature is passed over that is not looked at later", () => {
  const byRoot = issueCertificate(root, { names: ["b.test"], key, days });
  for (const text of [damaged(byRoot) + root.cert, leaf + damaged(middle.cert) + root.cert]) {
    const { pairs, problems } = readBundle(text + keyPem(key), Date.now(), { isHasty: true });
    assert.deepEqual(pairs, []);
    assert.match(problems.join(), /names Root as who signed it, which did not/);
  }
});

test("of an authority's certificates the one signed by an older root is shown, not its own root", () => {
  const old = newAuthority({ name: "Old", days: 3650 });
  const crossed = newAuthority({ name: "Root", key: createPrivateKey(root.key), days, by: old });
  for (const text of [root.cert + crossed.cert, crossed.cert + root.cert]) {
    assert.deepEqual(shown(leaf + text + middle.cert + keyPem(key)), ["a.test", "Middle", "Root"]);
  }
  const now = Date.now() - 1000 * 86_400_000;
  const over = newAuthority({ name: "Root", key: createPrivateKey(root.key), days, by: old, now });
  assert.deepEqual(shown(leaf + over.cert + root.cert + middle.cert + keyPem(key)), [
    "a.test",
    "Middle",
  ]);
});

test("pairs with ECDSA and RSA may stand in one text", () => {
  const rsa = newKey("rsa");
  const second = issueCertificate(root, { names: ["a.test"], key: rsa, days });
  const { pairs, problems } = readBundle(leaf + keyPem(rsa) + second + middle.cert + keyPem(key));
  assert.deepEqual(problems, []);
  assert.deepEqual(
    pairs.map(({ facts }) => facts.keyType),
    ["rsa", "ec"],
  );
  assert.deepEqual(
    pairs.map(({ chainLength }) => chainLength),
    [1, 2],
  );
});

test("of several certificates with one key the one that lasts longest is used", () => {
  const longer = issueCertificate(middle, { names: ["a.test", "b.test"], key, days: 100 });
  const { pairs, remarks } = readBundle(leaf + longer + middle.cert + keyPem(key));
  assert.deepEqual(pairs[0]?.facts.names, ["a.test", "b.test"]);
  assert.match(remarks[0] ?? "", /the one that lasts longest is used; not a\.test until/);
});

test("what has run out is a fact, and no problem", () => {
  const now = Date.now() - 1000 * 86_400_000;
  const then = newAuthority({ name: "Then", days: 2, now });
  const over = issueCertificate(then, { names: ["a.test"], key, days: 1, now });
  const { pairs, problems } = readBundle(over + keyPem(key));
  assert.deepEqual(problems, []);
  assert.ok((pairs[0]?.facts.notAfter ?? Infinity) < Date.now());
});

test("what cannot be used is said in a sentence that helps", () => {
  const half = leaf.slice(0, 300);
  const encrypted = key.export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase: "x",
  });
  const old = key.export({ type: "sec1", format: "pem", cipher: "aes-256-cbc", passphrase: "x" });
  const rows: readonly [text: string, says: RegExp][] = [
    ["", /^it is empty$/],
    ["hello", /^no certificate is in it: it has to be PEM/],
    [keyPem(key), /^no certificate is in it, only a key$/],
    [leaf, /^no key is in it, only certificates: it begins with -----BEGIN PRIVATE KEY-----$/],
    [half, /^the CERTIFICATE of line 1 is half-written: -----END CERTIFICATE----- is missing/],
    [`${half}\n${keyPem(key)}`, /^the CERTIFICATE of line 1 is half-written/],
    [`${leaf}-----BEGIN PRIV`, /^line \d+ is half-written/],
    [
      leaf + keyPem(newKey()),
      /^the key of line \d+ does not belong to any certificate of it \(a\.test\)/,
    ],
    [leaf + String(encrypted), /^the key of line \d+ is encrypted: nobody is there/],
    [leaf + String(old), /^the key of line \d+ is encrypted: nobody is there/],
    [
      leaf.replace(/M/, "x") + keyPem(key),
      /^the CERTIFICATE of line 1 cannot be read: it is damaged/,
    ],
    ["-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", /cannot be read/],
    ["-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----", /one of OpenSSH/],
    [new X509Certificate(leaf).raw.toString("utf8"), /^it is binary/],
    ["x".repeat(600_000), /^it is larger than 512 KiB$/],
    [leaf.repeat(65), /^there is more than 64 in it; is it a list of authorities\?$/],
  ];
  for (const [text, says] of rows) {
    const { pairs, problems } = readBundle(text);
    assert.deepEqual(pairs, [], String(says));
    assert.ok(
      problems.some((each) => says.test(each)),
      `${problems.join("\n")} ${says}`,
    );
    const said = problems.join();
    assert.ok(!said.includes(keyPem(key).slice(30, 60)), "it shows the key");
  }
});

test("one bad block does not spoil the others", () => {
  const { pairs, problems } = readBundle(
    `${leaf.slice(0, 200)}\n${keyPem(newKey())}${leaf}${middle.cert}${keyPem(key)}`,
  );
  assert.equal(pairs.length, 1);
  assert.equal(problems.length, 2);
});

test("the chain of an authority begins with the first certificate", () => {
  const chain = readChain(leaf + root.cert + middle.cert) ?? assert.fail();
  assert.deepEqual(
    chain.map(({ subject }) => subject),
    ["CN=a.test", "CN=Middle"],
  );
  assert.equal(readChain("rubbish"), undefined);
  assert.equal(readChain(leaf.slice(0, 100)), undefined);
});

// The certificate of RFC 9773, appendix A.
const example = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----`;

test("renewal is asked for by the identifier of RFC 9773", () => {
  const identifier = ariIdentifier(new X509Certificate(example));
  assert.equal(identifier, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
  assert.equal(ariIdentifier(new X509Certificate(root.cert)), undefined);
});
