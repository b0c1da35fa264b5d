// What discovery found as lines of a table that fits the terminal: a line for each route, and below the last
// line of each container what was not understood, errors first.

import type { DiscoveryRows } from "../admin/operations.ts";
import type { Finding, FoundRoute, Note } from "../config/finding.ts";
import { type Column, fittedTable, terminalWidth } from "./fitted-table.ts";
import { type Colour, paint } from "./paint.ts";
import { plain } from "./plain.ts";

/** A sentence or two; whoever writes labels may make the text in it as long as they like. */
const mostText = 400;
/** Nobody reads more of one container; a thousand wrong labels must not hide the others. */
const mostNotes = 10;

const out = process.stdout;

interface Line {
  readonly finding: Finding;
  /** The line above is of the same finding. */
  readonly isRepeated: boolean;
  /** undefined: it is not routed. */
  readonly route: FoundRoute | undefined;
}

/** In the order of the providers, then by name. */
export function discoveryTable({ providers, findings }: DiscoveryRows): readonly string[] {
  const ranks = new Map(providers.map(({ name }, at) => [name, at]));
  const rankOf = (finding: Finding) => ranks.get(finding.provider) ?? providers.length;
  const sorted = findings.toSorted(
    (a, b) => rankOf(a) - rankOf(b) || compare(nameOf(a), nameOf(b)),
  );
  const groups = sorted.map(linesOf);
  const { lines, dropped } = fittedTable(columns, groups.flat(), terminalWidth());
  const [heading = "", ...rows] = lines;
  let at = 0;
  const body = groups.flatMap((group) => {
    const own = rows.slice(at, (at += group.length));
    return [...own, ...notesOf(group[0]?.finding.notes ?? [])];
  });
  const missing = `no room for ${dropped.join(", ")}; --json has all`;
  return [heading, ...body, ...(dropped.length === 0 ? [] : [paint(out, "grey", missing)])];
}

/** Foreign text on one line, not longer than somebody would read. */
export function shortText(text: string): string {
  // Cut first: what is made harmless gets longer, and must not be cut in the middle.
  return plain(text.length > mostText ? `${text.slice(0, mostText).toWellFormed()}…` : text);
}

function linesOf(finding: Finding): readonly Line[] {
  if (finding.became.length === 0) return [{ finding, isRepeated: false, route: undefined }];
  return finding.became.map((route, at) => ({ finding, isRepeated: at > 0, route }));
}

function nameOf({ project, name }: Finding): string {
  return project === undefined ? name : `${project}/${name}`;
}

/** By code units: the same on every machine. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

// --- columns -----------------------------------------------------------------------------------

const stateColours: ReadonlyMap<string, Colour> = new Map([
  ["running", "green"],
  ["healthy", "green"],
  ["starting", "yellow"],
  ["stopping", "yellow"],
  ["paused", "yellow"],
  ["unhealthy", "red"],
  ["unreachable", "red"],
  ["stopped", "grey"],
]);

/** There for whoever searches in the lines, and no more than that. */
function repeated(cell: string, { isRepeated }: Line): string {
  return isRepeated ? paint(out, "grey", cell) : cell;
}

const columns: readonly Column<Line>[] = [
  { title: "PROVIDER", cell: ({ finding }) => finding.provider, rank: 3, paint: repeated },
  {
    title: "NAME",
    cell: ({ finding }) => nameOf(finding),
    least: 16,
    cut: "middle",
    paint: repeated,
  },
  {
    title: "STATE",
    cell: ({ finding }) => finding.state,
    least: 11,
    paint(cell, line) {
      const colour = stateColours.get(line.finding.state);
      return line.isRepeated || colour === undefined
        ? repeated(cell, line)
        : paint(out, colour, cell);
    },
  },
  {
    title: "ADDRESS",
    cell: ({ finding }) => addressOf(finding),
    rank: 2,
    paint: repeated,
  },
  {
    title: "ROUTE",
    cell: ({ route }) => route?.rule ?? "not routed",
    least: 20,
    cut: "end",
    paint: (cell, { route }) => (route === undefined ? paint(out, "yellow", cell) : cell),
  },
  { title: "GOES TO", cell: ({ route }) => goalOf(route), least: 21, cut: "middle", rank: 4 },
  {
    title: "ASKED BY",
    cell: ({ route }) => (route === undefined ? "" : (route.dialect ?? "default host")),
    usual: "tidegate",
    rank: 1,
  },
];

function addressOf({ addresses }: Finding): string {
  const [first = ""] = addresses;
  return addresses.length > 1 ? `${first} +${addresses.length - 1}` : first;
}

/** A route without a service answers by itself. */
function goalOf(route: FoundRoute | undefined): string {
  if (route === undefined) return "";
  return route.backend ?? (route.service === undefined ? "answers itself" : "nobody yet");
}

// --- notes -------------------------------------------------------------------------------------

const severities = ["error", "warning", "info"] as const;

const noteColours: Readonly<Record<Note["severity"], Colour>> = {
  error: "red",
  warning: "yellow",
  info: "grey",
};

function notesOf(notes: readonly Note[]): readonly string[] {
  const sorted = notes.toSorted(
    (a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity),
  );
  const hidden = sorted.length - mostNotes;
  return [
    ...sorted.slice(0, mostNotes).map(noteLine),
    ...(hidden > 0 ? [paint(out, "grey", `  and ${hidden} more; --json has all`)] : []),
  ];
}

function noteLine({ severity, about, message, remedy }: Note): string {
  const where = about === "" ? "" : `${shortText(about)}: `;
  const what = remedy === undefined ? message : `${message}; ${remedy}`;
  const word = severity === "info" ? "note" : severity;
  return `  ${paint(out, noteColours[severity], word)} ${where}${shortText(what)}`;
}
