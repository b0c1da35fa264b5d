import assert from "node:assert/strict";
import { test } from "node:test";
import { etcdSource as limits, sources } from "../config/provider-limits.ts";
import { Keyspace } from "./keyspace.ts";

const put = (key: string, value = "") => ({ key, value, revision: "1" });
const gone = (key: string) => ({ key, value: undefined, revision: "2" });
const keysOf = (space: Keyspace) => [...space.entries()].map(({ key, value }) => `${key}=${value}`);

test("changes are applied in their order, and keys are told in theirs", () => {
  const space = new Keyspace();
  space.apply([put("b", "1"), put("a", "2"), put("b", "3"), put("c", "4")]);
  assert.deepEqual(keysOf(space), ["a=2", "b=3", "c=4"]);
  space.apply([gone("b"), gone("none"), put("aa", "5")]);
  assert.deepEqual(keysOf(space), ["a=2", "aa=5", "c=4"]);
  space.apply([gone("c"), put("c", "6"), put("__proto__", "7")]);
  assert.deepEqual(keysOf(space), ["__proto__=7", "a=2", "aa=5", "c=6"]);
  assert.equal(space.left, 0);
});

test("more keys than anybody has are left alone, and those that were there go on changing", () => {
  const space = new Keyspace();
  space.apply(Array.from({ length: limits.keys }, (_, at) => put(`k${at}`)));
  space.apply([put("one more"), put("k7", "new")]);
  assert.equal(space.left, 1);
  assert.equal(keysOf(space).length, limits.keys);
  assert.ok(keysOf(space).includes("k7=new"));
  space.apply([gone("k8"), put("another")]);
  assert.ok(keysOf(space).includes("another="));
});

test("all values together are bounded, and room that is given back counts", () => {
  const space = new Keyspace();
  const value = "x".repeat(sources.itemBytes);
  const fits = Math.floor(limits.bytes / (value.length + 4));
  const names = Array.from({ length: fits + 10 }, (_, at) => String(at).padStart(4, "0"));
  space.apply(names.map((name) => put(name, value)));
  assert.equal(space.left, 10);
  assert.equal(keysOf(space).length, fits);
  space.apply(names.map(gone));
  space.apply(names.slice(0, fits).map((name) => put(name, value)));
  assert.equal(space.left, 10);
  assert.equal(keysOf(space).length, fits);
});
