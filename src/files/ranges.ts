// Parts of a file that a client asks for (RFC 9110 section 14). A set of ranges may ask for more work than the file is worth; what is
// allowed to cost is bounded here.

import { maxRanges } from "../config/files-limits.ts";

export interface Range {
  readonly start: number;
  /** Behind the last byte. */
  readonly end: number;
}

/**
 * `whole`: as if no range was asked for: it is of another unit, or asks for so many ranges, or the same bytes so often, that
 * the whole file is less work. `bad`: 416, none of it is there, or it cannot be read.
 */
export type AskedRanges = "whole" | "bad" | readonly Range[];

export function readRanges(field: string, size: number): AskedRanges {
  const set = /^bytes[\t ]*=/i.exec(field);
  if (set === null) return "whole";
  const ranges: Range[] = [];
  let asked = 0;
  for (let from = set[0].length; from <= field.length;) {
    const comma = field.indexOf(",", from);
    const stop = comma < 0 ? field.length : comma;
    const spec = field.slice(from, stop).trim();
    from = stop + 1;
    // Empty members of a list are skipped (RFC 9110 section 5.6.1).
    if (spec === "") continue;
    if (++asked > maxRanges) return "whole";
    const range = readRange(spec, size);
    if (range === "bad") return "bad";
    if (range !== "nowhere") ranges.push(range);
  }
  if (ranges.length === 0) return asked > 0 && isEmptySuffix(field, size) ? "whole" : "bad";
  return overlap(ranges) ? "whole" : ranges;
}

/** The last bytes of an empty file are all of it, which no Content-Range can say. */
function isEmptySuffix(field: string, size: number): boolean {
  return size === 0 && /=[\t ,]*-0*[1-9]/.test(field);
}

function readRange(spec: string, size: number): Range | "bad" | "nowhere" {
  const parts = /^(\d*)-(\d*)$/.exec(spec);
  const [, first = "", last = ""] = parts ?? [];
  if (parts === null || (first === "" && last === "")) return "bad";
  if (first === "") {
    const length = numberOf(last);
    if (length === 0 || size === 0) return "nowhere";
    return { start: Math.max(0, size - length), end: size };
  }
  const start = numberOf(first);
  if (last !== "" && numberOf(last) < start) return "bad";
  if (start >= size) return "nowhere";
  return { start, end: last === "" ? size : Math.min(size, numberOf(last) + 1) };
}

/** More digits than can be counted exactly are more than any file has. */
function numberOf(digits: string): number {
  return digits.length > 15 && /[1-9]/.test(digits.slice(0, -15)) ? Infinity : Number(digits);
}

function overlap(ranges: readonly Range[]): boolean {
  if (ranges.length < 2) return false;
  const sorted = ranges.toSorted((a, b) => a.start - b.start);
  return sorted.some((each, at) => at > 0 && each.start < sorted[at - 1]!.end);
}
