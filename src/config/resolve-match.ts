// What a route matches: its `rule`, or its matching keys, or its name (`HOST[/PATH]`), as one Rule.

import { normaliseHostPattern } from "../lib/host.ts";
import { encodePath, normalisePath } from "../lib/path.ts";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import type { Path } from "./problem.ts";
import { matchingKeys } from "./route-schema.ts";
import type { RouteInput } from "./route-schema.ts";
import { parseRule } from "./rule.ts";
import type { Rule } from "./rule.ts";
import { dataAt } from "./source.ts";

export interface Match {
  readonly rule: Rule;
  /** The route's own path, for `stripPrefix: true`; undefined when it has none or several. */
  readonly prefix: string | undefined;
}

/** undefined after it reported a problem. */
export function resolveMatch(
  context: Context,
  name: string,
  input: RouteInput,
  path: Path,
): Match | undefined {
  if (input.rule !== undefined) return matchOfRule(context, input, input.rule, path);
  if (input.host === undefined) return matchOfName(context, name, input, path);
  const hosts = input.host.map((text, index) => {
    const host = normaliseHostPattern(text);
    if (host === undefined) {
      const isList = Array.isArray(dataAt(context.source, [...path, "host"]));
      const at = isList ? [...path, "host", index] : [...path, "host"];
      report(context, at, badHost(text));
    }
    return host;
  });
  const known = hosts.filter((host) => host !== undefined);
  if (known.length < hosts.length) return undefined;
  return { rule: all([hostRule(known), ...conditions(input)]), prefix: input.path };
}

function matchOfRule(context: Context, input: RouteInput, text: string, path: Path) {
  const others = matchingKeys.filter((each) => each !== "rule" && Reflect.has(input, each));
  for (const other of others) {
    const message = `${other} does not go together with rule`;
    report(context, [...path, other], { message, remedy: "say it in the rule", at: "key" });
  }
  const result = parseRule(text);
  if (result.kind === "rule") return { rule: result.rule, prefix: undefined };
  report(context, [...path, "rule"], { message: result.why, offset: result.at });
  return undefined;
}

function matchOfName(context: Context, name: string, input: RouteInput, path: Path) {
  const slash = name.indexOf("/");
  const hostText = slash === -1 ? name : name.slice(0, slash);
  const prefix = slash === -1 ? undefined : name.slice(slash);
  const host = normaliseHostPattern(hostText);
  if (host === undefined) {
    report(context, path, { ...badHost(hostText), at: "key" });
    return undefined;
  }
  if (prefix !== undefined) {
    if (/[\s\p{Cc}?#]/u.test(prefix) || prefix.endsWith("/*")) {
      const remedy = "write HOST/PREFIX without spaces, ?, # and *";
      report(context, path, {
        message: `${JSON.stringify(prefix)} is not a path`,
        remedy,
        at: "key",
      });
      return undefined;
    }
    if (input.path !== undefined) {
      const message = `the path is said twice: ${prefix} in the route's name, and here`;
      report(context, [...path, "path"], { message, remedy: "leave out one", at: "key" });
    }
  } else if (/^[a-z0-9_-]+$/i.test(name) && name !== "localhost" && hasConditions(input)) {
    const message = `the name ${name} is the host to match`;
    const remedy = 'add host: "*" when it is a mere name';
    report(context, path, { message, remedy, at: "key", severity: "warning" });
  }
  const ownPath = prefix === undefined ? input.path : normalisePath(encodePath(prefix))?.path;
  if (prefix !== undefined && ownPath === undefined) {
    const message = `${JSON.stringify(prefix)} has a broken %-encoding or too many ".."`;
    report(context, path, { message, at: "key" });
    return undefined;
  }
  return {
    rule: all([hostRule([host]), ...conditions({ ...input, path: ownPath })]),
    prefix: ownPath,
  };
}

function badHost(text: string) {
  const [bare, port] = text.split(/:(?=\d+$)/);
  const remedy =
    port !== undefined && normaliseHostPattern(bare ?? "") !== undefined
      ? `leave out the port: ${bare}`
      : 'write a name, "*.NAME", "*" or an IP address';
  return { message: `${JSON.stringify(text)} is not a host`, remedy };
}

function hasConditions(input: RouteInput): boolean {
  return matchingKeys.some((each) => Reflect.get(input, each) !== undefined);
}

function conditions(input: RouteInput): Rule[] {
  const rules: Rule[] = [];
  // The prefix "/" is every path.
  if (input.path !== undefined && input.path !== "/") {
    rules.push({ kind: "pathPrefix", prefix: input.path, segment: true });
  }
  if (input.pathExact !== undefined) rules.push({ kind: "path", path: input.pathExact });
  if (input.pathRegex !== undefined) {
    rules.push({ kind: "pathRegexp", ...input.pathRegex });
  }
  if (input.methods !== undefined) {
    rules.push(any(input.methods.map((method) => ({ kind: "method", method }))));
  }
  for (const [name, value] of Object.entries(input.headers ?? {})) {
    rules.push({ kind: "header", name: name.toLowerCase(), value });
  }
  for (const [name, value] of Object.entries(input.query ?? {})) {
    rules.push({ kind: "query", name, value });
  }
  if (input.clientIp !== undefined) {
    rules.push(any(input.clientIp.map((network) => ({ kind: "clientIp", network }))));
  }
  return rules;
}

function hostRule(hosts: readonly string[]): Rule {
  return any(hosts.map((host) => ({ kind: "host", host })));
}

function any(rules: readonly Rule[]): Rule {
  const [only] = rules;
  return only !== undefined && rules.length === 1 ? only : { kind: "any", rules };
}

function all(rules: readonly Rule[]): Rule {
  const [only] = rules;
  return only !== undefined && rules.length === 1 ? only : { kind: "all", rules };
}
