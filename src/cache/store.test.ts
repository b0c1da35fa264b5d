import assert from "node:assert/strict";
import { test } from "node:test";
import { mostVariants } from "../config/cache-limits.ts";
import { type Purge, type Shelf, Store } from "./store.ts";
import { bodyOf, type Stored } from "./stored.ts";

const budget = 1_000_000;

function answer(length: number, tags: readonly string[] = []): Stored {
  return {
    ...{ status: 200, date: "", lines: "", head: "", etag: "", lastModified: "", tags },
    ...{ bornAt: 0, freshUntil: 0, whileRevalidateUntil: 0, ifErrorUntil: 0, tookMs: 0 },
    isPublic: false,
    ...bodyOf([Buffer.alloc(length)], length),
  };
}

function put(store: Store, shelf: Shelf, key: string, length = 9000, now = 0): boolean {
  return store.put(shelf, { key, url: key, names: [] }, "", answer(length), now);
}

function fill(store: Store, shelf: Shelf, count: number, prefix = "k"): void {
  for (let at = 0; at < count; at++) put(store, shelf, `${prefix}${at}`);
}

test("it never holds more than its budget, and counts what it holds", () => {
  const store = new Store(budget);
  const shelf = store.open("a");
  fill(store, shelf, 500);
  assert.ok(store.bytes <= budget);
  assert.equal(shelf.bytes, store.bytes);
  assert.equal(
    shelf.bytes,
    [...shelf.kept.values()].reduce((sum, each) => sum + each.bytes, 0),
  );
  assert.ok(shelf.evictions > 300);
  store.close(shelf);
  assert.equal(store.bytes, 0);
  assert.equal(put(store, shelf, "late"), false);
});

test("a route with many answers does not push out those of another", () => {
  const store = new Store(budget);
  const [small, large] = [store.open("small"), store.open("large")];
  fill(store, small, 30);
  fill(store, large, 1000, "l");
  assert.equal(small.kept.size, 30);
  fill(store, small, 60);
  assert.ok(small.bytes > 0.45 * budget && small.bytes < 0.55 * budget, String(small.bytes));
});

test("what was asked for again outlives what was asked for once", () => {
  const store = new Store(budget);
  const shelf = store.open("a");
  fill(store, shelf, 10, "old");
  for (let at = 0; at < 10; at++) store.find(shelf, `old${at}`, 10_000);
  fill(store, shelf, 500, "new");
  for (let at = 0; at < 10; at++) assert.ok(store.find(shelf, `old${at}`, 20_000), String(at));
});

test("one answer takes an eighth at most, and has so many variants at most", () => {
  const store = new Store(budget);
  const shelf = store.open("a");
  assert.equal(put(store, shelf, "huge", budget / 8), false);
  for (let at = 0; at < 2 * mostVariants; at++) {
    store.put(shelf, { key: "k", url: "k", names: ["x"] }, String(at), answer(10), 0);
  }
  assert.equal(shelf.kept.get("k")?.variants.size, mostVariants);
  // What it varies by has changed: nothing of before can be found.
  store.put(shelf, { key: "k", url: "k", names: ["y"] }, "y", answer(10), 0);
  assert.deepEqual([...(shelf.kept.get("k")?.variants.keys() ?? [])], ["y"]);
  assert.equal(store.bytes, shelf.kept.get("k")?.bytes);
});

test("by URL, beginning, tag or all: what is meant is taken out, and nothing else", () => {
  const keys = ["1 https://a/x", "2 https://a/x", "1 https://a/xy", "1 https://b/x"];
  const left = (purge: Purge) => {
    const store = new Store(budget);
    const shelf = store.open("a");
    for (const key of keys) {
      const place = { key, url: key.slice(2), names: [] };
      store.put(shelf, place, "", answer(10, key.endsWith("b/x") ? ["t", "u"] : ["v"]), 0);
    }
    const count = store.purge(shelf, purge);
    assert.equal(count + shelf.kept.size, keys.length);
    assert.equal(shelf.kept.size === 0, store.bytes === 0);
    return [...shelf.kept.keys()];
  };
  assert.deepEqual(left({ kind: "url", value: "https://a/x" }), [keys[2], keys[3]]);
  assert.deepEqual(left({ kind: "prefix", value: "https://a/" }), [keys[3]]);
  assert.deepEqual(left({ kind: "tag", value: "t" }), keys.slice(0, 3));
  assert.deepEqual(left({ kind: "tag", value: "https" }), keys);
  assert.deepEqual(left({ kind: "all", value: "" }), []);
});
