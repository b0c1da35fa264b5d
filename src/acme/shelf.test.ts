import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../../test/harness/command.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { FileShelf } from "./shelf.ts";

test("what was put there is there at the next start, and nobody else may read it", async () => {
  await using folder = await tempFolder();
  const path = folder.file("acme");
  const shelf = await FileShelf.open(path);
  await shelf.put("orders", "abc", "one");
  await shelf.put("orders", "abc", "two");
  await shelf.put("accounts", "x-1", "secret");
  assert.equal((await stat(path)).mode & 0o777, 0o700);
  assert.equal((await stat(join(path, "accounts/x-1.json"))).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(join(path, "orders")), ["abc.json"]);
  const again = await FileShelf.open(path);
  assert.deepEqual([...again.texts], [...shelf.texts].toReversed());
  await again.remove("orders", "abc");
  await again.remove("orders", "abc");
  assert.deepEqual([...(await FileShelf.open(path)).texts.keys()], ["accounts/x-1"]);
});

test("what somebody was killed while writing is swept away, and what was there before stays", async () => {
  await using folder = await tempFolder();
  const path = folder.file("acme");
  const shelf = await FileShelf.open(path);
  await shelf.put("orders", "abc", "whole");
  await writeFile(join(path, "orders/abc.0123456789ab.new"), "hal");
  await writeFile(join(path, "orders/Notes.txt"), "of a person");
  const again = await FileShelf.open(path);
  assert.deepEqual([...again.texts], [["orders/abc", "whole"]]);
  assert.deepEqual((await readdir(join(path, "orders"))).toSorted(), ["Notes.txt", "abc.json"]);
});

test("a file that is far too large, or a folder or a pipe in its place, spoils no other", async () => {
  await using folder = await tempFolder();
  const path = folder.file("acme");
  const shelf = await FileShelf.open(path);
  await shelf.put("orders", "good", "text");
  await writeFile(join(path, "orders/large.json"), "");
  await truncate(join(path, "orders/large.json"), 10 * 1024 * 1024);
  await mkdir(join(path, "orders/folder.json"));
  await mkdir(join(path, "orders/folder.new"));
  assert.equal((await runCommand("mkfifo", [join(path, "orders/pipe.json")])).code, 0);
  const again = await FileShelf.open(path);
  assert.deepEqual([...again.texts.keys()], ["orders/good"]);
  assert.equal(again.troubles.length, 4);
});

test("rights that somebody widened are narrowed again", async () => {
  await using folder = await tempFolder();
  const path = folder.file("acme");
  await FileShelf.open(path);
  await chmod(path, 0o755);
  await FileShelf.open(path);
  assert.equal((await stat(path)).mode & 0o777, 0o700);
});

test("what cannot be written is said, and what was there stays", async () => {
  await using folder = await tempFolder();
  const path = folder.file("acme");
  const shelf = await FileShelf.open(path);
  await shelf.put("orders", "abc", "one");
  for (const id of ["../x", "", "A", "a/b", "a".repeat(81)]) {
    await assert.rejects(shelf.put("orders", id, "text"), /cannot be the name of a file/);
  }
  // A folder that is there takes no file in its place.
  await mkdir(join(path, "orders/taken.json"));
  await assert.rejects(
    shelf.put("orders", "taken", "text"),
    /orders cannot be written: EISDIR\. Nothing is ordered that cannot be kept/,
  );
  assert.equal(shelf.texts.has("orders/taken"), false);
  assert.deepEqual((await readdir(join(path, "orders"))).toSorted(), ["abc.json", "taken.json"]);
  assert.equal(await readFile(join(path, "orders/abc.json"), "utf8"), "one");
});
