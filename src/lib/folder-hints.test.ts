import assert from "node:assert/strict";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { within } from "../../test/harness/barrier.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { FolderHints } from "./folder-hints.ts";

const long = 60_000;

test("a change is a hint, and many at once are one", async () => {
  await using folder = await tempFolder();
  using hints = new FolderHints(new AbortController().signal, 50);
  assert.equal(hints.watch([folder.path]), true);
  assert.equal(hints.watch([folder.path]), false, "it is watched already");
  const next = hints.next(long);
  for (const name of ["a", "b", "c"]) await writeFile(folder.file(name), "x");
  await within(next, 5000, "the hint");
});

test("a folder that is another one now is watched anew", async () => {
  await using folder = await tempFolder();
  const path = folder.file("x");
  using hints = new FolderHints(new AbortController().signal, 10);
  for (const end of [() => rm(path, { recursive: true }), () => rename(path, folder.file("y"))]) {
    await mkdir(path);
    assert.equal(hints.watch([path]), true);
    await end();
    await within(hints.next(long), 5000, "the end of the folder");
    assert.equal(hints.watch([path]), false, "nothing is there");
  }
});

test("without a hint the poll wakes, and so do a raise and the end", async () => {
  const ending = new AbortController();
  using hints = new FolderHints(ending.signal, 10);
  assert.equal(hints.watch(["/nowhere/at/all"]), false);
  await within(hints.next(20), 5000, "the poll");
  hints.raise();
  await within(hints.next(long), 5000, "the raise");
  hints.raise();
  hints.clear();
  const next = hints.next(long);
  ending.abort();
  await within(next, 5000, "the end");
  await within(hints.next(long), 5000, "what is asked after the end");
});
