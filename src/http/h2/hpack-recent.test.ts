import assert from "node:assert/strict";
import { test } from "node:test";
import { Recent } from "./hpack-recent.ts";

interface Item {
  readonly key: string;
}

test("what is asked for stays, and the rest is forgotten in two generations", () => {
  const recent = new Recent<Item>(10, 1000);
  const used: Item = { key: "used" };
  recent.add(used);
  const items = Array.from({ length: 200 }, (_, at): Item => ({ key: `item ${at}` }));
  for (const item of items) {
    recent.add(item);
    assert.equal(recent.get("used"), used);
    assert.equal(recent.likely("used"), used);
  }
  const left = items.filter(({ key }) => recent.get(key) !== undefined);
  assert.ok(left.length >= 9 && left.length <= 19, `${left.length} are left`);
  assert.ok(left.includes(items.at(-1)!));
});

test("a generation holds so many characters, and nothing that is longer alone", () => {
  const recent = new Recent<Item>(1000, 100);
  const items = Array.from({ length: 20 }, (_, at): Item => ({ key: String(at).repeat(10) }));
  for (const item of items) recent.add(item);
  const held = () => items.filter(({ key }) => recent.likely(key) ?? recent.get(key));
  const characters = held().reduce((sum, { key }) => sum + key.length, 0);
  assert.ok(characters > 100 && characters <= 200, `${characters} characters`);
  recent.add({ key: "x".repeat(101) });
  assert.equal(recent.get("x".repeat(101)), undefined);
});

test("keys that look alike are told apart", () => {
  const recent = new Recent<Item>(1000, 100_000);
  // All the same at the places that are looked at.
  const keys = Array.from(
    { length: 50 },
    (_, at) => `a${String(at).padStart(3, "0")}${"b".repeat(40)}`,
  );
  for (const key of keys) recent.add({ key });
  for (let round = 0; round < 2; round++) {
    for (const key of keys) {
      const likely = recent.likely(key);
      assert.ok(likely === undefined || likely.key === key);
      assert.equal(recent.get(key)?.key, key);
      assert.equal(recent.likely(key)?.key, key);
    }
  }
  assert.equal(recent.get(`a999${"b".repeat(40)}`), undefined);
  for (const key of ["", "a", "ab", "abc"]) assert.equal(recent.get(key), undefined);
});
