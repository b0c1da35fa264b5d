// What nginx-proxy makes of one host and one path: a server name and a location with `proxy_pass`. A location is
// a plain prefix, not bound to a segment; `= /x` is exact, `~ …` a regular expression. With a destination, the
// location's own text is replaced by it.

import { both, call, either, literal } from "./rule-text.ts";

export interface Location {
  readonly rule: string;
  /** As under `routes` in the file, besides the rule. */
  readonly rewrite: Readonly<Record<string, unknown>>;
}

export type ReadLocation =
  | { readonly kind: "location"; readonly location: Location }
  | { readonly kind: "bad"; readonly why: string };

/** The names of a server, in the forms of nginx's `server_name`. */
export function hostRule(host: string): string {
  if (host.startsWith("~")) return call("HostRegexp", `(?i)${host.slice(1)}`);
  if (host.endsWith(".*")) return call("HostRegexp", `^${literal(host.slice(0, -2))}\\..+$`);
  return call("Host", host.replace(/^\./, "*."));
}

export function readLocation(host: string, path: string, destination: string): ReadLocation {
  const [, operator = "", text = ""] = /^\s*(=|~\*|~|\^~)?\s*(.*?)\s*$/s.exec(path) ?? [];
  const ofHost = hostRule(host);
  if (operator === "~" || operator === "~*") {
    if (destination !== "") return bad("a destination needs a plain path, not a pattern");
    const pattern = operator === "~*" ? `(?i)${text}` : text;
    return plain(both(ofHost, call("PathRegexp", pattern)));
  }
  if (!text.startsWith("/")) return bad(`${JSON.stringify(path)} is not a path; write /…`);
  if (operator === "=") {
    const rewrite = rewriteOf(`${literal(text)}$`, destination);
    return plain(both(ofHost, call("Path", text)), rewrite);
  }
  const rewrite = rewriteOf(literal(text), destination);
  if (text === "/") return plain(ofHost, rewrite);
  const prefix = call("PathPrefix", text);
  if (!text.endsWith("/")) return plain(both(ofHost, prefix), rewrite);
  // nginx sends whoever asks for `/app` to `/app/`, if that is where it passes on.
  const bare = text.slice(0, -1);
  const pattern = `^(https?:\\/\\/[^/?]+${literal(bare)})(\\?.*|)$`;
  const redirect = { pattern, to: "$1/$2", status: 301 };
  const rule = both(ofHost, either([prefix, call("Path", bare)]));
  return plain(rule, { ...rewrite, redirect });
}

function plain(rule: string, rewrite: Readonly<Record<string, unknown>> = {}): ReadLocation {
  return { kind: "location", location: { rule, rewrite } };
}

function bad(why: string): ReadLocation {
  return { kind: "bad", why };
}

function rewriteOf(pattern: string, destination: string): Readonly<Record<string, unknown>> {
  if (destination === "") return {};
  const replacement = destination.replaceAll("$", "$$$$");
  return { replacePath: { pattern: `^${pattern}`, replacement } };
}
