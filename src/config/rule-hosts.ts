// The names that a route is for, as far as they can be told from its rule: never more than requests that it matches can have.

import type { Rule } from "./rule.ts";

/** As rules write them: `example.com`, `*.example.com`, `*`. undefined = they may be any. */
export function hostsOf(rule: Rule): readonly string[] | undefined {
  switch (rule.kind) {
    case "host":
    case "hostSni":
      return [rule.host];
    case "all": {
      const known = rule.rules.map(hostsOf).filter((each) => each !== undefined);
      return known.length === 0 ? undefined : known.reduce(commonOf);
    }
    case "any": {
      const all = rule.rules.map(hostsOf);
      const known = all.filter((each) => each !== undefined);
      return known.length < all.length ? undefined : known.flat();
    }
    default:
      return undefined;
  }
}

function commonOf(some: readonly string[], others: readonly string[]): readonly string[] {
  const common = [
    ...some.filter((each) => isAmong(each, others)),
    ...others.filter((each) => isAmong(each, some)),
  ];
  return [...new Set(common)];
}

function isAmong(name: string, patterns: readonly string[]): boolean {
  return patterns.some(
    (each) =>
      each === "*" || each === name || (each.startsWith("*.") && name.endsWith(each.slice(1))),
  );
}
