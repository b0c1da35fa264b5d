// `tidegate history` and `tidegate diff`: what was changed in the store, when, and by whom.

import type { ChangedItem, Revision } from "../admin/configuration.ts";
import { readDifference, readHistory } from "../admin/configuration-answer.ts";
import { type Column, fittedTable, terminalWidth } from "./fitted-table.ts";
import { paint } from "./paint.ts";
import { plain } from "./plain.ts";
import { ask, type CommandOptions, placeOf, printJson, understood } from "./running.ts";
import { readRevision, refusedBy, symbolOf } from "./store-refusal.ts";

const out = process.stdout;

export async function history(count: number, options: CommandOptions): Promise<number> {
  const question = { route: `/v1/store/history?limit=${count}`, timeoutMs: 10_000 };
  const answer = await ask(placeOf(options), question);
  const revisions = understood(answer, readHistory);
  if (options.json) printJson(answer.body);
  else if (revisions.length === 0) out.write("nothing was changed yet\n");
  else out.write(`${fittedTable(columns, revisions, terminalWidth()).lines.join("\n")}\n`);
  return 0;
}

const columns: readonly Column<Revision>[] = [
  { title: "REVISION", cell: ({ number }) => String(number) },
  { title: "AT", cell: ({ at }) => at.replace(/\.\d+Z$/, "Z") },
  { title: "BY", cell: ({ by }) => by, least: 8 },
  { title: "CHANGES", cell: changesText, least: 20 },
  { title: "NOTE", cell: ({ note }) => note ?? "", least: 10, rank: 1 },
];

/** Whoever wants to see more of a large one asks for the difference. */
const mostNamed = 5;

function changesText({ changes }: Revision): string {
  const named = changes
    .slice(0, mostNamed)
    .map((each) => `${symbolOf(each).symbol}${each.section}/${each.name}`);
  const more = changes.length - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more`] : [])].join(" ");
}

export async function difference(
  { from, to }: { from: string; to: string | undefined },
  options: CommandOptions,
): Promise<number> {
  const until = to === undefined ? "" : `&to=${readRevision(to)}`;
  const route = `/v1/store/difference?from=${readRevision(from)}${until}`;
  const answer = await ask(placeOf(options), { route, timeoutMs: 10_000 });
  if (answer.status === 404) return refusedBy(answer);
  const changed = understood(answer, readDifference);
  if (options.json) printJson(answer.body);
  else if (changed.length === 0) out.write("nothing differs\n");
  else out.write(`${changed.flatMap(linesOf).join("\n")}\n`);
  return 0;
}

function linesOf(item: ChangedItem): string[] {
  const { section, name, before, after } = item;
  const { symbol, colour } = symbolOf(item);
  const value = (sign: string, each: unknown, shade: "red" | "green") =>
    each === undefined ? [] : [`  ${paint(out, shade, `${sign} ${plain(JSON.stringify(each))}`)}`];
  return [
    `${paint(out, colour, symbol)} ${section} ${plain(name)}`,
    ...value("-", before, "red"),
    ...value("+", after, "green"),
  ];
}
