import assert from "node:assert/strict";
import { test } from "node:test";
import { fileCache } from "../config/files-limits.ts";
import { FileCache, Shelf } from "./file-cache.ts";

test("what was seen is believed for a second, and remembered beyond", () => {
  const shelf = new Shelf(new FileCache<string>());
  shelf.put("/a", "one", 3, 1000);
  assert.equal(shelf.get("/a", 1000), "one");
  assert.equal(shelf.get("/a", 1000 + fileCache.believedFor), "one");
  assert.equal(shelf.get("/a", 1001 + fileCache.believedFor), undefined);
  assert.equal(shelf.last("/a"), "one");
  shelf.put("/a", "two", 3, 5000);
  assert.equal(shelf.get("/a", 5500), "two");
  shelf.remove("/a");
  assert.equal(shelf.last("/a"), undefined);
});

test("all shelves together hold so many bytes, and what nobody asks for goes first", () => {
  const cache = new FileCache<number>(100, 50);
  const one = new Shelf(cache);
  const two = new Shelf(cache);
  for (let at = 0; at < 5; at++) one.put(`/${at}`, at, 10, 0);
  for (let at = 0; at < 5; at++) two.put(`/${at}`, at, 10, 0);
  assert.equal(cache.bytes, 100);
  assert.equal(one.get("/0", 1), 0);
  two.put("/x", 9, 30, 0);
  assert.equal(cache.bytes, 100);
  assert.equal(one.last("/0"), 0, "somebody had asked for it");
  assert.deepEqual(
    [1, 2, 3].map((at) => one.last(`/${at}`)),
    [undefined, undefined, undefined],
  );
  assert.equal(one.last("/4"), 4);
});

test("what is larger than all there may be is not kept, and does no harm", () => {
  const cache = new FileCache<number>(100, 50);
  const shelf = new Shelf(cache);
  shelf.put("/big", 1, 101, 0);
  assert.equal(shelf.last("/big"), undefined);
  assert.deepEqual([cache.bytes, cache.size], [0, 0]);
});

test("so many paths and no more are known, also when all were asked for", () => {
  const cache = new FileCache<number>(1000, 10);
  const shelf = new Shelf(cache);
  for (let at = 0; at < 10_000; at++) {
    shelf.put(`/${at}`, at, 0, 0);
    shelf.get(`/${at}`, 0);
  }
  assert.equal(cache.size, 10);
});

test("putting the same again counts it once", () => {
  const cache = new FileCache<number>(100, 10);
  const shelf = new Shelf(cache);
  for (let at = 0; at < 20; at++) shelf.put("/a", at, 60, 0);
  assert.deepEqual([cache.bytes, cache.size, shelf.last("/a")], [60, 1, 19]);
  shelf.clear();
  assert.deepEqual([cache.bytes, cache.size], [0, 0]);
});
