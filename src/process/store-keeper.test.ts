// What is in the store's way: somebody who has it locked, or is there before us. Both may go away.

import { deepStrictEqual, match, strictEqual, throws } from "node:assert";
import { mkdirSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { commit, routeChange, storeIn } from "../../test/harness/store-sample.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { storeName } from "../store/database.ts";
import { StoreKeeper } from "./store-keeper.ts";

function keeperOf(): { readonly keeper: StoreKeeper; readonly logged: readonly string[] } {
  const logged: string[] = [];
  const quiet = () => undefined;
  const error = (text: string) => void logged.push(text);
  return { keeper: new StoreKeeper({ debug: quiet, info: quiet, warn: quiet, error }), logged };
}

test("a store that is locked is read, says so, and is written again when it can be", async () => {
  await using folder = await tempFolder();
  {
    using store = storeIn(folder.path);
    commit(store, [routeChange("a", "http://a")]);
  }
  const other = new DatabaseSync(folder.file(storeName));
  other.exec("BEGIN IMMEDIATE");
  const { keeper, logged } = keeperOf();
  using _keeper = keeper;
  keeper.open(folder.path, process.pid);
  const { store } = keeper;
  strictEqual(store?.items.size, 1);
  match(keeper.trouble ?? "", /is locked: another program has it open, end that one/);
  deepStrictEqual(logged, ["the store can be read, and nothing in it can be changed"]);
  throws(() => commit(store, [routeChange("b", "http://b")]), /is locked/);
  strictEqual(keeper.retry(), false);
  match(keeper.trouble ?? "", /is locked/);
  other.close();
  strictEqual(keeper.retry(), false, "it was there all the time");
  strictEqual(keeper.trouble, undefined);
  commit(store, [routeChange("b", "http://b")]);
  strictEqual(store.items.size, 2);
});

test("a store that could not be opened is tried again, and is complained about once", async () => {
  await using folder = await tempFolder();
  mkdirSync(folder.file(storeName));
  const { keeper, logged } = keeperOf();
  keeper.open(folder.path, process.pid);
  strictEqual(keeper.retry(), false);
  match(keeper.trouble ?? "", /tidegate\.db is no file: move it away, and the store begins empty/);
  strictEqual(logged.length, 1);
  rmSync(folder.file(storeName), { recursive: true });
  strictEqual(keeper.retry(), true);
  strictEqual(keeper.trouble, undefined);
  keeper[Symbol.dispose]();
  strictEqual(keeper.retry(), false);
  match(keeper.trouble ?? "", /the program ends/);
});
