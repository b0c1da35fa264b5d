// Fuzzes every parser for a while: `npm run fuzz -- 60` runs each file of test/fuzz for its share of
// 60 seconds. Each prints its seed; FUZZ_SEED=N repeats a run.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { engine, root } from "./engine.mjs";

const seconds = Number(process.argv[2] ?? "30");
if (!(seconds >= 1)) {
  console.error("Usage: npm run fuzz -- SECONDS");
  process.exit(2);
}

const folder = join(root, "test", "fuzz");
const files = existsSync(folder)
  ? readdirSync(folder).filter((name) => name.endsWith(".test.ts"))
  : [];
if (files.length === 0) {
  console.error("test/fuzz has no test file.");
  process.exit(1);
}

const share = Math.max(1, seconds / files.length);
const failed = [];
for (const file of files.toSorted()) {
  console.log(`fuzzing ${file} for ${share.toFixed(0)} s`);
  // One process each, one after the other: a hang or a crash is then known by its file.
  const result = spawnSync(engine(), ["--test", join(folder, file)], {
    cwd: root,
    env: { ...process.env, FUZZ_SECONDS: String(share) },
    stdio: "inherit",
    timeout: Math.ceil(share * 1000) + 60_000,
  });
  if (result.status !== 0) failed.push(file);
}
if (failed.length > 0) {
  console.error(`Failed: ${failed.join(", ")}`);
  process.exit(1);
}
