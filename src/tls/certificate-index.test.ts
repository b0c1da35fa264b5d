import assert from "node:assert/strict";
import { test } from "node:test";
import type { Certificate } from "../config/certificate.ts";
import { CertificateIndex } from "./certificate-index.ts";

const now = Date.parse("2026-11-21T12:00:00Z");
const day = 86_400_000;

/** @param key stands for the certificate */
function certificate(key: string, names: string, more: Partial<Certificate> = {}): Certificate {
  return {
    ...{ id: key, key, chain: key, names: names.split(" "), kind: "ec", staple: undefined },
    ...{ notBefore: now - day, notAfter: now + day, origin: { provider: "file", place: "/" } },
    ...more,
  };
}

const ended = { notAfter: now - 1 };

function shown(certificates: readonly Certificate[], name: string, at = now): string[] {
  const index = new CertificateIndex(certificates, () => at);
  return (index.find(name)?.certificates ?? []).map(({ key }) => key);
}

test("an exact name goes before a star, which stands for one label", () => {
  const all = [certificate("star", "*.a.test"), certificate("exact", "x.a.test")];
  assert.deepEqual(shown(all, "x.a.test"), ["exact"]);
  assert.deepEqual(shown(all, "y.a.test"), ["star"]);
  for (const name of ["a.test", "x.y.a.test", "", ".a.test", "test"]) {
    assert.deepEqual(shown(all, name), [], name);
  }
});

test("a valid one goes before one that has ended, also one of a star before an exact one", () => {
  const all = [certificate("old", "x.a.test", ended), certificate("star", "*.a.test")];
  assert.deepEqual(shown(all, "x.a.test"), ["star"]);
  assert.deepEqual(shown([...all, certificate("new", "x.a.test")], "x.a.test"), ["new"]);
  const over = [certificate("old", "x.a.test", ended), certificate("star", "*.a.test", ended)];
  assert.deepEqual(shown(over, "x.a.test"), ["old"], "a warning says more than nothing");
});

test("clients choose between both kinds, unless one has ended", () => {
  const rsa = certificate("rsa", "a.test", { kind: "rsa" });
  const ec = certificate("ec", "a.test");
  assert.deepEqual(shown([rsa, ec], "a.test"), ["ec", "rsa"]);
  assert.deepEqual(shown([rsa, { ...ec, ...ended }], "a.test"), ["rsa"]);
});

test("what ends while it is shown is noticed, and so is a clock that is set back", () => {
  let at = now;
  const all = [
    certificate("short", "a.test"),
    certificate("long", "a.test", { notAfter: Infinity }),
  ];
  const index = new CertificateIndex(all, () => at);
  const key = () => index.find("a.test")?.certificates[0]?.key;
  assert.equal(key(), "short");
  at += 2 * day;
  assert.equal(key(), "long");
  at -= 2 * day;
  assert.equal(key(), "short");
});
