// Lines of a stream of requests, as data again: whoever reads them may be of another version.

import type { TrafficEntry } from "./entry.ts";

export type ReadLine =
  | { readonly kind: "entry"; readonly entry: TrafficEntry }
  | { readonly kind: "missing"; readonly count: number };

/** undefined = it is none that this version understands. */
export function readEntry(line: string): ReadLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if ("notShown" in value && typeof value.notShown === "number") {
    return { kind: "missing", count: value.notShown };
  }
  return isEntry(value) ? { kind: "entry", entry: value } : undefined;
}

const texts = ["client", "method", "scheme", "host", "target", "route", "backend", "failure"];
const numbers = ["time", "status", "bytes", "duration"];

function isEntry(value: object): value is TrafficEntry {
  const of = new Map<string, unknown>(Object.entries(value));
  return (
    texts.every((name) => typeof of.get(name) === "string") &&
    numbers.every((name) => typeof of.get(name) === "number")
  );
}
