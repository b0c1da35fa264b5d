import assert from "node:assert/strict";
import { test } from "node:test";
import { textsOf, withForeign } from "./shared-proofs.ts";

const none = { http: {}, alpn: {} };
const proofs = { http: { token: "token.key" }, alpn: { "a.test": { chain: "c", key: "k" } } };

test("what one node shows is what the others show, beside their own", () => {
  const texts = textsOf(proofs);
  assert.deepEqual([...texts.keys()], ["http/token", "alpn/a.test"]);
  assert.deepEqual(withForeign(none, texts), proofs);
  const own = { http: { mine: "x" }, alpn: {} };
  assert.deepEqual(withForeign(own, texts).http, { token: "token.key", mine: "x" });
  assert.equal(withForeign(own, new Map()), own);
});

test("rubbish in etcd is passed over", () => {
  const texts = new Map([
    ["alpn/a.test", "{"],
    ["alpn/b.test", '{"chain":1}'],
    ["http/__proto__", "x"],
    ["other/x", "y"],
  ]);
  const { http, alpn } = withForeign(none, texts);
  assert.deepEqual(Object.keys(alpn), []);
  assert.deepEqual(Object.entries(http), [["__proto__", "x"]]);
});
