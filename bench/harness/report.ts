// Turns results into what a person reads: one table per workload, in the terminal and as Markdown, and
// into the JSON file that keeps every single run.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { peers } from "../peers/registry.ts";
import type { Result, Workload } from "../workloads/workload.ts";
import { commit, machine, projectFolder } from "./machine.ts";

export interface Measured {
  readonly workload: Workload;
  readonly result: Result;
}

/** A Markdown table that also reads well as plain text: the columns are aligned. */
export function section({ workload, result }: Measured): string {
  const lines = [result.columns, ...result.rows];
  const widths = result.columns.map((_, n) =>
    Math.max(...lines.map((line) => line[n]?.length ?? 0)),
  );
  const row = (cells: readonly string[], filler = " "): string =>
    `| ${cells.map((cell, n) => cell.padEnd(widths[n] ?? 0, filler)).join(" | ")} |`;
  const table = [
    row(result.columns),
    row(
      result.columns.map(() => "---"),
      "-",
    ),
    ...result.rows.map((cells) => row(cells)),
  ];
  const list = [...result.notes, ...result.failures.map((failure) => `FAILED: ${failure}`)];
  return [
    `## ${workload.name}: ${workload.claim}`,
    table.join("\n"),
    ...(list.length > 0 ? [list.map((each) => `- ${each}`).join("\n")] : []),
  ].join("\n\n");
}

/** Writes both files and gives their common path without the ending. */
export function writeResults(measured: readonly Measured[], suffix: string): string {
  const now = new Date().toISOString();
  const head = { date: now, commit: commit(), machine: machine(), versions: versions() };
  const folder = join(projectFolder, "bench", "results");
  const path = join(folder, `${now.slice(0, 10)}-${head.commit}${suffix}`);
  const results = measured.map(({ workload, result }) => ({
    workload: workload.name,
    claim: workload.claim,
    notes: result.notes,
    failures: result.failures,
    data: result.data,
  }));
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${path}.json`, `${JSON.stringify({ ...head, results }, undefined, 1)}\n`);
  const { cpu, cores, memoryMb, kernel, node } = head.machine;
  const title = [
    `# Bench of ${now.slice(0, 10)}, commit ${head.commit}`,
    `${cpu}, ${cores} cores, ${memoryMb} MB, Linux ${kernel}, Node ${node}; ${Object.entries(
      head.versions,
    )
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.`,
  ];
  writeFileSync(`${path}.md`, `${[...title, ...measured.map(section)].join("\n\n")}\n`);
  return path;
}

function versions(): Record<string, string> {
  return Object.fromEntries(peers.map((peer) => [peer.name, peer.version() ?? "not installed"]));
}
