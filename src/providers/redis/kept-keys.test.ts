import assert from "node:assert/strict";
import { test } from "node:test";
import { redisLimits as limits, sources } from "../../config/provider-limits.ts";
import { KeptKeys, type Keys } from "./kept-keys.ts";

const names = (keys: Keys<string>) => [...keys.entries()].map(([key]) => key).join(" ");

test("keys are in the order of their names, however they came, went and came back", () => {
  const keys = new KeptKeys<string>(({ length }) => length);
  for (const key of ["c", "a", "e"]) assert.equal(keys.put(key, key), "new");
  assert.equal(names(keys), "a c e");
  keys.put("b", "b");
  keys.put("c", undefined);
  assert.equal(names(keys), "a b e");
  keys.put("c", "c");
  keys.put("a", undefined);
  keys.put("a", "again");
  assert.deepEqual([...keys.entries()][0], ["a", "again"]);
  assert.equal(names(keys), "a b c e");
  assert.equal(keys.keepOnly(new Set(["b", "x"])), true);
  assert.equal(keys.keepOnly(new Set(["b", "x"])), false);
  assert.equal(names(keys), "b");
});

test("what is the very same as before is no news", () => {
  const keys = new KeptKeys<{ readonly text: string }>(({ text }) => text.length);
  const one = { text: "one" };
  assert.equal(keys.put("a", one), "new");
  assert.equal(keys.put("a", one), "same");
  assert.equal(keys.put("b", undefined), "same");
  assert.equal(keys.put("a", { text: "one" }), "new");
});

test("beyond so many keys those that are there stay, and change", () => {
  const keys = new KeptKeys<number>(() => 1);
  for (let index = 0; index < sources.items; index++) keys.put(`k${index}`, index);
  assert.equal(keys.put("more", 1), "too much");
  assert.equal(keys.put("k7", -7), "new");
  keys.put("k8", undefined);
  assert.equal(keys.put("more", 1), "new");
});

test("beyond so many bytes what was there stays as it was, and less is taken", () => {
  const keys = new KeptKeys<number>((size) => size);
  const half = limits.bytes / 2 - 1;
  assert.equal(keys.put("a", half), "new");
  assert.equal(keys.put("b", half), "new");
  assert.equal(keys.put("c", 1), "too much");
  assert.equal(keys.put("a", half + 1), "too much");
  assert.equal(keys.get("a"), half);
  assert.equal(keys.put("a", 1), "new");
  assert.equal(keys.put("c", 1), "new");
});
