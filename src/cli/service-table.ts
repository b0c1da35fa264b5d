// Services and backends as lines of a table that fits the terminal.

import type { BackendRow, ServiceRow } from "../admin/operations.ts";
import { type Column, fittedTable, terminalWidth } from "./fitted-table.ts";
import { type Colour, paint } from "./paint.ts";
import { plain } from "./plain.ts";
import { shortLatency, timeSince } from "./units.ts";

export const stateColours: Readonly<Record<ServiceRow["state"] | BackendRow["state"], Colour>> = {
  up: "green",
  degraded: "yellow",
  down: "red",
  paused: "yellow",
  maintenance: "yellow",
  unchecked: "yellow",
  dead: "red",
  draining: "yellow",
  stopped: "grey",
  starting: "yellow",
  unhealthy: "red",
  unreachable: "red",
  missing: "red",
};

/** A sentence; a backend that is down may have answered with a page. */
const mostWhy = 300;

export interface Line {
  readonly service: string;
  /** The line above is of the same service. */
  readonly isRepeated: boolean;
  readonly target: string;
  readonly state: ServiceRow["state"] | BackendRow["state"];
  readonly since: string;
  readonly why: string;
  readonly waiting: number;
  /** undefined: the line is about the service. */
  readonly backend: BackendRow | undefined;
}

/** A service has a line of its own where there is more to say than its backends do. */
export function linesOf(row: ServiceRow): readonly Line[] {
  const isWorthALine =
    row.backends.length === 0 ||
    row.state === "paused" ||
    row.state === "maintenance" ||
    row.held > 0 ||
    (row.breaker ?? "closed") !== "closed";
  if (!isWorthALine) return backendLines(row);
  const own: Line = {
    service: row.name,
    isRepeated: false,
    target: partsOf(row),
    state: row.state,
    since: row.since,
    why: serviceWhy(row),
    waiting: row.held,
    backend: undefined,
  };
  return [own, ...backendLines(row).map((line) => ({ ...line, isRepeated: true }))];
}

export function backendLines(row: ServiceRow): readonly Line[] {
  return row.backends.map((backend, at) => ({
    service: row.name,
    isRepeated: at > 0,
    target: backend.url,
    state: backend.state,
    since: backend.since,
    why: whyOf(backend),
    waiting: backend.waiting,
    backend,
  }));
}

export function partsOf({ parts, root }: ServiceRow): string {
  const all = parts.map(({ service, share }) => `${service} (${share})`);
  return [...(root === undefined ? [] : [root]), ...all].join(", ");
}

export function serviceWhy({ breaker }: ServiceRow): string {
  if (breaker === "open") return "the circuit breaker is open";
  return breaker === "recovering" ? "the circuit breaker is closing" : "";
}

/** A check that failed says why, also before it has failed often enough. */
export function whyOf({ why, lastCheck }: BackendRow): string {
  const text = why !== "" || lastCheck === undefined || lastCheck.isGood ? why : lastCheck.text;
  return text.length > mostWhy ? `${text.slice(0, mostWhy)}…` : text;
}

// --- columns -----------------------------------------------------------------------------------

const out = process.stdout;
const nameWidth = 14;
const urlWidth = 22;

const serviceColumn: Column<Line> = {
  title: "SERVICE",
  cell: ({ service }) => service,
  least: nameWidth,
  cut: "middle",
  // There for whoever searches in the lines, and no more than that.
  paint: (cell, { isRepeated }) => (isRepeated ? paint(out, "grey", cell) : cell),
};

/** What the configuration says too goes first when there is no room. */
const columns: readonly Column<Line>[] = [
  { title: "BACKEND", cell: ({ target }) => target, least: urlWidth, cut: "middle" },
  {
    title: "STATE",
    cell: ({ state }) => state,
    paint: (cell, { state }) => paint(out, stateColours[state], cell),
  },
  { title: "FOR", cell: ({ since }) => timeSince(since), rank: 9 },
  number("WEIGHT", ({ weight }) => weight, { rank: 1, usual: "1" }),
  number("TIER", ({ tier }) => tier, { rank: 2 }),
  number("IN FLIGHT", ({ inFlight }) => inFlight, { rank: 8 }),
  {
    title: "WAITING",
    cell: ({ waiting, backend }) =>
      waiting === 0 && backend === undefined ? "" : waiting.toLocaleString("en"),
    usual: "0",
    rank: 7,
  },
  number("ANSWERED", ({ answered }) => answered, { rank: 3 }),
  number("FAILED", ({ failed }) => failed, { rank: 6 }),
  {
    title: "LATENCY",
    cell: ({ backend }) => shortLatency(backend?.latency ?? 0),
    rank: 4,
  },
  { title: "LAST CHECK", cell: ({ backend }) => checkOf(backend), rank: 5 },
];

const whyColumn: Column<Line> = { title: "WHY", cell: ({ why }) => why };

function number(
  title: string,
  valueOf: (backend: BackendRow) => number,
  { rank, usual = "0" }: { readonly rank: number; readonly usual?: string },
): Column<Line> {
  const cell = ({ backend }: Line) =>
    backend === undefined ? "" : valueOf(backend).toLocaleString("en");
  return { title, cell, usual, rank };
}

function checkOf(backend: BackendRow | undefined): string {
  const check = backend?.lastCheck;
  if (check === undefined) return "";
  return `${check.isGood ? "good" : "bad"} ${timeSince(check.at)}`.trim();
}

/**
 * Reasons have a column if there is room for it beside all the others; else each stands below its line.
 *
 * @param isNamed with the names of the services
 */
export function serviceTable(lines: readonly Line[], isNamed: boolean): readonly string[] {
  const shown = isNamed ? [serviceColumn, ...columns] : columns;
  const width = terminalWidth();
  const wide = fittedTable([...shown, whyColumn], lines, width);
  if (wide.dropped.length === 0) return wide.lines;
  const { lines: rows, dropped } = fittedTable(shown, lines, width);
  const [heading = ""] = rows;
  return [
    heading,
    ...lines.flatMap(({ why }, at) => [rows[at + 1] ?? "", ...(why === "" ? [] : below(why))]),
    ...(dropped.length === 0
      ? []
      : [paint(out, "grey", `no room for ${dropped.join(", ")}; --json has all`)]),
  ];
}

/** In a column of what room is left it would say little. */
function below(why: string): readonly string[] {
  return [`  ${paint(out, "grey", plain(why))}`];
}
