import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { ProviderMemory } from "./provider-memory.ts";

const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

test("what was said last is on disk a moment later, and at once where the program ends", async () => {
  await using folder = await tempFolder();
  const options = { log, name: "kept", folder: () => folder.path };
  const memory = new ProviderMemory<number>(options);
  const later = () => new ProviderMemory<number>(options).recall("redis", ["here"]);
  for (const said of [1, 2, 3]) memory.keep("redis", ["here"], said);
  assert.equal(existsSync(folder.file("kept")), false, "not for each change");
  assert.equal(await eventually("the file", later), 3);
  memory.keep("redis", ["here"], 4);
  memory.flush();
  assert.equal(later(), 4);
  assert.equal(new ProviderMemory<number>(options).recall("redis", ["elsewhere"]), undefined);
  await writeFile(
    folder.file("kept/redis"),
    (await readFile(folder.file("kept/redis"))).subarray(0, -3),
  );
  assert.equal(later(), undefined, "cut short");
  memory.keep("redis", ["here"], 5);
  assert.equal(memory.recall("redis", ["here"]), 5, "also what is not written yet");
});

test("what is said to be nothing is so after a start, too", async () => {
  await using folder = await tempFolder();
  const options = { log, name: "kept", folder: () => folder.path };
  const said = { change: { service: undefined, maxBody: 1 } };
  const memory = new ProviderMemory<typeof said>(options);
  memory.keep("redis", [], said);
  const later = memory.recall("redis", []);
  assert.deepStrictEqual(later, said);
});
