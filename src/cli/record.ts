// `tidegate record`: has whole requests of a route recorded, lists the records, and prints one as JSON, as HAR or as
// commands for curl.

import { setTimeout as pause } from "node:timers/promises";
import type { Question } from "../admin/control-client.ts";
import { plain } from "./plain.ts";
import { type Answered, ask, type CommandOptions, placeOf, printJson } from "./running.ts";
import { table } from "./table.ts";
import { noAnswerTo, problemOf } from "./traffic-answer.ts";
import { shortSize, timeSince } from "./units.ts";

export interface RecordOptions extends CommandOptions {
  readonly count: number;
  /** Bytes of each body. */
  readonly body: number;
  /** ms */
  readonly time: number;
  readonly withSecrets: boolean;
  readonly wait: boolean;
}

interface Row {
  readonly id: string;
  readonly route: string;
  readonly state: string;
  readonly ended: string;
  readonly since: string;
  readonly exchanges: number;
  readonly count: number;
  readonly bytes: number;
  readonly withSecrets: boolean;
}

const lookEvery = 500;

async function asked(options: CommandOptions, question: Question): Promise<Answered> {
  const answer = await ask(placeOf(options), { timeoutMs: 30_000, ...question });
  if (answer.status >= 300) throw noAnswerTo(problemOf(answer));
  return answer;
}

/** Returns the exit code, like all that follow. */
export async function startRecord(route: string, options: RecordOptions): Promise<number> {
  const { count, body, time, withSecrets } = options;
  const wish = { route, count, body, time, withSecrets };
  const answer = await asked(options, { route: "/api/v1/records", method: "POST", body: wish });
  const row = readRow(answer.body);
  if (row === undefined) throw noAnswerTo("the answer is none that this version understands");
  const end = options.wait ? await ended(row, options) : row;
  if (options.json) printJson(end);
  else process.stdout.write(`${sentenceOf(end)}\n`);
  return 0;
}

async function ended(begun: Row, options: CommandOptions): Promise<Row> {
  for (;;) {
    const { body } = await asked(options, { route: "/api/v1/records" });
    const row = readRows(body)?.find(({ id }) => id === begun.id);
    if (row === undefined) throw noAnswerTo(`somebody deleted record ${begun.id}`);
    if (row.state === "done") return row;
    await pause(lookEvery);
  }
}

function sentenceOf({ id, route, state, exchanges, ended: why }: Row): string {
  const next = `\`tidegate records ${id} --har\` prints it, \`tidegate replay ${id} --to URL\` sends it again`;
  if (state === "recording") return `record ${id} of ${plain(route)} has begun; ${next}`;
  return `record ${id} of ${plain(route)} has ${exchanges} requests (${plain(why)}); ${next}`;
}

export async function listRecords(options: CommandOptions): Promise<number> {
  const { body } = await asked(options, { route: "/api/v1/records" });
  if (options.json) {
    printJson(body);
    return 0;
  }
  const rows = readRows(body) ?? [];
  if (rows.length === 0)
    process.stdout.write("nothing is recorded; `tidegate record ROUTE` does\n");
  else process.stdout.write(`${table(heading, rows.map(cellsOf)).join("\n")}\n`);
  return 0;
}

const heading = ["ID", "ROUTE", "STATE", "REQUESTS", "SIZE", "BEGAN", "SECRETS"];

function cellsOf(row: Row): string[] {
  const state = row.state === "done" ? `done: ${row.ended}` : row.state;
  const began = `${timeSince(row.since)} ago`;
  const requests = `${row.exchanges} of ${row.count}`;
  const secrets = row.withSecrets ? "kept" : "left out";
  return [row.id, row.route, state, requests, shortSize(row.bytes), began, secrets];
}

export async function printRecord(
  id: string,
  format: "json" | "har" | "curl",
  options: CommandOptions,
): Promise<number> {
  const route = `/api/v1/records/${encodeURIComponent(id)}?format=${format}`;
  const { body } = await asked(options, { route });
  if (format !== "curl" || options.json || !Array.isArray(body)) printJson(body);
  else process.stdout.write(body.map((each) => `${plain(String(each))}\n`).join(""));
  return 0;
}

export async function deleteRecord(id: string, options: CommandOptions): Promise<number> {
  const route = `/api/v1/records/${encodeURIComponent(id)}`;
  const { body } = await asked(options, { route, method: "DELETE" });
  if (options.json) printJson(body);
  else process.stdout.write(`record ${plain(id)} is gone\n`);
  return 0;
}

function readRows(body: unknown): readonly Row[] | undefined {
  return Array.isArray(body) && body.every(isRow) ? body : undefined;
}

function readRow(body: unknown): Row | undefined {
  return isRow(body) ? body : undefined;
}

function isRow(value: unknown): value is Row {
  if (typeof value !== "object" || value === null) return false;
  const of = new Map<string, unknown>(Object.entries(value));
  return (
    ["id", "route", "state", "ended", "since"].every((name) => typeof of.get(name) === "string") &&
    ["exchanges", "count", "bytes"].every((name) => typeof of.get(name) === "number")
  );
}
