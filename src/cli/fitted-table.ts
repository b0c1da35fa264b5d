// A table that fits a width: columns that say nothing are left out, long texts are cut, and when that is
// not enough columns go, the least important first. Whoever prints it can say which ones went.

import { plain } from "./plain.ts";

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** A cell that says nothing besides "": a column of nothing else is left out. */
  readonly usual?: string;
  /** It may be cut to so many characters; without it it never is. */
  readonly least?: number;
  /** Where it is cut: a URL has both ends to tell it by. */
  readonly cut?: "middle" | "end";
  /** Without room the lowest goes first; without it the column stays. */
  readonly rank?: number;
  /** Gets the cell as it will stand there, with the blanks that fill it up. */
  readonly paint?: (cell: string, row: Row) => string;
}

export interface FittedTable {
  /** The heading first. */
  readonly lines: readonly string[];
  /** Titles of columns there was no room for. */
  readonly dropped: readonly string[];
}

const gap = 2;
/** Where the terminal does not say, or is none. */
const usualWidth = 100;

export function terminalWidth(): number {
  const { isTTY, columns } = process.stdout;
  return isTTY && columns > 0 ? columns : usualWidth;
}

export function fittedTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
): FittedTable {
  const telling = columns
    .map((column) => ({ column, cells: rows.map((row) => plain(column.cell(row))) }))
    .filter(({ column, cells }) => cells.some((cell) => cell !== "" && cell !== column.usual))
    .map((each) => ({ ...each, widest: widestOf(each.column.title, each.cells) }));
  const dropped: string[] = [];
  const kept = [...telling];
  while (totalOf(kept.map(leastWidth)) > width) {
    const [least] = kept.filter(isDroppable).toSorted((a, b) => rankOf(a) - rankOf(b));
    if (least === undefined) break;
    kept.splice(kept.indexOf(least), 1);
    dropped.push(least.column.title);
  }
  const widths = shrink(kept, width);
  const line = (text: (of: Sized<Row>, width: number) => string) =>
    kept.map((each, at) => text(each, widths[at] ?? 0)).join(" ".repeat(gap));
  return {
    lines: [
      line(({ column }, size) => column.title.padEnd(size)).trimEnd(),
      ...rows.map((row, at) =>
        // Painted blanks at the end of a line are harmless, so only plain ones are trimmed.
        line(({ column, cells }, size) => {
          const cell = fill(cut(cells[at] ?? "", size, column.cut ?? "end"), size);
          return column.paint?.(cell, row) ?? cell;
        }).trimEnd(),
      ),
    ],
    dropped,
  };
}

interface Sized<Row> {
  readonly column: Column<Row>;
  readonly cells: readonly string[];
  readonly widest: number;
}

function isDroppable<Row>({ column }: Sized<Row>): boolean {
  return column.rank !== undefined;
}

function rankOf<Row>({ column }: Sized<Row>): number {
  return column.rank ?? 0;
}

function widestOf(title: string, cells: readonly string[]): number {
  return cells.reduce((widest, cell) => Math.max(widest, lengthOf(cell)), title.length);
}

function leastWidth<Row>({ column, widest }: Sized<Row>): number {
  const least = Math.max(column.title.length, column.least ?? widest);
  return Math.min(widest, least);
}

function totalOf(widths: readonly number[]): number {
  return widths.reduce((sum, each) => sum + each + gap, -gap);
}

/** Takes from the widest that may be cut, until all of them fit. */
function shrink<Row>(columns: readonly Sized<Row>[], width: number): number[] {
  const widths = columns.map(({ widest }) => widest);
  for (let over = totalOf(widths) - width; over > 0; over -= 1) {
    let widest = -1;
    for (const [at, column] of columns.entries()) {
      const size = widths[at] ?? 0;
      if (size > leastWidth(column) && size > (widths[widest] ?? 0)) widest = at;
    }
    if (widest === -1) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

/** Characters, not halves of them. */
function lengthOf(text: string): number {
  return Array.from(text).length;
}

function fill(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - lengthOf(text)));
}

function cut(text: string, width: number, where: "middle" | "end"): string {
  const chars = Array.from(text);
  if (chars.length <= width) return text;
  const tail = where === "end" ? 0 : Math.floor((width - 1) / 2);
  const head = width - 1 - tail;
  return `${chars.slice(0, head).join("")}…${chars.slice(chars.length - tail).join("")}`;
}
