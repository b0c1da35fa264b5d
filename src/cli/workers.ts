// `tidegate workers`: the processes that serve, or another number of them.

import { readWorkers } from "../admin/answers.ts";
import type { WorkerRow } from "../admin/operations.ts";
import { act } from "./act.ts";
import { ask, type CommandOptions, placeOf, printJson, understood } from "./running.ts";
import { table } from "./table.ts";
import { shortSize, timeSince } from "./units.ts";

/** Returns the exit code. */
export async function workers(
  size: number | "auto" | undefined,
  options: CommandOptions,
): Promise<number> {
  if (size !== undefined) return act("resize", { ...options, size });
  const answer = await ask(placeOf(options), { route: "/v1/workers", timeoutMs: 10_000 });
  const rows = understood(answer, readWorkers);
  if (options.json) printJson(answer.body);
  else if (rows.length === 0) process.stdout.write("none: a single process serves\n");
  else process.stdout.write(`${tableOf(rows).join("\n")}\n`);
  return 0;
}

const heading = [
  "SLOT",
  "PID",
  "STATE",
  "FOR",
  "CONFIG",
  "MEMORY",
  "CONNECTIONS",
  "REQUESTS",
  "TUNNELS",
  "ANSWERED",
  "REASON",
];

function tableOf(rows: readonly WorkerRow[]): string[] {
  return table(heading, rows.toSorted((a, b) => a.slot - b.slot).map(cellsOf));
}

function cellsOf(row: WorkerRow): string[] {
  const { counts } = row;
  return [
    String(row.slot),
    String(row.pid),
    row.state,
    timeSince(row.since),
    String(row.snapshot),
    shortSize(row.memory),
    String(counts.connections),
    String(counts.exchanges),
    String(counts.tunnels),
    String(counts.answered),
    row.reason ?? "",
  ];
}
