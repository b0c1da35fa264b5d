// Which location of a server a path comes to: where nginx goes on to with an index, or with the last of `try_files`.

import { parsePattern } from "../../config/pattern.ts";
import type { Location } from "./locations.ts";

/** @param list in nginx's order: the first that fits counts */
export function locate(path: string, list: readonly Location[]): Location | undefined {
  return list.find((each) => fits(each, path));
}

function fits({ kind, text, inside, except }: Location, path: string): boolean {
  if (kind === "exact") return path === text;
  if (except.some((each) => path.startsWith(each))) return false;
  if (kind !== "pattern") return path.startsWith(text);
  return path.startsWith(inside) && patternFits(text, path);
}

export function patternFits(text: string, path: string): boolean {
  const parsed = parsePattern(text);
  return parsed.kind === "pattern" && new RegExp(parsed.pattern, parsed.flags).test(path);
}

/** Endings of programs that a pattern of paths is for, with their dot; empty = none that could be told. */
export function endingsOf(text: string): string[] {
  const [, group, one] = /\\\.(?:\((?:\?:)?([\w|?]+)\)|(\w+))/.exec(text) ?? [];
  const words = (group ?? one ?? "").split("|").map((each) => each.replace(/\w\?$/, ""));
  return [...new Set(words)]
    .filter((each) => program.test(each))
    .map((each) => `.${each}`.toLowerCase());
}

const program = /^(php\d?|phtml|cgi|pl|py|rb|fcgi|lua|sh)$/i;

export function endingOf(path: string): string | undefined {
  const [, ending] = /\.(\w+)$/.exec(path) ?? [];
  return ending !== undefined && program.test(ending) ? `.${ending.toLowerCase()}` : undefined;
}
