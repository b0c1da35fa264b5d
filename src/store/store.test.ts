import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { test } from "node:test";
import { commit, routeChange as change, storeIn } from "../../test/harness/store-sample.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { keptFrom } from "./pruning.ts";
import { makeFile } from "./new-file.ts";
import { DatabaseSync } from "node:sqlite";
import type { Store } from "./store.ts";

const namesIn = (store: Store) => [...store.items.values()].map(({ name }) => name);

test("what was committed is there when the store is opened again, in the same order", async () => {
  await using folder = await tempFolder();
  {
    using store = storeIn(folder.path);
    strictEqual(store.revision, 0);
    strictEqual(commit(store, [change("b", "http://b"), change("a", "http://a")]).number, 1);
    commit(store, [change("b", "http://b2")], { by: "anna", note: "moved" });
    commit(store, [change("c", "http://c"), change("a", undefined)]);
  }
  using store = storeIn(folder.path);
  strictEqual(store.revision, 3);
  deepStrictEqual(
    [...store.items.values()],
    [
      { section: "routes", name: "b", text: '"http://b2"', revision: 2 },
      { section: "routes", name: "c", text: '"http://c"', revision: 3 },
    ],
  );
  const [last, second] = store.history({ before: undefined, limit: 2 });
  strictEqual(last?.number, 3);
  deepStrictEqual(second?.changes, [
    { section: "routes", name: "b", before: '"http://b"', after: '"http://b2"' },
  ]);
  strictEqual(second.note, "moved");
  strictEqual(second.by, "anna");
  strictEqual(store.history({ before: 2, limit: 10 }).length, 1);
});

test("a difference has each item once, as it was before and as it is after all of it", async () => {
  await using folder = await tempFolder();
  using store = storeIn(folder.path);
  commit(store, [change("a", 1)]);
  commit(store, [change("a", 2), change("b", 1)]);
  commit(store, [change("a", 3), change("b", undefined)]);
  deepStrictEqual(store.difference(1, 3), [
    { section: "routes", name: "a", before: "1", after: "3" },
  ]);
  deepStrictEqual(store.difference(2, 2), []);
  strictEqual(store.difference(2, 4), undefined);
  strictEqual(store.difference(3, 2), undefined);
  strictEqual(store.difference(-1, 2), undefined);
});

test("a commit that is taken back was never there", async () => {
  await using folder = await tempFolder();
  using store = storeIn(folder.path);
  commit(store, [change("a", 1), change("b", 1)]);
  const second = commit(store, [change("a", 2), change("c", 1), change("b", undefined)]);
  store.takeBack(second);
  strictEqual(store.revision, 1);
  deepStrictEqual(namesIn(store).toSorted(), ["a", "b"]);
  strictEqual(store.items.get("routes a")?.text, "1");
  strictEqual(store.items.get("routes a")?.revision, 1);
  strictEqual(store.history({ before: undefined, limit: 10 }).length, 1);
  strictEqual(commit(store, [change("d", 1)]).number, 2);
});

test("more bytes than the store takes are refused, and removing always works", async () => {
  await using folder = await tempFolder();
  using store = storeIn(folder.path);
  const big = "x".repeat(17 * 1024 * 1024);
  commit(store, [change("a", big)]);
  throws(() => commit(store, [change("b", big)]), /takes 100000 items and 32 MiB/);
  deepStrictEqual(namesIn(store), ["a"]);
  strictEqual(store.revision, 1);
  commit(store, [change("a", undefined)]);
  deepStrictEqual(namesIn(store), []);
});

test("more items than the store takes are refused, however short, and bytes are counted as they are sent", async () => {
  await using folder = await tempFolder();
  using store = storeIn(folder.path);
  commit(store, [change("a", "x".repeat(300_000))]);
  const many = Array.from({ length: 100_000 }, (_, n) => change(`n${n}`, "1"));
  throws(() => store.prepare([change("a", "1"), ...many]), /this would be 100001 and 1 MiB/);
  strictEqual(store.prepare(many.slice(1)).items.size, 100_000);
  throws(() => store.prepare([change("b", "€".repeat(12 * 1024 * 1024))]), /takes .* 32 MiB/);
});

test("large revisions make a short page, and the next page goes on", async () => {
  await using folder = await tempFolder();
  using store = storeIn(folder.path);
  for (const n of [1, 2, 3]) commit(store, [change("a", `${n}${"x".repeat(7 * 1024 * 1024)}`)]);
  const numbers = (before: number | undefined) =>
    store.history({ before, limit: 10 }).map(({ number }) => number);
  deepStrictEqual(numbers(undefined), [3]);
  deepStrictEqual(numbers(3), [2]);
  deepStrictEqual(numbers(2), [1]);
});

test("history goes as far back as its revisions and its bytes allow, and the latest stays", async () => {
  await using folder = await tempFolder();
  const path = folder.file("h.db");
  makeFile(path);
  using sql = new DatabaseSync(path);
  const add = sql.prepare("INSERT INTO revisions VALUES (?, '', '', NULL, ?)");
  for (let number = 5; number <= 10; number++) add.run(number, 100);
  strictEqual(keptFrom(sql, { revisions: 100, bytes: 1000 }), 5);
  strictEqual(keptFrom(sql, { revisions: 2, bytes: 1000 }), 9);
  strictEqual(keptFrom(sql, { revisions: 100, bytes: 250 }), 9);
  strictEqual(keptFrom(sql, { revisions: 100, bytes: 10 }), 10);
  ok(keptFrom(sql, { revisions: 3, bytes: 550 }) === 8);
});

test("a name from the outside may be any", async () => {
  await using folder = await tempFolder();
  using store = storeIn(folder.path);
  commit(store, [change("__proto__", 1), change("constructor", 2)]);
  deepStrictEqual(namesIn(store), ["__proto__", "constructor"]);
});
