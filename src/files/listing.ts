// What is in a folder, as a page for people and as JSON for programs. Names come from whoever may write there: everything is escaped,
// nothing on the page runs, and links lead into the folder alone.

import type { ListedEntry } from "../guest/finding.ts";
import { encodeName, readable } from "./asked-path.ts";

export interface Listing {
  /** Under root, decoded, with its slash at the end. */
  readonly path: string;
  readonly entries: readonly ListedEntry[];
  /** There is more. */
  readonly isCut: boolean;
}

export interface ListingAsk {
  /** The request's Accept. */
  readonly accept: string;
  /** `sort=name|size|time` and `order=asc|desc`; anything else is passed over. */
  readonly query: string;
  /** As the client sees it, nothing is above. */
  readonly isTop: boolean;
}

/** @property lines of the head, each with its CR LF @property body latin1 */
export interface ListingPage {
  readonly lines: string;
  readonly body: string;
}

const columns = { name: "Name", size: "Size", time: "Changed" } as const;
type Column = keyof typeof columns;

interface Order {
  readonly by: Column;
  readonly isDown: boolean;
}

export function listingPage(listing: Listing, ask: ListingAsk): ListingPage {
  const order = orderOf(ask.query);
  const entries = sorted(listing.entries, order);
  const isJson = wantsJson(ask.accept);
  const text = isJson ? jsonOf(listing, entries) : htmlOf(listing, entries, order, ask.isTop);
  const type = isJson ? "application/json" : "text/html; charset=utf-8";
  return { lines: `Content-Type: ${type}\r\n${guards}`, body: Buffer.from(text).latin1Slice() };
}

/** A name that somebody chose must not become a script, whatever we overlooked. */
const guards =
  "Vary: Accept\r\nX-Content-Type-Options: nosniff\r\n" +
  "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n";

/** JSON is for who names it, and likes it more than pages. */
function wantsJson(accept: string): boolean {
  let json = 0;
  let html = 0;
  // A list this long was made by nobody who wants to read it.
  for (const item of accept.slice(0, 1000).split(",")) {
    const [type = "", ...parameters] = item.split(";").map((each) => each.trim().toLowerCase());
    const weight = Number(parameters.find((each) => each.startsWith("q="))?.slice(2) ?? 1);
    if (type === "application/json") json = Math.max(json, weight);
    if (type === "text/html" || type === "application/xhtml+xml") html = Math.max(html, weight);
  }
  return json > html;
}

function orderOf(query: string): Order {
  const asked = new URLSearchParams(query.slice(0, 100));
  const by = asked.get("sort");
  const isDown = asked.get("order") === "desc";
  return { by: by === "size" || by === "time" ? by : "name", isDown };
}

/** Folders first, whichever way; those that are equal by their names. */
function sorted(entries: readonly ListedEntry[], { by, isDown }: Order): readonly ListedEntry[] {
  const sign = isDown ? -1 : 1;
  const byName = (a: ListedEntry, b: ListedEntry) => (a.name < b.name ? -1 : 1);
  const compare = (a: ListedEntry, b: ListedEntry) => {
    if (a.kind !== b.kind) return a.kind === "folder" ? -1 : 1;
    const difference =
      by === "size" ? a.size - b.size : by === "time" ? a.modifiedAt - b.modifiedAt : 0;
    return difference === 0 ? (by === "name" ? sign : 1) * byName(a, b) : sign * difference;
  };
  return entries.toSorted(compare);
}

function jsonOf({ path, isCut }: Listing, entries: readonly ListedEntry[]): string {
  const list = entries.map(({ name, kind, size, modifiedAt }) => ({
    name: readable(name),
    href: hrefOf(name, kind),
    kind,
    ...(kind === "file" ? { size } : {}),
    modified: timeOf(modifiedAt),
  }));
  return `${JSON.stringify({ path: readable(path), entries: list, ...(isCut ? { isCut } : {}) })}\n`;
}

function hrefOf(name: string, kind: ListedEntry["kind"]): string {
  return kind === "folder" ? `${encodeName(name)}/` : encodeName(name);
}

/** A file can have any date, also one that no calendar has. */
function timeOf(ms: number): string | null {
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15
    ? `${new Date(ms).toISOString().slice(0, 19)}Z`
    : null;
}

function htmlOf(
  { path, isCut }: Listing,
  entries: readonly ListedEntry[],
  order: Order,
  isTop: boolean,
): string {
  const title = escapeHtml(readable(path));
  const up = isTop ? "" : `<tr><td><a href="../">../</a></td><td></td><td></td></tr>\n`;
  const more = isCut ? `<p class="hint">There is more than is shown here.</p>\n` : "";
  const empty = entries.length === 0 ? `<p class="hint">Nothing is in here.</p>\n` : "";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<table>
<thead><tr>${headOf("name", order)}${headOf("size", order)}${headOf("time", order)}</tr></thead>
<tbody>
${up}${entries.map(rowOf).join("")}</tbody>
</table>
${empty}${more}</main>
</body>
</html>
`;
}

function headOf(column: Column, { by, isDown }: Order): string {
  const isIt = by === column;
  const next = isIt && !isDown ? "desc" : "asc";
  const sort = isIt ? ` aria-sort="${isDown ? "descending" : "ascending"}"` : "";
  const mark = isIt ? (isDown ? " ▾" : " ▴") : "";
  const link = `?sort=${column}&amp;order=${next}`;
  return `<th scope="col"${sort}><a href="${link}">${columns[column]}${mark}</a></th>`;
}

function rowOf({ name, kind, size, modifiedAt }: ListedEntry): string {
  const shown = escapeHtml(readable(name)) + (kind === "folder" ? "/" : "");
  const time = timeOf(modifiedAt)?.slice(0, 16).replace("T", " ") ?? "";
  const bytes = kind === "folder" ? "" : `<data value="${size}">${sizeOf(size)}</data>`;
  return `<tr><td><a href="${hrefOf(name, kind)}">${shown}</a></td><td>${bytes}</td><td>${time}</td></tr>\n`;
}

function sizeOf(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toPrecision(2)} ${units[unit]}`;
}

/** Also characters that turn text around: a name must not look like another. */
function escapeHtml(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\ufffd")
    .replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

const style = `:root{color-scheme:light dark;--ink:#16262e;--soft:#5c7079;--paper:#f5f8f9;--card:#fff;--tide:#0b7285;--line:#dde6e9}
@media(prefers-color-scheme:dark){:root{--ink:#e3edf0;--soft:#93a7b0;--paper:#0d1a20;--card:#14262e;--tide:#4fc3d9;--line:#24404c}}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.6 system-ui,sans-serif}
main{box-sizing:border-box;max-width:60rem;margin:2rem auto;padding:2rem 2.5rem;background:var(--card);border-top:4px solid var(--tide);border-radius:.5rem}
@media(max-width:40rem){main{margin:0;padding:1rem;border-radius:0}}
h1{margin:0 0 1rem;font-size:1.25rem;overflow-wrap:anywhere}
table{width:100%;border-collapse:collapse}
th{text-align:left;font-size:.875rem}
th a{color:var(--soft);text-decoration:none}
td{border-top:1px solid var(--line);padding:.25rem 0}
td:first-child{overflow-wrap:anywhere}
td+td,th+th{padding-left:1rem;text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td+td{color:var(--soft);font-size:.875rem}
a{color:var(--tide)}
.hint{color:var(--soft);font-size:.875rem}`;
