// Caddy's own order: in a site it sorts directives by kind, and in each kind those with longer paths go first; in `route` they stay
// as written.

import type { Directive } from "../../providers/labels/caddy-tree.ts";
import type { Settings } from "../outline.ts";

export interface Found {
  readonly rank: readonly number[];
  readonly rule: string;
  readonly path: string;
  readonly settings: Settings;
  /** By more than the path. */
  readonly isConditional: boolean;
}

const order = ["redir", "handle", "handle_path", "route", "abort", "error", "respond"];
export const answers = [
  "redir",
  "abort",
  "error",
  "respond",
  "reverse_proxy",
  "php_fastcgi",
  "file_server",
];
const allOrder = [...order, "reverse_proxy", "php_fastcgi", "file_server"];
/** Does Caddy's order differ from ours, in which the longer path goes first? */
export function needsRanks(sorted: readonly Found[]): boolean {
  if (sorted.length < 2) return false;
  if (sorted.some(({ isConditional }) => isConditional)) return true;
  return sorted.some(({ path }, index) =>
    sorted.slice(index + 1).some((later) => later.path !== path && later.path.startsWith(path)),
  );
}

/** Kind, then the longer path, then as written. */
export function rankOf({ name, args }: Directive, index: number, isOrdered: boolean): number[] {
  if (isOrdered) return [index, 0, 0];
  const [first = ""] = args;
  // Caddy sorts these two together.
  const kind = allOrder.indexOf(name === "handle_path" ? "handle" : name);
  const length = first.startsWith("/")
    ? first.replace(/\*$/, "").length
    : first.startsWith("@")
      ? 1
      : 0;
  // Exact paths go before those with a star.
  const exact = first.startsWith("/") && !first.endsWith("*") ? 0.5 : 0;
  return [kind, -(length + exact), index];
}

export function compare(one: readonly number[], other: readonly number[]): number {
  for (const [index, value] of one.entries()) {
    const difference = value - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
