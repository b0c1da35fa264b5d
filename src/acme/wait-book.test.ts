import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryShelf } from "../../test/harness/memory-shelf.ts";
import { Vault } from "./vault.ts";
import { authorityId } from "./vault.ts";
import { WaitBook } from "./wait-book.ts";

const directory = "https://ca.test/dir";

test("failures are counted over restarts, until it went well", async () => {
  const shelf = new MemoryShelf();
  await new WaitBook(new Vault(shelf)).failed("a", directory, { why: "no" });
  const again = new WaitBook(new Vault(shelf));
  await again.failed("a", directory, { why: "no again" });
  assert.equal(again.failures("a", [directory]), 2);
  assert.equal(again.standing("a", directory).own?.why, "no again");
  assert.equal(again.standing("b", directory).own, undefined);
  await again.succeeded("a", directory);
  assert.equal(again.failures("a", [directory]), 0);
  assert.equal(shelf.texts.size, 0);
});

test("an authority that is gone has failed once, however many asked it", async () => {
  const book = new WaitBook(new Vault(new MemoryShelf()));
  const id = authorityId(directory);
  for (let round = 0; round < 5; round++) await book.failed(id, directory, { why: "gone" });
  assert.equal(book.standing("x", directory).all?.failures, 1);
  assert.equal(book.failures("x", [directory]), 1);
});

test("what cannot be kept holds in memory", async () => {
  const shelf = new MemoryShelf();
  shelf.trouble = new Error("full");
  const book = new WaitBook(new Vault(shelf));
  await book.failed("a", directory, { why: "no" });
  assert.equal(book.failures("a", []), 1);
  shelf.trouble = undefined;
  await book.failed("a", directory, { why: "no" });
  assert.equal(new WaitBook(new Vault(shelf)).failures("a", []), 2);
});

test("which of several names were refused is known until all of them were had", async () => {
  const shelf = new MemoryShelf();
  await new WaitBook(new Vault(shelf)).failed("a", directory, { why: "no", refused: ["b", "c"] });
  const book = new WaitBook(new Vault(shelf));
  assert.deepEqual([...book.refused("a")], ["b", "c"]);
  await book.mended("a", ["a", "b"]);
  assert.deepEqual([...book.refused("a")], ["b", "c"]);
  await book.mended("a", ["b", "c"]);
  assert.equal(book.refused("a").size, 0);
  assert.equal(shelf.texts.size, 0);
});

test("a person who mended something is believed; an authority's limit stays", async () => {
  const book = new WaitBook(new Vault(new MemoryShelf()));
  const other = "https://other.test/dir";
  await book.failed("a", directory, { why: "no" });
  await book.failed("a", other, { why: "too many", isLimit: true, retryAt: Date.now() + 1e6 });
  await book.failed(authorityId(directory), directory, { why: "gone" });
  book.forgive("a", [directory, other]);
  assert.deepEqual(book.standing("a", directory), { own: undefined, all: undefined });
  assert.equal(book.standing("a", other).own?.why, "too many");
});
