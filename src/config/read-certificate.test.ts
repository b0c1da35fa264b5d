import assert from "node:assert/strict";
import { test } from "node:test";
import { issued, issuedEd25519, issuer } from "../../test/harness/issued.ts";
import { defaultClientTimeouts, defaultExchangeTimeouts } from "./limits.ts";
import { splitPem } from "./read-certificate.ts";
import { readItem } from "./read-item.ts";

const timeouts = { ...defaultClientTimeouts, ...defaultExchangeTimeouts };
const options = { source: "kept", defaults: { timeouts, maxBody: 0, tcpListeners: [] } };

function read(value: unknown, name = "shop") {
  const { certificates, problems } = readItem(
    { section: "certificates", name, value, place: `key ${name}` },
    options,
  );
  const [item] = certificates;
  const told = problems.map(({ path, message, severity }) => {
    return `${severity} ${path.slice(2).join(".")}: ${message}`;
  });
  return { item, told };
}

const a = issued(["a.test", "www.a.test"]);

test("a pair is what clients are shown, its chain in order and with whose it is", () => {
  const rsa = issued(["a.test"], { kind: "rsa" });
  const { item, told } = read({ cert: issuer + rsa.cert + a.cert, key: rsa.key + a.key });
  assert.deepEqual(told, []);
  assert.deepEqual([item?.name, item?.trouble], ["shop@kept", ""]);
  assert.deepEqual(item?.origin, { provider: "kept", place: "key shop" });
  const shown = item?.held.map(({ certificate }) => certificate);
  assert.deepEqual(
    shown?.map(({ kind, names, chain }) => [kind, names.join(), chain.startsWith(issuer)]),
    [
      ["rsa", "a.test", false],
      ["ec", "a.test,www.a.test", false],
    ],
  );
  assert.equal(shown?.[1]?.chain, a.cert + issuer);
  assert.equal(shown?.[1]?.key, a.key);
});

test("what is wrong stands at the key that it stands under, and nothing of it is used", () => {
  const b = issued(["b.test"]);
  const cut = (text: string) => text.slice(0, text.length / 2);
  for (const [value, says] of [
    [{ cert: a.cert, key: b.key }, /^error cert: the key of line 1 does not belong/],
    [{ cert: cut(a.cert), key: a.key }, /^error cert: the CERTIFICATE of line 1 is half-written/],
    [{ cert: a.cert, key: cut(a.key) }, /^error key: the PRIVATE KEY of line 1 is half-written/],
    [{ cert: a.cert, key: a.cert }, /^error key: no key is in it/],
    [{ cert: a.key, key: a.key }, /^error cert: has a private key in it/],
    [{ cert: "a.pem", key: a.key }, /^error cert: no certificate is in it: it has to be PEM/],
    [{ cert: a.cert, key: "(not shown)" }, /^error key: stands for a key that is not shown/],
    [{ cert: a.cert, key: "" }, /^error key: must be the key as a PEM text/],
    [{ cert: a.cert, key: 7 }, /^error key: must be the key as a PEM text/],
    [{ cert: "x".repeat(300_000), key: a.key }, /^error cert: is longer than 256 KiB/],
    [{ cert: a.cert, key: a.key, __proto__: { key: "" }, more: 1 }, /unknown key "more"/],
    [issuedEd25519("a.test"), /^error cert: its key is of the kind ed25519/],
    [a.cert + a.key, /^error : must be a mapping$/],
    [null, /^error : has no value$/],
    [[], /^error : must be a mapping$/],
    [{ [a.key]: 1 }, /^error : has a text in the place of the name of a key$/],
  ] as const) {
    const { item, told } = read(value);
    assert.match(told[0] ?? "", says);
    assert.deepEqual(item?.held, []);
    assert.ok((item?.trouble ?? "") !== "", "it says why");
    for (const { key } of [a, b]) {
      const secret = key.split("\n")[1] ?? "-";
      assert.ok(!(told.join() + item?.trouble).includes(secret.slice(4, 20)), "a key is told");
    }
  }
});

test("who names a host means a certificate for it", () => {
  const value = { cert: a.cert + issuer, key: a.key };
  const wild = issued(["*.a.test"]);
  assert.deepEqual(read(value, "tls:a.test").told, []);
  assert.deepEqual(read(value, "tls:WWW.a.test").told, []);
  assert.deepEqual(read({ ...wild, cert: wild.cert + issuer }, "tls:*.a.test").told, []);
  assert.deepEqual(read({ ...wild, cert: wild.cert + issuer }, "tls:b.a.test").told, []);
  for (const name of ["tls:b.test", "tls:*.a.test", "tls:", "tls:*", "tls:x.y.a.test"]) {
    const { item, told } = read(value, name);
    assert.match(told[0] ?? "", /^error cert: is for a\.test, www\.a\.test, and not for "/);
    assert.deepEqual(item?.held, []);
  }
});

test("one that has ended is kept and told of; so is what is odd about it", () => {
  const old = issued(["old.test"], { now: Date.now() - 100 * 86_400_000 });
  const { item, told } = read({ cert: old.cert + issuer, key: old.key });
  assert.deepEqual(told, ["warning cert: that of old.test has ended: clients refuse it"]);
  assert.equal(item?.held.length, 1);
});

test("one text with both is taken apart, whatever stands between", () => {
  const text = `some words\n${a.cert}${a.key}more\n${issuer}`;
  const { cert, key } = splitPem(text);
  assert.ok(!cert.includes("PRIVATE KEY"));
  assert.equal(key, a.key);
  assert.deepEqual(read(splitPem(text)).told, []);
  // What is half-written stays where who reads it says so.
  assert.match(read(splitPem(a.cert + a.key.slice(0, 90))).told[0] ?? "", /^error key: must be/);
  assert.equal(splitPem("").key, "");
  const many = splitPem("-----BEGIN PRIVATE KEY-----\n".repeat(9000));
  assert.equal(many.key, "");
});
