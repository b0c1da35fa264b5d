// Which requests the route of a location claims: by host, by path, and in nginx's order among those beside it.

import { both, call, either } from "../../providers/labels/rule-text.ts";
import { importBounds } from "../../config/limits.ts";
import type { Outline, Settings } from "../outline.ts";
import type { Location } from "./locations.ts";
import { pathRule } from "./locations.ts";
import type { Names } from "./names.ts";

export interface Claiming {
  readonly outline: Outline;
  /** Of its server. */
  readonly names: Names;
  /** It answers for names that nobody has. */
  readonly isDefault: boolean;
  /** Further conditions; "" = none. */
  readonly condition: string;
  /** Of all servers. */
  readonly everybody: Names;
  /** Patterns are among the locations of its server. */
  readonly hasPatterns: boolean;
  /** Where it stands among them. */
  readonly index: number;
}

export interface Claim {
  /** What the route may be called. */
  readonly wanted: string;
  readonly keys: Settings;
}

/** `more` is a condition beside those of server and location. */
export function claimOf(location: Location, claiming: Claiming, more: string | undefined): Claim {
  const { names, hasPatterns, condition, isDefault, index } = claiming;
  const { patterns } = names;
  const { kind, text } = location;
  const all = isDefault ? [...names.hosts, "*"] : names.hosts;
  const [first = patterns.length > 0 ? "pattern" : "all"] = all;
  const wanted = `${first === "*" ? "all" : first}${kind === "pattern" ? "/pattern" : text === "/" ? "" : text}`;
  const isRanked = hasPatterns && kind !== "prefix";
  const priority = isRanked ? { priority: rankOf(location, index) } : {};
  const isWide = isRanked && (patterns.length > 0 || all.some((each) => each.startsWith("*")));
  const isPlain = patterns.length === 0 && !isWide && condition === "" && more === undefined;
  const path = plainPath(location);
  if (isPlain && path !== undefined) {
    const host = all.length === 1 ? all[0] : all;
    return { wanted, keys: { host, ...path, ...priority } };
  }
  const hosts = isWide ? exactHostRule(all, location, claiming) : hostRule(all, patterns);
  return { wanted, keys: { rule: both(hosts, condition, pathRule(location), more), ...priority } };
}

/**
 * nginx's order among locations; those without one come by length, as ours do. A pattern within a location is for its
 * requests alone, so it may go before any prefix.
 */
function rankOf({ kind, text, inside }: Location, index: number): number {
  if (kind === "exact") return 400_000;
  if (kind === "final") return 200_000 + Math.min(text.length, 50_000);
  return (inside === "" ? 100_000 : 390_000) - Math.min(index, 90_000);
}

function hostRule(hosts: readonly string[], patterns: readonly string[]): string {
  const rules = [
    ...hosts.map((each) => call("Host", each)),
    ...patterns.map((each) => call("HostRegexp", each)),
  ];
  return either(rules);
}

/** With a priority it goes before all others: what is more special to them has to be left to them. */
function exactHostRule(
  hosts: readonly string[],
  { directive }: Location,
  { names: { patterns }, everybody, outline }: Claiming,
): string {
  const own = new Set(hosts);
  const theirs = everybody.hosts.filter((each) => !own.has(each));
  const exact = hosts.filter((host) => !host.startsWith("*")).map((host) => call("Host", host));
  const wide = [
    ...hosts.flatMap((host) => {
      if (!host.startsWith("*")) return [];
      const special = theirs.filter((each) => host === "*" || each.endsWith(host.slice(1)));
      const strange = everybody.patterns.filter((each) => !patterns.includes(each));
      const names = { hosts: special, patterns: host === "*" ? strange : [] };
      return butNot(call("Host", host), names);
    }),
    ...patterns.map((each) => butNot(call("HostRegexp", each), { hosts: theirs, patterns: [] })),
  ];
  const rule = either([...exact, ...wide]);
  if (rule.length <= importBounds.hostRule || exact.length === 0) return rule;
  const text =
    "the other servers have too many names for a rule: this location is not there for wildcards and for names that nobody has";
  outline.note(text, directive);
  return either(exact);
}

function butNot(rule: string, { hosts, patterns }: Names): string {
  if (hosts.length + patterns.length === 0) return rule;
  const bare = rule === call("Host", "*") ? "" : rule;
  const except = `!(${hostRule(hosts, patterns).replace(/^\((.*)\)$/s, "$1")})`;
  return bare === "" ? except : `(${bare} && ${except})`;
}

/** As the short keys say it; undefined = they cannot. */
function plainPath({ kind, text, except }: Location): Settings | undefined {
  if (!/^\/[\w.~/-]*$/.test(text) || except.length > 0 || /\/\.|\/\//.test(text)) return undefined;
  if (kind === "exact") return { pathExact: text };
  if (kind === "pattern") return undefined;
  if (text === "/") return {};
  return text.endsWith("/") ? { path: text } : undefined;
}
