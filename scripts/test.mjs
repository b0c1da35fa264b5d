// Runs the tests with the Node.js that can run TypeScript: `node scripts/test.mjs [GROUP …] [-- OPTIONS]`.
// OPTIONS go to `node --test` as they are. A group without a test file is a failure: a moved folder
// must not turn a test run into a green nothing.
//
// A file that failed beside others is run once more, alone: real daemons under a loaded machine are late now and then.
// What passes then is told at the end, by name, as what it is: a test, or a race of ours, to be looked into.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { engine, root } from "./engine.mjs";

/** What each group runs; `npm test` without a name runs all of them. */
const groups = {
  unit: () => [...testsUnder("src"), "test/tidy.test.ts", "test/docs.test.ts"],
  wire: () => testsUnder("test/wire"),
  program: () => testsUnder("test/program"),
  faults: () => testsUnder("test/faults"),
  fuzz: () => testsUnder("test/fuzz"),
  parts: () => testsUnder("test/parts"),
};

/** A file of `parts` sets up a whole system first, and is one test to the runner. */
const timeoutMs = { parts: 400_000, other: 120_000 };

function testsUnder(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => `${folder}/${name}`)
    .toSorted();
}

const args = process.argv.slice(2);
const dashes = args.indexOf("--");
const names = dashes === -1 ? args : args.slice(0, dashes);
const options = dashes === -1 ? [] : args.slice(dashes + 1);
const chosen = names.length === 0 ? Object.keys(groups) : names;

const files = [];
for (const name of chosen) {
  if (!Object.hasOwn(groups, name)) {
    console.error(`There is no group "${name}". Groups: ${Object.keys(groups).join(", ")}.`);
    process.exit(2);
  }
  const found = groups[name]();
  if (found.length === 0) {
    console.error(`The group "${name}" has no test file.`);
    process.exit(1);
  }
  files.push(...found);
}

const env = { ...process.env };
// In CI a part that is missing is a failure, not a skip.
if (env.CI === "true") env.REQUIRE_PARTS ??= "curl,openssl,chromium";
env.FUZZ_SECONDS ??= "2";
// The same run twice, so that a red test is about the change; `npm run fuzz` looks for what is new.
env.FUZZ_SEED ??= "1";
env.WIRE_SEED ??= "1";

const timeout = chosen.includes("parts") ? timeoutMs.parts : timeoutMs.other;

/** More files than this, and it is no accident. */
const mostAgain = 3;

/** In a report of JUnit's form. */
const failedCase = /^\s*<testcase .* file="([^"]*)" failure=/;

/** @returns {Promise<{status: number, failed: string[]}>} with the files in which something failed */
async function run(tests, concurrency) {
  const folder = mkdtempSync(join(tmpdir(), "tests-"));
  const report = join(folder, "report.xml");
  const reporters = options.some((each) => each.startsWith("--test-reporter"))
    ? []
    : [
        ...["--test-reporter=spec", "--test-reporter-destination=stdout"],
        ...["--test-reporter=junit", `--test-reporter-destination=${report}`],
      ];
  const bounds = [`--test-concurrency=${concurrency}`, `--test-timeout=${timeout}`];
  const child = spawn(engine(), ["--test", ...bounds, ...reporters, ...options, ...tests], {
    cwd: root,
    env,
    stdio: "inherit",
  });
  // Ctrl-C reaches the whole group by itself; a plain `kill` of this script has to be passed on.
  const end = () => child.kill("SIGTERM");
  process.on("SIGTERM", end);
  const status = await new Promise((resolve) => {
    child.on("exit", (code, signal) => resolve(signal === null ? (code ?? 1) : 130));
  });
  process.off("SIGTERM", end);
  const lines = existsSync(report) ? readFileSync(report, "utf8").split("\n") : [];
  rmSync(folder, { recursive: true });
  const failed = lines.flatMap((line) => failedCase.exec(line)?.[1] ?? []);
  return { status, failed: [...new Set(failed)] };
}

process.on("SIGINT", () => {});
const first = await run(files, 2);
let { status } = first;
const known = first.failed.every((file) => files.includes(relative(root, file)));
if (status === 1 && known && first.failed.length > 0 && first.failed.length <= mostAgain) {
  const again = first.failed.map((file) => relative(root, file));
  console.log(`\n== once more, alone: ${again.join(" ")}\n`);
  ({ status } = await run(again, 1));
  const verdict = status === 0 ? "failed beside others and passed alone" : "failed twice";
  console.log(`\n== ${verdict}: ${again.join(" ")}`);
}
process.exitCode = status;
