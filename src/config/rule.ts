// The rule of a route: which requests, or connections, it claims. The languages are Traefik v3's, one for
// HTTP and one for TCP, parsed into plain data that is compiled elsewhere. Short forms in the configuration
// build the same data.
//
// What differs from Traefik: Host(`*.example.com`) is a wildcard of any depth, and regular expressions
// are JavaScript's (`pattern.ts`).

import { isIPv4 } from "node:net";
import { normaliseHostPattern } from "../lib/host.ts";
import { parseNetwork } from "../lib/ip.ts";
import { nearest } from "../lib/nearest.ts";
import { encodePath, normalisePath } from "../lib/path.ts";
import { parsePattern } from "./pattern.ts";
import { Scanner, SyntaxFault } from "./scanner.ts";

/**
 * `host` is normalised and may be `*` or `*.name`. Header names are lower-case, methods upper-case.
 * A `pathPrefix` with `segment` ends where a path segment ends: `/api` is not `/apix`. Without, it is any
 * text the path begins with, as Traefik's PathPrefix. Patterns are JavaScript's, tried anywhere in the text.
 */
export type Rule =
  | { readonly kind: "host"; readonly host: string }
  | { readonly kind: "hostRegexp"; readonly pattern: string; readonly flags: string }
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "pathPrefix"; readonly prefix: string; readonly segment: boolean }
  | { readonly kind: "pathRegexp"; readonly pattern: string; readonly flags: string }
  | { readonly kind: "method"; readonly method: string }
  | { readonly kind: "header"; readonly name: string; readonly value: string }
  | {
      readonly kind: "headerRegexp";
      readonly name: string;
      readonly pattern: string;
      readonly flags: string;
    }
  | { readonly kind: "query"; readonly name: string; readonly value: string }
  | {
      readonly kind: "queryRegexp";
      readonly name: string;
      readonly pattern: string;
      readonly flags: string;
    }
  | { readonly kind: "clientIp"; readonly network: string }
  /** Of stream routes only: what a TLS client says first. `host` may be `*` or `*.name`. */
  | { readonly kind: "hostSni"; readonly host: string }
  | { readonly kind: "hostSniRegexp"; readonly pattern: string; readonly flags: string }
  | { readonly kind: "alpn"; readonly protocol: string }
  | { readonly kind: "all"; readonly rules: readonly Rule[] }
  | { readonly kind: "any"; readonly rules: readonly Rule[] }
  | { readonly kind: "not"; readonly rule: Rule };

/** `at` counts characters from 0. */
export type ParsedRule =
  | { readonly kind: "rule"; readonly rule: Rule }
  | { readonly kind: "bad"; readonly at: number; readonly why: string };

const maxRuleLength = 65_536;
const maxNesting = 64;

/** Of routes, or of TCP routes: each has matchers of its own. */
export type RuleLanguage = "http" | "stream";

export function parseRule(text: string, language: RuleLanguage = "http"): ParsedRule {
  if (text.length > maxRuleLength) {
    return { kind: "bad", at: maxRuleLength, why: `a rule may have ${maxRuleLength} characters` };
  }
  try {
    return { kind: "rule", rule: new Parser(text, languages[language]).parse() };
  } catch (error) {
    if (error instanceof SyntaxFault) return { kind: "bad", at: error.at, why: error.message };
    throw error;
  }
}

/** The rule in one spelling, which `parseRule` reads back to a rule that claims the same requests. */
export function formatRule(rule: Rule): string {
  return format(rule, 0);
}

function format(rule: Rule, level: number): string {
  switch (rule.kind) {
    case "host":
      return call("Host", rule.host);
    case "hostRegexp":
      return call("HostRegexp", patternText(rule));
    case "path":
      return call("Path", rule.path);
    case "pathPrefix":
      return formatPrefix(rule.prefix, rule.segment, level);
    case "pathRegexp":
      return call("PathRegexp", patternText(rule));
    case "method":
      return call("Method", rule.method);
    case "header":
      return call("Header", rule.name, rule.value);
    case "headerRegexp":
      return call("HeaderRegexp", rule.name, patternText(rule));
    case "query":
      return call("Query", rule.name, rule.value);
    case "queryRegexp":
      return call("QueryRegexp", rule.name, patternText(rule));
    case "clientIp":
      return call("ClientIP", rule.network);
    case "hostSni":
      return call("HostSNI", rule.host);
    case "hostSniRegexp":
      return call("HostSNIRegexp", patternText(rule));
    case "alpn":
      return call("ALPN", rule.protocol);
    case "all":
      return grouped(rule.rules.map((each) => format(each, 2)).join(" && "), level > 2);
    case "any":
      return grouped(rule.rules.map((each) => format(each, 1)).join(" || "), level > 1);
    case "not":
      return `!${format(rule.rule, 3)}`;
  }
}

/** The language has no name for a prefix that ends with a segment, but it can say it. */
function formatPrefix(prefix: string, segment: boolean, level: number): string {
  if (!segment || prefix.endsWith("/")) return call("PathPrefix", prefix);
  return grouped(`${call("Path", prefix)} || ${call("PathPrefix", `${prefix}/`)}`, level > 1);
}

function grouped(text: string, needed: boolean): string {
  return needed ? `(${text})` : text;
}

function patternText(rule: { readonly pattern: string; readonly flags: string }): string {
  return rule.flags === "" ? rule.pattern : `(?${rule.flags})${rule.pattern}`;
}

function call(name: string, ...values: readonly string[]): string {
  const quoted = values.map((value) =>
    value.includes("`") ? JSON.stringify(value) : `\`${value}\``,
  );
  return `${name}(${quoted.join(", ")})`;
}

interface Argument {
  readonly at: number;
  readonly text: string;
}

interface Matcher {
  readonly least: number;
  readonly most: number;
  /** Makes the rule of arguments whose number was checked, or says what is wrong with one. */
  make(first: string, second: string): Rule | Wrong;
}

interface Wrong {
  readonly argument: 0 | 1;
  readonly why: string;
}

const httpMatchers: Readonly<Record<string, Matcher>> = {
  Host: { least: 1, most: 1, make: makeHost },
  HostRegexp: { least: 1, most: 1, make: makeHostRegexp },
  Path: { least: 1, most: 1, make: makePath },
  PathPrefix: { least: 1, most: 1, make: makePathPrefix },
  PathRegexp: {
    least: 1,
    most: 1,
    make: (source) => withPattern(source, 0, (found) => ({ kind: "pathRegexp", ...found })),
  },
  Method: { least: 1, most: 1, make: makeMethod },
  Header: {
    least: 2,
    most: 2,
    make: (name, value) =>
      checkToken(name, "header name") ?? { kind: "header", name: name.toLowerCase(), value },
  },
  HeaderRegexp: {
    least: 2,
    most: 2,
    make: (name, source) =>
      checkToken(name, "header name") ??
      withPattern(source, 1, (found) => ({
        kind: "headerRegexp",
        name: name.toLowerCase(),
        ...found,
      })),
  },
  // One argument is an empty value (`?mobile` or `?mobile=`), as in Traefik; presence with any value
  // is QueryRegexp with an empty pattern.
  Query: { least: 1, most: 2, make: (name, value) => ({ kind: "query", name, value }) },
  QueryRegexp: {
    least: 1,
    most: 2,
    make: (name, source) =>
      withPattern(source, 1, (found) => ({ kind: "queryRegexp", name, ...found })),
  },
  ClientIP: { least: 1, most: 1, make: makeClientIp },
};

const streamMatchers: Readonly<Record<string, Matcher>> = {
  HostSNI: { least: 1, most: 1, make: makeHostSni },
  HostSNIRegexp: {
    least: 1,
    most: 1,
    make: (source) => makeHostPattern(source, (found) => ({ kind: "hostSniRegexp", ...found })),
  },
  ALPN: { least: 1, most: 1, make: makeAlpn },
  ClientIP: { least: 1, most: 1, make: makeClientIp },
};

/** Names of Traefik v2 and of its TCP rules that look at home among those of HTTP. */
const httpStrangers: Readonly<Record<string, string>> = {
  Headers: "Traefik v3 writes Header(`name`, `value`)",
  HeadersRegexp: "Traefik v3 writes HeaderRegexp(`name`, `pattern`)",
  HostHeader: "Traefik v3 writes Host(`name`)",
  HostSNI: "that is for TCP; an HTTP route has Host(`name`)",
  HostSNIRegexp: "that is for TCP; an HTTP route has HostRegexp(`pattern`)",
  ALPN: "that is for TCP; an HTTP route has no such thing",
};

const streamStrangers: Readonly<Record<string, string>> = {
  Host: "that is for HTTP; a TCP route has HostSNI(`name`)",
  HostRegexp: "that is for HTTP; a TCP route has HostSNIRegexp(`pattern`)",
};

interface Language {
  readonly matchers: Readonly<Record<string, Matcher>>;
  readonly strangers: Readonly<Record<string, string>>;
  readonly example: string;
}

const languages: Readonly<Record<RuleLanguage, Language>> = {
  http: { matchers: httpMatchers, strangers: httpStrangers, example: "Host(`name`)" },
  stream: { matchers: streamMatchers, strangers: streamStrangers, example: "HostSNI(`name`)" },
};

function makeHost(text: string): Rule | Wrong {
  const host = normaliseHostPattern(text);
  if (host !== undefined) return { kind: "host", host };
  return {
    argument: 0,
    why: `"${text}" is no host name, "*.name" or IP address (no port, no path)`,
  };
}

/** What a TLS client asks for is a name: RFC 6066 section 3 knows no addresses. */
function makeHostSni(text: string): Rule | Wrong {
  const host = normaliseHostPattern(text);
  if (host === undefined || host.startsWith("[") || isIPv4(host)) {
    return { argument: 0, why: `"${text}" is no host name, "*.name" or "*"` };
  }
  return { kind: "hostSni", host };
}

function makeAlpn(protocol: string): Rule | Wrong {
  if (/^[\x21-\x7e]{1,255}$/.test(protocol)) return { kind: "alpn", protocol };
  return { argument: 0, why: `"${protocol}" is no name of a protocol such as h2` };
}

function makeHostRegexp(source: string): Rule | Wrong {
  return makeHostPattern(source, (found) => ({ kind: "hostRegexp", ...found }));
}

function makeHostPattern(
  source: string,
  make: (found: { readonly pattern: string; readonly flags: string }) => Rule,
): Rule | Wrong {
  // Valid but never true in v3, so somebody who moves from v2 would lose the route without a word.
  if (/\{[A-Za-z]\w*[:}]/.test(source)) {
    const why = "{name:pattern} is Traefik v2's; v3 takes a plain regular expression";
    return { argument: 0, why };
  }
  return withPattern(source, 0, make);
}

function makeMethod(text: string): Rule | Wrong {
  return checkToken(text, "method") ?? { kind: "method", method: text.toUpperCase() };
}

function makeClientIp(network: string): Rule | Wrong {
  if (parseNetwork(network) !== undefined) return { kind: "clientIp", network };
  return { argument: 0, why: `"${network}" is no IP address or network such as 10.0.0.0/8` };
}

function makePath(text: string): Rule | Wrong {
  const path = normalisePath(encodePath(text))?.path;
  if (!text.startsWith("/") || path === undefined) return badPath(text);
  return { kind: "path", path };
}

function makePathPrefix(text: string): Rule | Wrong {
  // A prefix may end anywhere: `/.` is the beginning of `/.git`, not the folder `/`. The letter keeps
  // the last piece from being read as dots.
  const path = normalisePath(`${encodePath(text)}x`)?.path;
  if (!text.startsWith("/") || path === undefined) return badPath(text);
  return { kind: "pathPrefix", prefix: path.slice(0, -1), segment: false };
}

function badPath(text: string): Wrong {
  if (!text.startsWith("/")) return { argument: 0, why: 'a path begins with "/"' };
  return { argument: 0, why: `"${text}" has a broken %-encoding or too many ".."` };
}

function checkToken(text: string, what: string): Wrong | undefined {
  // RFC 9110 section 5.6.2
  if (/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text)) return undefined;
  return { argument: 0, why: `"${text}" is no ${what}` };
}

function withPattern(
  source: string,
  argument: 0 | 1,
  make: (found: { readonly pattern: string; readonly flags: string }) => Rule,
): Rule | Wrong {
  const parsed = parsePattern(source);
  if (parsed.kind === "bad") return { argument, why: parsed.why };
  return make({ pattern: parsed.pattern, flags: parsed.flags });
}

/** Recursive descent: any = all { "||" all }, all = one { "&&" one }, one = "!" one | "(" any ")" | call. */
class Parser extends Scanner {
  readonly #language: Language;
  #depth = 0;

  constructor(text: string, language: Language) {
    super(text);
    this.#language = language;
  }

  parse(): Rule {
    const rule = this.#any();
    if (this.at < this.text.length) {
      this.fail(`expected "&&", "||" or the end, found ${this.here()}`);
    }
    return rule;
  }

  #any(): Rule {
    const rules = [this.#all()];
    while (this.take("||")) rules.push(this.#all());
    const [first] = rules;
    return first !== undefined && rules.length === 1 ? first : { kind: "any", rules };
  }

  #all(): Rule {
    const rules = [this.#one()];
    while (this.take("&&")) rules.push(this.#one());
    const [first] = rules;
    return first !== undefined && rules.length === 1 ? first : { kind: "all", rules };
  }

  #one(): Rule {
    this.#depth += 1;
    if (this.#depth > maxNesting) this.fail(`nested deeper than ${maxNesting} levels`);
    const rule = this.#inner();
    this.#depth -= 1;
    return rule;
  }

  #inner(): Rule {
    if (this.take("!")) return { kind: "not", rule: this.#one() };
    if (!this.take("(")) return this.#call();
    const rule = this.#any();
    if (!this.take(")")) this.fail(`expected ")", found ${this.here()}`);
    return rule;
  }

  #call(): Rule {
    const at = this.at;
    while (/[A-Za-z0-9_]/.test(this.text.charAt(this.at))) this.at += 1;
    const name = this.text.slice(at, this.at);
    const { matchers, example } = this.#language;
    if (name === "") this.fail(`expected a matcher such as ${example}, found ${this.here()}`);
    const matcher = Object.hasOwn(matchers, name) ? matchers[name] : undefined;
    if (matcher === undefined) throw new SyntaxFault(at, unknownName(name, this.#language));
    const values = this.#arguments(name);
    const [first, second] = values;
    if (first === undefined || values.length < matcher.least || values.length > matcher.most) {
      throw new SyntaxFault(at, wrongCount(name, matcher, values));
    }
    const made = matcher.make(first.text, second?.text ?? "");
    if ("kind" in made) return made;
    throw new SyntaxFault((made.argument === 0 ? first : (second ?? first)).at, made.why);
  }

  #arguments(name: string): Argument[] {
    if (!this.take("(")) this.fail(`expected "(" after ${name}, found ${this.here()}`);
    const values: Argument[] = [];
    if (this.take(")")) return values;
    do values.push(this.#string());
    while (this.take(","));
    if (!this.take(")")) this.fail(`expected "," or ")", found ${this.here()}`);
    return values;
  }

  #string(): Argument {
    this.skipSpace();
    const at = this.at;
    const quote = this.text.charAt(at);
    if (quote !== "`" && quote !== '"') {
      this.fail(`expected a text in backticks or double quotes, found ${this.here()}`);
    }
    let end = at + 1;
    while (end < this.text.length && this.text.charAt(end) !== quote) {
      end += quote === '"' && this.text.charAt(end) === "\\" ? 2 : 1;
    }
    if (end >= this.text.length) this.fail("this text has no end");
    this.at = end + 1;
    const raw = this.text.slice(at + 1, end);
    return { at, text: quote === '"' ? unescape(raw, at + 1) : raw };
  }
}

function unknownName(name: string, { matchers, strangers }: Language): string {
  const hint = Object.hasOwn(strangers, name) ? strangers[name] : undefined;
  if (hint !== undefined) return `unknown matcher "${name}": ${hint}`;
  const meant = nearest(name, Object.keys(matchers));
  if (meant !== undefined) return `unknown matcher "${name}"; did you mean ${meant}?`;
  return `unknown matcher "${name}"; there are ${Object.keys(matchers).join(", ")}`;
}

function wrongCount(name: string, matcher: Matcher, values: readonly Argument[]): string {
  const { least, most } = matcher;
  const wanted = least === most ? `${most}` : `${least} or ${most}`;
  const fault = `${name} takes ${wanted} argument${most === 1 ? "" : "s"}, not ${values.length}`;
  if (most !== 1 || values.length < 2) return fault;
  // Traefik v2 allowed several and meant "or".
  return `${fault}; write ${values.map((value) => call(name, value.text)).join(" || ")}`;
}

const simpleEscapes: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
  "\\": "\\",
  '"': '"',
};

/** Go's escapes in double quotes. */
function unescape(raw: string, start: number): string {
  const form = /\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{3})|([^]?))/g;
  return raw.replace(form, (...found: unknown[]) => {
    const [escape, x, u, long, octal, letter] = found;
    const offset = found.find((each) => typeof each === "number") ?? 0;
    if (typeof letter === "string") {
      const plain = Object.hasOwn(simpleEscapes, letter) ? simpleEscapes[letter] : undefined;
      if (plain !== undefined) return plain;
      throw new SyntaxFault(
        start + offset,
        `unknown escape "${String(escape)}" (use backticks for raw text)`,
      );
    }
    const hex = [x, u, long].find((each) => typeof each === "string");
    const code = Number.parseInt(String(hex ?? octal), hex === undefined ? 8 : 16);
    if (code <= 0x10ffff) return String.fromCodePoint(code);
    throw new SyntaxFault(start + offset, `"${String(escape)}" is no character`);
  });
}
