import assert from "node:assert/strict";
import { test } from "node:test";
import type { CertificateItem } from "../config/certificate-item.ts";
import type { Certificate } from "../config/certificate.ts";
import { inOrderOfTrust, isSameItems } from "./certificate-sources.ts";

function certificate(id: string, provider: string): Certificate {
  return {
    ...{ id, names: [`${id}.test`], chain: "", key: "", kind: "ec", notBefore: 0, notAfter: 1 },
    ...{ origin: { provider, place: id }, staple: undefined },
  };
}

function item(provider: string, ...ids: readonly string[]): CertificateItem {
  const held = ids.map((id) => {
    return { certificate: certificate(id, provider), issuer: "", remarks: [] };
  });
  const origin = { provider, place: provider };
  return { name: `x@${provider}`, origin, held, trouble: "", since: 0 };
}

test("files go first, then what is kept elsewhere, then our own; each is there once", () => {
  const files = [certificate("a", "file")];
  const said = [item("store", "b", "c"), item("redis", "c", "a", "d"), item("etcd")];
  const own = [certificate("e", "acme")];
  assert.deepEqual(
    inOrderOfTrust(files, said, own).map(({ id, origin }) => `${id} ${origin.provider}`),
    ["a file", "b store", "c store", "d redis", "e acme"],
  );
  assert.deepEqual(inOrderOfTrust(files, [], own), [...files, ...own]);
});

test("the same items are known by being the same objects", () => {
  const [a, b] = [item("store", "a"), item("redis", "b")];
  assert.equal(isSameItems([a, b], [a, b]), true);
  assert.equal(isSameItems([a, b], [a]), false);
  assert.equal(isSameItems([a], [{ ...a }]), false);
  assert.equal(isSameItems([], undefined), false);
});
