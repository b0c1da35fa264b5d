// The bench's command line: runs the workloads named, prints a table for each, and keeps the results.
// Exits with 1 when a run failed or could not be made. A missed claim is printed, but fails nothing:
// machines differ, and the figures are for people to judge.

import { relative } from "node:path";
import { parseArgs } from "node:util";
import { firstLineOf, pinning } from "./harness/machine.ts";
import { type Measured, section, writeResults } from "./harness/report.ts";
import { promised, smokes, workloads } from "./workloads/registry.ts";
import type { Context, Workload } from "./workloads/workload.ts";

const usage = `npm run bench -- [NAME ...] [--seconds 3] [--rounds 5] [--only tidegate,nginx] [--no-save]

Names: ${[...workloads.keys()].join(", ")}
Without a name: ${promised.join(", ")}
See bench/README.md for what is measured and how to read it.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    "no-save": { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

// `process.exit` runs the stage's exit hook, which ends what was started and removes its folder.
process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));
process.exit(await main());

async function main(): Promise<number> {
  const context: Context = {
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
    only: values.only === "" ? [] : values.only.split(","),
    say: (line) => void process.stderr.write(`  ${line}\n`),
  };
  const names = positionals.length > 0 ? positionals : promised;
  const unknown = names.filter((name) => !workloads.has(name));
  const isSane = [context.seconds, context.rounds].every((n) => Number.isInteger(n) && n > 0);
  if (values.help || unknown.length > 0 || !isSane) {
    process.stderr.write(unknown.length > 0 ? `unknown: ${unknown.join(", ")}\n\n` : "");
    process.stdout.write(usage);
    return values.help ? 0 : 2;
  }
  const missing = ["nginx", "wrk"].filter((name) => firstLineOf(name, "-v") === undefined);
  if (missing.length > 0) {
    process.stderr.write(`the bench needs ${missing.join(" and ")} on the PATH\n`);
    return 1;
  }
  if (pinning("proxy").length === 0) context.say("no second core or no taskset: nothing is pinned");
  return measureAll(names, context);
}

async function measureAll(names: readonly string[], context: Context): Promise<number> {
  const measured: Measured[] = [];
  let failures = 0;
  const chosen = names.flatMap((name) => (name === "smoke" ? smokes : (workloads.get(name) ?? [])));
  for (const workload of chosen) {
    process.stderr.write(`${workload.name}\n`);
    try {
      const each = { workload, result: await run(workload, context) };
      measured.push(each);
      failures += each.result.failures.length;
      process.stdout.write(`\n${section(each)}\n\n`);
    } catch (error) {
      failures++;
      const why = error instanceof Error ? error.message : String(error);
      process.stderr.write(`${workload.name} could not be measured: ${why}\n`);
    }
  }
  if (measured.some(({ workload }) => !workload.name.startsWith("smoke")) && !values["no-save"]) {
    const path = writeResults(measured, positionals.length > 0 ? `-${names.join("-")}` : "");
    process.stdout.write(`kept in ${relative(process.cwd(), path)}.md and .json\n`);
  }
  return failures === 0 ? 0 : 1;
}

// Every wait inside a workload is bounded already. Should one be forgotten, the whole bench ends: going
// on beside a workload that still runs would spoil the figures of the next.
async function run(workload: Workload, context: Context): Promise<Measured["result"]> {
  const bound = setTimeout(() => {
    process.stderr.write(`${workload.name} took too long, giving up\n`);
    process.exit(1);
  }, workload.limitMs(context));
  try {
    return await workload.run(context);
  } finally {
    clearTimeout(bound);
  }
}
