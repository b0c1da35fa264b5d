// Caddy's matchers as our rule language. A path is exact unless it ends in `*`; values of one matcher are
// alternatives, several matchers hold together.

import { both, call, either } from "./rule-text.ts";
import type { Directive } from "./caddy-tree.ts";

export type Matched =
  /** "" = every request. */
  | { readonly kind: "rule"; readonly rule: string }
  | { readonly kind: "unknown"; readonly why: string };

/** `@name` of those in reach, `/path*`, or `*`; undefined when the argument is no matcher. */
export function matcherOf(
  argument: string | undefined,
  named: ReadonlyMap<string, readonly Directive[]>,
): Matched | undefined {
  if (argument === "*") return { kind: "rule", rule: "" };
  if (argument?.startsWith("/")) return { kind: "rule", rule: pathRule(argument) ?? "" };
  if (argument?.startsWith("@") !== true) return undefined;
  const parts = named.get(argument);
  if (parts === undefined) return { kind: "unknown", why: `there is no matcher ${argument}` };
  return allOf(parts);
}

/** A set is `@name` with one matcher as its arguments, with several below it, or both. */
function allOf(sets: readonly Directive[]): Matched {
  const rules: string[] = [];
  for (const { args, below } of sets) {
    const [name, ...rest] = args;
    const own = name === undefined ? [] : [ruleOf(name, rest, [])];
    for (const each of [...own, ...below.map(ruleOfDirective)]) {
      if (each.kind === "unknown") return each;
      rules.push(each.rule);
    }
  }
  return { kind: "rule", rule: both(...rules) };
}

function ruleOfDirective({ name, args, below }: Directive): Matched {
  return ruleOf(name, args, below);
}

function ruleOf(name: string, args: readonly string[], below: readonly Directive[]): Matched {
  const any = (rules: readonly (string | undefined)[]): Matched => {
    const known = rules.filter((rule) => rule !== undefined);
    return known.length < args.length || known.length === 0
      ? unknown(name)
      : { kind: "rule", rule: either(known) };
  };
  switch (name) {
    case "path":
      return any(args.map(pathRule));
    case "host":
      return any(args.map((host) => call("Host", host)));
    case "method":
      return any(args.map((method) => call("Method", method)));
    case "remote_ip":
    case "client_ip":
      return addresses(args);
    case "path_regexp":
      return pattern("PathRegexp", args.slice(-1));
    case "header":
      return header(args);
    case "header_regexp":
      return pattern("HeaderRegexp", args.slice(-2));
    case "query":
      return any(args.map(queryRule));
    case "not":
      return negated(args, below);
    default:
      return unknown(name);
  }
}

function unknown(name: string): Matched {
  return { kind: "unknown", why: `the matcher ${JSON.stringify(name)} is not understood` };
}

function pathRule(path: string): string | undefined {
  if (path === "*" || path === "/*") return call("PathPrefix", "/");
  const star = path.indexOf("*");
  if (!path.startsWith("/")) return undefined;
  if (star === -1) return call("Path", path);
  return star === path.length - 1 ? call("PathPrefix", path.slice(0, -1)) : undefined;
}

function addresses(args: readonly string[]): Matched {
  const networks = args.flatMap((each) => (each === "private_ranges" ? privateRanges : [each]));
  if (networks.length === 0 || networks[0] === "forwarded") return unknown("remote_ip forwarded");
  return { kind: "rule", rule: either(networks.map((network) => call("ClientIP", network))) };
}

const privateRanges = [
  ...["192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8", "127.0.0.1/8", "fd00::/8", "::1"],
];

function pattern(matcher: string, args: readonly string[]): Matched {
  if (args.length === 0) return unknown(matcher);
  return { kind: "rule", rule: call(matcher, ...args) };
}

function header([name, value]: readonly string[]): Matched {
  if (name === undefined || /[*!]/.test(name)) return unknown("header");
  if (value === undefined || value === "*") {
    return { kind: "rule", rule: call("HeaderRegexp", name, "") };
  }
  return value.includes("*")
    ? unknown("header with *")
    : { kind: "rule", rule: call("Header", name, value) };
}

function queryRule(pair: string): string | undefined {
  const [name = "", value = ""] = pair.split(/=(.*)/s);
  if (value === "*") return call("QueryRegexp", name, "");
  return value.includes("*") ? undefined : call("Query", name, value);
}

function negated(args: readonly string[], below: readonly Directive[]): Matched {
  const [name, ...rest] = args;
  const inner = [
    ...(name === undefined ? [] : [ruleOf(name, rest, [])]),
    ...below.map(ruleOfDirective),
  ];
  const rules = inner.flatMap((each) => (each.kind === "rule" ? [each.rule] : []));
  if (rules.length === 0 || rules.length < inner.length) return unknown("not");
  return { kind: "rule", rule: `!(${both(...rules)})` };
}
