// `tidegate traffic`: what is open now, as a table; and cutting one of it.

import type { OpenEntry } from "../traffic/entry.ts";
import { fittedTable, type Column, terminalWidth } from "./fitted-table.ts";
import { ask, type CommandOptions, placeOf, printJson, understood } from "./running.ts";
import { noAnswerTo, problemOf } from "./traffic-answer.ts";
import { shortSize, shortTime } from "./units.ts";

/** Returns the exit code. */
export async function openExchanges(options: CommandOptions): Promise<number> {
  const answer = await ask(placeOf(options), { route: "/api/v1/exchanges", timeoutMs: 10_000 });
  const rows = understood(answer, readOpen);
  if (options.json) {
    printJson(answer.body);
    return 0;
  }
  if (rows.length === 0) process.stdout.write("nothing is open\n");
  else process.stdout.write(`${fittedTable(columns, rows, terminalWidth()).lines.join("\n")}\n`);
  return 0;
}

export async function closeExchange(id: string, options: CommandOptions): Promise<number> {
  const route = `/api/v1/exchanges/${encodeURIComponent(id)}`;
  const answer = await ask(placeOf(options), { route, method: "DELETE", timeoutMs: 10_000 });
  if (answer.status !== 200) throw noAnswerTo(problemOf(answer));
  if (options.json) printJson(answer.body);
  else process.stdout.write(`${id} is closed\n`);
  return 0;
}

const columns: readonly Column<OpenEntry>[] = [
  { title: "ID", cell: ({ id }) => id },
  { title: "FOR", cell: ({ since }) => shortTime(Math.max(0, Date.now() - since)) },
  { title: "KIND", cell: ({ isTunnel }) => (isTunnel ? "tunnel" : "request"), rank: 3 },
  { title: "CLIENT", cell: ({ client }) => client },
  {
    title: "REQUEST",
    cell: ({ method, scheme, host, target }) => `${method} ${scheme}://${host}${target}`,
    ...{ least: 20, cut: "middle" },
  },
  { title: "ROUTE", cell: ({ route }) => route, least: 8, rank: 2 },
  { title: "BACKEND", cell: ({ backend }) => backend, least: 12, cut: "middle", rank: 1 },
  { title: "IN", cell: ({ requestBytes }) => shortSize(requestBytes), usual: "0 B", rank: 0 },
  { title: "OUT", cell: ({ bytes }) => shortSize(bytes), rank: 0 },
];

function readOpen(body: unknown): readonly OpenEntry[] | undefined {
  return Array.isArray(body) && body.every(isOpen) ? body : undefined;
}

function isOpen(value: unknown): value is OpenEntry {
  return (
    typeof value === "object" &&
    value !== null &&
    "id" in value &&
    typeof value.id === "string" &&
    "since" in value &&
    typeof value.since === "number" &&
    "target" in value
  );
}
