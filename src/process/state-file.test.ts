import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { StateFiles } from "./state-file.ts";

function stand() {
  const lines: string[] = [];
  const quiet = () => undefined;
  const warn = (text: string) => void lines.push(text);
  return { lines, files: new StateFiles({ debug: quiet, info: quiet, error: quiet, warn }) };
}

test("a file is replaced whole, and what killed programs left beside it goes away", async () => {
  await using folder = await tempFolder();
  const path = folder.file("names.json");
  for (const name of ["names.json.0123abcd", "names.json.mine", "other.0123abcd"]) {
    await writeFile(folder.file(name), "half");
  }
  const { files, lines } = stand();
  files.write(path, "one");
  files.write(path, "two");
  assert.equal(await readFile(path, "utf8"), "two");
  assert.deepEqual((await readdir(folder.path)).toSorted(), [
    "names.json",
    "names.json.mine",
    "other.0123abcd",
  ]);
  assert.deepEqual(lines, []);
});

test("a folder that is none is told of once", async () => {
  await using folder = await tempFolder();
  await writeFile(folder.file("file"), "");
  const { files, lines } = stand();
  for (const content of ["one", "two"]) files.write(folder.file("file/name"), content);
  assert.equal(lines.length, 1);
});
