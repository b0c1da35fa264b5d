// What `tidegate top` shows, as lines of text made of numbers, size and what was chosen: no terminal is needed for it.

import type { Measured } from "../admin/measures.ts";
import { type Column, fittedTable } from "./fitted-table.ts";
import type { Colour } from "./paint.ts";
import { plain } from "./plain.ts";
import { shortLatency, shortSize, shortTime } from "./units.ts";

export const tabs = ["routes", "backends", "workers"] as const;
export type Tab = (typeof tabs)[number];

export interface TopChoice {
  readonly tab: Tab;
  /** Of the table's columns that can be sorted by. */
  readonly sort: number;
  /** Only rows with this in their name, whatever case. */
  readonly filter: string;
  /** The filter is being written. */
  readonly isTyping: boolean;
  /** Rows passed over. */
  readonly offset: number;
}

export interface TopSize {
  readonly columns: number;
  readonly rows: number;
}

/** Puts colour on text, or not. */
export type Painter = (colour: Colour, text: string) => string;

type Route = Measured["routes"][number];
type Worker = Measured["workers"][number];

/** A service, or a backend below it. */
interface Line {
  readonly service: string;
  readonly url: string;
  readonly rate: number;
  readonly errorRate: number;
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  readonly open: number;
  readonly waiting: number | undefined;
  readonly total: number;
}

interface Sorted<Row> {
  readonly title: string;
  /** The largest first; texts from A on. */
  readonly by: (row: Row) => number | string;
}

const routeSorts: readonly Sorted<Route>[] = [
  { title: "RATE", by: ({ rate }) => rate },
  { title: "5XX/S", by: ({ errorRate }) => errorRate },
  { title: "P50", by: ({ p50 }) => p50 },
  { title: "P99", by: ({ p99 }) => p99 },
  { title: "OPEN", by: ({ open }) => open },
  { title: "TOTAL", by: ({ total }) => total },
  { title: "ROUTE", by: ({ name }) => name },
];

const lineSorts: readonly Sorted<Line>[] = [
  { title: "RATE", by: ({ rate }) => rate },
  { title: "FAIL/S", by: ({ errorRate }) => errorRate },
  { title: "P50", by: ({ p50 }) => p50 ?? 0 },
  { title: "P99", by: ({ p99 }) => p99 ?? 0 },
  { title: "OPEN", by: ({ open }) => open },
  { title: "TOTAL", by: ({ total }) => total },
  { title: "SERVICE", by: ({ service }) => service },
];

const workerSorts: readonly Sorted<Worker>[] = [
  // From the first place on.
  { title: "SLOT", by: ({ slot }) => -slot },
  { title: "RATE", by: ({ rate }) => rate },
  { title: "BUSY", by: ({ busy }) => busy },
  { title: "MEMORY", by: ({ memory }) => memory },
  { title: "CONNECTIONS", by: ({ connections }) => connections },
];

export function sortsOf(tab: Tab): readonly { readonly title: string }[] {
  return { routes: routeSorts, backends: lineSorts, workers: workerSorts }[tab];
}

/** Of all tables, whatever is shown of them. @param colour "" and the same text where there is none */
export function tableLines(
  measured: Measured,
  choice: Pick<TopChoice, "tab" | "sort" | "filter">,
  width: number,
  paint: Painter,
): readonly string[] {
  const { tab, sort, filter } = choice;
  const wanted = filter.toLowerCase();
  const has = (...names: readonly string[]) =>
    wanted === "" || names.some((name) => name.toLowerCase().includes(wanted));
  switch (tab) {
    case "routes": {
      const rows = measured.routes.filter(({ name }) => has(name));
      return fittedTable(routeColumns(paint), sorted(rows, routeSorts[sort]), width).lines;
    }
    case "backends":
      return fittedTable(lineColumns(paint), servicesOf(measured, sort, has), width).lines;
    case "workers": {
      const rows = measured.workers.filter(({ pid }) => has(String(pid)));
      return fittedTable(workerColumns(paint), sorted(rows, workerSorts[sort]), width).lines;
    }
  }
}

function sorted<Row>(rows: readonly Row[], sort: Sorted<Row> | undefined): readonly Row[] {
  if (sort === undefined) return rows;
  return rows.toSorted((a, b) => {
    const [one, other] = [sort.by(a), sort.by(b)];
    if (typeof one === "number" && typeof other === "number") return other - one;
    return String(one).localeCompare(String(other));
  });
}

/** Services in their order, each with its backends below it. */
function servicesOf(
  { services, backends }: Measured,
  sort: number,
  has: (...names: readonly string[]) => boolean,
): readonly Line[] {
  const below = Map.groupBy(backends, ({ service }) => service);
  const own = services.map((each): Line => {
    return { ...each, service: each.name, url: "", waiting: undefined };
  });
  return sorted(own, lineSorts[sort]).flatMap((each) => {
    const lines = (below.get(each.service) ?? []).map((row): Line => {
      return { ...row, p50: undefined, p99: undefined };
    });
    const found = lines.filter(({ url }) => has(each.service, url));
    if (found.length === 0 && !has(each.service)) return [];
    return [each, ...sorted(found, lineSorts[sort])];
  });
}

const right = (text: string, width: number): string => text.padStart(width);

const amount = (value: number): string =>
  value >= 100 ? String(Math.round(value)) : value === 0 ? "0" : value.toFixed(1);

/** Nothing is the usual, and easier on the eye. */
const errorsPerSecond = (value: number): string => (value === 0 ? "" : amount(value));

function routeColumns(paint: Painter): readonly Column<Route>[] {
  return [
    { title: "ROUTE", cell: ({ name }) => name, least: 12, cut: "middle" },
    ...figures<Route>(paint, "5XX/S"),
  ];
}

interface Figures {
  readonly rate: number;
  readonly errorRate: number;
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  readonly open: number;
  readonly total: number;
}

function figures<Row extends Figures>(paint: Painter, errors: string): readonly Column<Row>[] {
  return [
    { title: "     RATE", cell: ({ rate }) => right(amount(rate), 9) },
    {
      title: errors,
      cell: ({ errorRate }) => errorsPerSecond(errorRate),
      paint: (cell, { errorRate }) => (errorRate > 0 ? paint("red", cell) : cell),
    },
    { title: "P50", cell: ({ p50 }) => shortLatency(p50 ?? 0), rank: 3 },
    { title: "P99", cell: ({ p99 }) => shortLatency(p99 ?? 0), rank: 4 },
    { title: "OPEN", cell: ({ open }) => String(open), rank: 2 },
    { title: "TOTAL", cell: ({ total }) => String(total), rank: 1 },
  ];
}

function lineColumns(paint: Painter): readonly Column<Line>[] {
  return [
    {
      title: "SERVICE",
      cell: ({ service, url }) => (url === "" ? service : `  ${url}`),
      least: 12,
      cut: "middle",
      paint: (cell, { url }) => (url === "" ? paint("bold", cell) : cell),
    },
    ...figures<Line>(paint, "FAIL/S"),
    { title: "WAITING", cell: ({ waiting }) => String(waiting ?? ""), usual: "0", rank: 2 },
  ];
}

function workerColumns(paint: Painter): readonly Column<Worker>[] {
  const isLate = ({ busy, lag }: Worker) => busy > 0.9 || lag > 100;
  return [
    { title: "SLOT", cell: ({ slot }) => String(slot) },
    { title: "PID", cell: ({ pid }) => String(pid), rank: 3 },
    { title: "STATE", cell: ({ state }) => state },
    { title: "     RATE", cell: ({ rate }) => right(amount(rate), 9) },
    {
      title: "BUSY",
      cell: ({ busy }) => `${Math.round(busy * 100)} %`,
      paint: (cell, row) => (isLate(row) ? paint("red", cell) : cell),
    },
    { title: "LAG", cell: ({ lag }) => shortLatency(lag), rank: 1 },
    { title: "MEMORY", cell: ({ memory }) => shortSize(memory), rank: 4 },
    { title: "CONNECTIONS", cell: ({ connections }) => String(connections), rank: 2 },
    { title: "RUNNING", cell: ({ exchanges }) => String(exchanges), rank: 2 },
    { title: "TUNNELS", cell: ({ tunnels }) => String(tunnels), usual: "0", rank: 1 },
  ];
}

/** Two lines that say how it is. */
export function summaryLines({ totals, workers, uptime }: Measured): readonly string[] {
  const { rates, p50, p90, p99, connections, exchanges, tunnels } = totals;
  const times = [
    ["p50", p50],
    ["p90", p90],
    ["p99", p99],
  ] as const;
  const latencies = times.map(([name, ms]) => `${name} ${ms === 0 ? "-" : shortLatency(ms)}`);
  const live = workers.filter(({ state }) => state === "live").length;
  const processes = workers.length === 0 ? "one process" : `workers ${live}`;
  return [
    [`requests ${amount(rates.requests)}/s`, `5xx ${amount(rates.errors)}/s`, ...latencies].join(
      "  ",
    ),
    [
      `connections ${connections}`,
      `running ${exchanges}`,
      `tunnels ${tunnels}`,
      processes,
      `in ${shortSize(rates.bytesIn)}/s`,
      `out ${shortSize(rates.bytesOut)}/s`,
      `up ${shortTime(uptime)}`,
    ].join("  "),
  ];
}

const bars = "▁▂▃▄▅▆▇█";

/** Requests of the last seconds, the latest at the end. */
export function spark({ history }: Measured, width: number): string {
  const rates = history.slice(-width).map(({ requests }) => requests);
  const most = Math.max(1, ...rates);
  const shown = rates.map((rate) => {
    if (rate === 0) return " ";
    return bars[Math.min(bars.length - 1, Math.floor((rate / most) * bars.length))] ?? " ";
  });
  return shown.join("");
}

export interface Screen {
  readonly lines: readonly string[];
  /** As far as there are rows. */
  readonly offset: number;
}

/** All lines of a terminal. @param trouble why there is nothing newer; undefined = there is */
export function screenOf(
  measured: Measured,
  choice: TopChoice,
  size: TopSize,
  paint: Painter,
  trouble?: string,
): Screen {
  const { columns: width, rows: height } = size;
  const [heading = "", ...rows] = tableLines(measured, choice, width, paint);
  const top = [
    ...summaryLines(measured).map((line) => cut(line, width)),
    paint("grey", spark(measured, width)),
    paint("bold", cut(heading, width)),
  ];
  const room = Math.max(1, height - top.length - 1);
  const offset = Math.max(0, Math.min(choice.offset, rows.length - room));
  const shown = rows.slice(offset, offset + room);
  const empty = Array.from({ length: Math.max(0, room - shown.length) }, () => "");
  const last =
    trouble === undefined
      ? paint("grey", cut(helpOf(choice, rows.length), width))
      : paint("red", cut(plain(trouble), width));
  return { lines: [...top, ...shown, ...empty, last].slice(0, height), offset };
}

function helpOf({ tab, sort, filter, isTyping }: TopChoice, count: number): string {
  if (isTyping) return `filter: ${plain(filter)}_  (Enter keeps it, Esc drops it)`;
  const by = sortsOf(tab)[sort]?.title.toLowerCase() ?? "";
  const only = filter === "" ? "" : ` only "${plain(filter)}"`;
  return `${count} by ${by}${only}  |  r routes  b backends  w workers  s sort  / filter  q quit`;
}

function cut(text: string, width: number): string {
  const chars = Array.from(text);
  return chars.length <= width ? text : chars.slice(0, Math.max(0, width)).join("");
}
