// The locations of one server of nginx, flat: nested ones know what they are in. nginx looks for an exact path, then the
// longest prefix; unless that is a `^~`, patterns go before it, in their order, the inner ones first.

import { parsePattern } from "../../config/pattern.ts";
import { call, either, literal } from "../../providers/labels/rule-text.ts";
import type { Outline } from "../outline.ts";
import { shown } from "../outline.ts";
import type { Directive, Scope } from "./tree.ts";
import { patternOf } from "./values.ts";

export interface Location {
  readonly directive: Directive;
  readonly kind: "exact" | "final" | "pattern" | "prefix";
  /** A path, or a pattern as ours are written. */
  readonly text: string;
  /** Ends with the location's own block. */
  readonly scope: Scope;
  /** The prefix it stands in; "" = none. */
  readonly inside: string;
  /** It is `^~` by itself, and not for standing in one: then patterns beside it are not looked at. */
  readonly isFinal: boolean;
  /** Longer prefixes, whose requests never come here. */
  readonly except: readonly string[];
}

export interface Locations {
  /** The first that fits a request counts. */
  readonly list: readonly Location[];
  readonly named: ReadonlyMap<string, readonly Directive[]>;
}

export function locationsOf(
  block: readonly Directive[],
  scope: Scope,
  outline: Outline,
): Locations {
  const found: Location[] = [];
  const named = new Map<string, readonly Directive[]>();
  collect(block, { scope, inside: "", isInFinal: false, outline, found, named });
  const rank = { exact: 0, final: 1, pattern: 2, prefix: 3 };
  const byLength = (one: Location, other: Location) =>
    one.kind === "pattern" ? 0 : other.text.length - one.text.length;
  const list = found.toSorted(
    (one, other) => rank[one.kind] - rank[other.kind] || byLength(one, other),
  );
  const prefixes = list.filter(({ kind }) => kind === "prefix" || kind === "final");
  return { list: list.map((each) => withExceptions(each, prefixes)), named };
}

interface Collecting {
  readonly scope: Scope;
  readonly inside: string;
  readonly isInFinal: boolean;
  readonly outline: Outline;
  readonly found: Location[];
  readonly named: Map<string, readonly Directive[]>;
}

function collect(block: readonly Directive[], around: Collecting): void {
  const { scope, inside, isInFinal, outline, found, named } = around;
  const here: Location[] = [];
  for (const directive of block) {
    if (directive.name !== "location") continue;
    const { modifier, text } = matchOf(directive);
    const content = directive.block ?? [];
    if (modifier === "@") {
      named.set(text, content);
      continue;
    }
    const isFinal = modifier === "^~";
    const usual = isInFinal ? "final" : "prefix";
    const kind = kinds.get(modifier) ?? usual;
    const written = kind === "pattern" ? patternOf(text, modifier === "~*") : text;
    if (!isUsable(kind, written, directive, outline)) continue;
    const own = scope.within(content);
    const location = { directive, kind, text: written, scope: own, inside, isFinal, except: [] };
    here.push(location);
    const below = kind === "pattern" || kind === "exact" ? inside : text;
    collect(content, { ...around, scope: own, inside: below, isInFinal: kind === "final" });
  }
  found.push(...here);
}

const kinds = new Map<string, Location["kind"]>([
  ["=", "exact"],
  ["^~", "final"],
  ["~", "pattern"],
  ["~*", "pattern"],
]);

function matchOf({ args }: Directive): { readonly modifier: string; readonly text: string } {
  const [first = "", second] = args;
  if (second !== undefined) return { modifier: first, text: second };
  if (first.startsWith("@")) return { modifier: "@", text: first };
  const [, modifier = "", text = ""] = /^(=|\^~|~\*|~)?(.*)$/s.exec(first) ?? [];
  return { modifier, text };
}

function isUsable(
  kind: Location["kind"],
  text: string,
  directive: Directive,
  outline: Outline,
): boolean {
  if (kind !== "pattern") {
    if (text.startsWith("/")) return true;
    outline.note(`location ${shown(text)}: no path begins so, and it is left out`, directive);
    return false;
  }
  const parsed = parsePattern(text);
  if (parsed.kind === "pattern") return true;
  outline.note(`location ~ ${shown(text)}: ${parsed.why}; it is left out`, directive);
  return false;
}

function withExceptions(location: Location, prefixes: readonly Location[]): Location {
  if (location.kind === "prefix" || location.kind === "exact") return location;
  const base = location.kind === "final" ? location.text : location.inside;
  // Longer prefixes have a look at patterns of their own; and what is within a `^~` none of those outside.
  const except = prefixes
    .filter(({ kind, text, inside, isFinal }) =>
      location.kind === "final"
        ? kind === "prefix" && text !== base && text.startsWith(base)
        : location.inside !== "" &&
          (inside !== base || isFinal) &&
          text !== base &&
          text.startsWith(base),
    )
    .map(({ text }) => text);
  return { ...location, except };
}

/** The path as a rule; "" = every path. */
export function pathRule({ kind, text, inside, except }: Location): string {
  const parts: string[] = [];
  if (kind === "exact") parts.push(spelled("Path", text));
  if (kind === "pattern") parts.push(call("PathRegexp", text));
  if (kind === "pattern" && inside !== "" && inside !== "/")
    parts.push(spelled("PathPrefix", inside));
  if ((kind === "prefix" || kind === "final") && text !== "/")
    parts.push(spelled("PathPrefix", text));
  for (const each of new Set(except)) parts.push(`!${spelled("PathPrefix", each)}`);
  return parts.join(" && ");
}

/**
 * nginx looks at decoded paths. In ours, letters, digits and `-._~` are always plain; of anything else that may stand in a path as it
 * is, `%2B` is another spelling of `+`, and a file is found by either.
 */
function spelled(name: "Path" | "PathPrefix", text: string): string {
  const plain = call(name, text);
  if (!twofold.test(text)) return plain;
  const source = literal(text).replaceAll(/\\?[!$&'()*+,;=:@]/g, (written) => {
    const hex = written.slice(-1).charCodeAt(0).toString(16).toUpperCase();
    return `(${written}|%${hex})`;
  });
  return either([plain, call("PathRegexp", `^${source}${name === "Path" ? "$" : ""}`)]);
}

/** RFC 3986 section 3.3: what is no unreserved letter and need not be encoded. */
const twofold = /[!$&'()*+,;=:@]/;
