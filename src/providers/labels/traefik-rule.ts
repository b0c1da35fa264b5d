// Rules of Traefik 2 written as those of version 3, which our own rules are. Several arguments meant "or"
// (of Query: "and"), `{name:pattern}` was a pattern within a plain text. What is already version 3 stays
// as it is, and so does what cannot be read: whoever checks the rule says what is wrong with it.

import { call, literal } from "./rule-text.ts";

interface Call {
  readonly name: string;
  readonly values: readonly string[];
  /** Where it ends in the text. */
  readonly end: number;
}

export function modernRule(text: string): string {
  let made = "";
  for (let at = 0; at < text.length;) {
    const character = text.charAt(at);
    if (/[A-Za-z]/.test(character)) {
      const call = callAt(text, at);
      if (call === undefined) return text;
      made += rewritten(call) ?? text.slice(at, call.end);
      at = call.end;
    } else {
      // A text outside of a call is a mistake, and may hold anything.
      if (character === "`" || character === '"') return text;
      made += character;
      at += 1;
    }
  }
  return made;
}

function callAt(text: string, start: number): Call | undefined {
  const head = /^([A-Za-z]+)\s*\(/.exec(text.slice(start, start + 64));
  if (head === null) return undefined;
  let at = start + head[0].length;
  const values: string[] = [];
  for (;;) {
    at += /^\s*/.exec(text.slice(at))?.[0].length ?? 0;
    if (text.charAt(at) === ")") return { name: head[1] ?? "", values, end: at + 1 };
    const quoted = /^(?:`([^`]*)`|"((?:[^"\\]|\\.)*)")\s*(,?)/s.exec(text.slice(at));
    if (quoted === null) return undefined;
    const [whole, raw, escaped = ""] = quoted;
    // Escapes other than these two are for the reader of rules; nobody has them in a name or path.
    values.push(raw ?? escaped.replaceAll(/\\(["\\])/g, "$1"));
    at += whole.length;
    if (quoted[3] === "" && text.charAt(at) !== ")") return undefined;
  }
}

/** Their names in version 3; Traefik 2 reads `HOST` as well. */
const names = new Map(
  [
    ...["Host", "HostRegexp", "Path", "PathPrefix", "PathRegexp", "Method", "Header", "ClientIP"],
    ...["HeaderRegexp", "Query", "QueryRegexp", "HostSNI", "HostSNIRegexp", "ALPN"],
  ].map((name) => [name.toLowerCase(), name]),
);
names.set("headers", "Header");
names.set("headersregexp", "HeaderRegexp");
names.set("hostheader", "Host");

const pairs = new Set(["Header", "HeaderRegexp"]);

/** undefined = it is fine as it is. */
function rewritten({ name: written, values }: Call): string | undefined {
  const name = names.get(written.toLowerCase());
  if (name === undefined || values.length === 0) return undefined;
  if (name === "Query") return rewrittenQuery(values);
  if (pairs.has(name) || name === "QueryRegexp") return call(name, ...values);
  const made = values.map((value) => withTemplate(name, value));
  const [only] = made;
  return made.length === 1 ? only : `(${made.join(" || ")})`;
}

/** Query(`a=b`, `c=d`) means both. With two arguments and no "=" it is version 3's. */
function rewrittenQuery(values: readonly string[]): string | undefined {
  if (!values.every((value) => value.includes("="))) return undefined;
  const made = values.map((value) => {
    const at = value.indexOf("=");
    return call("Query", value.slice(0, at), value.slice(at + 1));
  });
  const [only] = made;
  return made.length === 1 ? only : `(${made.join(" && ")})`;
}

function withTemplate(name: string, value: string): string {
  // As in version 2, so in version 3 `{` may be a repetition: `[a-z]{2}` is no template.
  if (!/\{[A-Za-z][\w-]*[:}]/.test(value)) return call(name, value);
  const isHost = name.startsWith("Host");
  const pattern = patternOf(value, isHost ? "[^.]+" : "[^/]+");
  if (name === "HostRegexp" || name === "HostSNIRegexp") return call(name, `^${pattern}$`);
  if (name === "Path") return call("PathRegexp", `^${pattern}$`);
  return name === "PathPrefix" ? call("PathRegexp", `^${pattern}`) : call(name, value);
}

/** `{name:pattern}` is the pattern, `{name}` is `usual`, and the rest is plain text. */
function patternOf(template: string, usual: string): string {
  let pattern = "";
  for (let at = 0; at < template.length;) {
    const end = template.charAt(at) === "{" ? closingBrace(template, at) : -1;
    if (end === -1) {
      pattern += literal(template.charAt(at));
      at += 1;
      continue;
    }
    const inner = template.slice(at + 1, end);
    const colon = inner.indexOf(":");
    pattern += colon === -1 ? usual : `(?:${inner.slice(colon + 1)})`;
    at = end + 1;
  }
  return pattern;
}

function closingBrace(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === "{") depth += 1;
    if (character === "}") depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}
