// What `tidegate status` says about services: how many are up, and of each that is not, why.

import type { ServiceRow } from "../admin/operations.ts";
import { type Column, fittedTable, terminalWidth } from "./fitted-table.ts";
import { paint } from "./paint.ts";
import { serviceWhy, stateColours, whyOf } from "./service-table.ts";
import { timeSince } from "./units.ts";

const label = "services       ";
const indent = " ".repeat(label.length);
/** Beyond that it is no longer one screen. */
const mostServices = 15;
const mostReasons = 2;

/** @param rows undefined = they were not told in time */
export function serviceLines(rows: readonly ServiceRow[] | undefined): readonly string[] {
  if (rows === undefined) return [`${label}not told; try \`tidegate services\``];
  if (rows.length === 0) return [`${label}none`];
  const others = rows.filter(({ state }) => state !== "up");
  const shown = others.slice(0, mostServices).map((row) => ({ row, why: whyNotUp(row, others) }));
  const hidden = others.length - shown.length;
  const { lines } = fittedTable(columns, shown, terminalWidth() - indent.length);
  return [
    `${label}${rows.length - others.length} of ${rows.length} up`,
    ...(shown.length === 0 ? [] : lines.slice(1).map((line) => indent + line)),
    ...(hidden === 0 ? [] : [`${indent}and ${hidden} more: \`tidegate services\``]),
  ];
}

const out = process.stdout;

/** Their titles are not shown. */
const columns: readonly Column<{ readonly row: ServiceRow; readonly why: string }>[] = [
  { title: "", cell: ({ row }) => row.name, least: 16, cut: "middle" },
  {
    title: "",
    cell: ({ row }) => row.state,
    paint: (cell, { row }) => paint(out, stateColours[row.state], cell),
  },
  { title: "", cell: ({ row }) => `for ${timeSince(row.since)}` },
  { title: "", cell: ({ why }) => why },
];

/** Not cut: it is what one looks for here. */
function whyNotUp(row: ServiceRow, others: readonly ServiceRow[]): string {
  const waiting = row.held === 0 ? "" : `${row.held.toLocaleString("en")} waiting`;
  const parts = others
    .filter(({ name }) => row.parts.some(({ service }) => service === name))
    .map(({ name, state }) => `${name} ${state}`);
  const backends = row.backends
    .filter(({ state }) => state !== "up")
    .map((backend) =>
      [`${backend.url} ${backend.state}`, whyOf(backend)].filter(isGiven).join(": "),
    );
  const all = [...parts, ...backends];
  const hidden = all.length - mostReasons;
  const more = hidden > 0 ? `and ${hidden} more` : "";
  return [waiting, serviceWhy(row), ...all.slice(0, mostReasons), more].filter(isGiven).join("; ");
}

function isGiven(text: string): boolean {
  return text !== "";
}
