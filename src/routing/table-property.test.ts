// The table against the plainest reading of a rule: for random routes and requests, it finds a route
// exactly when one claims the request, and the one that a linear search in the documented order finds.

import { strictEqual } from "node:assert";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Rule } from "../config/rule.ts";
import type { Route } from "../config/snapshot.ts";
import { routeOf, subjectOf } from "../../test/harness/routes-sample.ts";
import { routesOf } from "../../test/harness/rule-arbitrary.ts";
import type { Subject } from "./subject.ts";
import { Table } from "./table.ts";
import { termsOf } from "./term.ts";
import type { Term } from "./term.ts";

const hosts = ["a", "b.a", "c.b.a", "bb.a", "x"];
const paths = ["/", "/a", "/ab", "/a/", "/a/b", "/a/bc", "/b", "/a.x"];
const methods = ["GET", "PUT"];

const leaf: fc.Arbitrary<Rule> = fc.oneof(
  fc
    .constantFrom(...hosts, "*", "*.a", "*.b.a", "*.x")
    .map((host): Rule => ({ kind: "host", host })),
  fc
    .constantFrom("^b", "a$", "x")
    .map((pattern): Rule => ({ kind: "hostRegexp", pattern, flags: "" })),
  fc.constantFrom(...paths).map((path): Rule => ({ kind: "path", path })),
  fc
    .tuple(fc.constantFrom(...paths), fc.boolean())
    .map(([prefix, segment]): Rule => ({ kind: "pathPrefix", prefix, segment })),
  fc.constantFrom("b", "^/a").map((pattern): Rule => ({ kind: "pathRegexp", pattern, flags: "" })),
  fc.constantFrom(...methods).map((method): Rule => ({ kind: "method", method })),
  fc.constantFrom("10.0.0.0/8", "::/0").map((network): Rule => ({ kind: "clientIp", network })),
);

const routes = routesOf(leaf);
const requests = fc.array(
  fc.tuple(
    fc.constantFrom(...hosts, "d.c.b.a", ""),
    fc.record({
      path: fc.constantFrom(...paths, "/abc", "/a/b/c"),
      method: fc.constantFrom(...methods),
      clientIp: fc.constantFrom("10.0.0.1", "::1"),
    }),
  ),
  { minLength: 1, maxLength: 20 },
);

function claims(each: Rule, host: string, subject: Subject): boolean {
  switch (each.kind) {
    case "host":
      if (each.host === "*") return true;
      return each.host.startsWith("*.") ? host.endsWith(each.host.slice(1)) : host === each.host;
    case "hostRegexp":
      return new RegExp(each.pattern).test(host);
    case "path":
      return subject.path === each.path;
    case "pathPrefix":
      if (!each.segment || each.prefix.endsWith("/")) return subject.path.startsWith(each.prefix);
      return subject.path === each.prefix || subject.path.startsWith(`${each.prefix}/`);
    case "pathRegexp":
      return new RegExp(each.pattern).test(subject.path);
    case "method":
      return subject.method === each.method;
    case "clientIp":
      return each.network.includes("::") === subject.clientIp.includes("::");
    case "all":
      return each.rules.every((part) => claims(part, host, subject));
    case "any":
      return each.rules.some((part) => claims(part, host, subject));
    case "not":
      return !claims(each.rule, host, subject);
    default:
      throw new Error(`not generated here: ${each.kind}`);
  }
}

/** The documented order as a list of numbers; the greatest list wins. */
function merits(route: Route, term: Term): readonly number[] {
  const { host, path } = term;
  return [
    route.priority ?? -Infinity,
    host === undefined ? 0 : host.kind === "hostRegexp" ? 1 : host.host.startsWith("*.") ? 2 : 3,
    host?.kind === "host" && host.host.startsWith("*.") ? host.host.length : 0,
    path === undefined ? 0 : path.kind === "pathRegexp" ? 1 : path.kind === "pathPrefix" ? 2 : 3,
    path?.kind === "pathPrefix" ? path.prefix.length : 0,
    term.conditions.length,
  ];
}

function isGreater(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((each, index) => each !== b[index]);
  return at !== -1 && (a[at] ?? 0) > (b[at] ?? 0);
}

function search(all: readonly Route[], host: string, subject: Subject): string | undefined {
  let best: { readonly name: string; readonly merits: readonly number[] } | undefined;
  for (const route of all) {
    for (const term of termsOf(route.rule)) {
      const literals = [term.host, term.path, ...term.conditions].filter(
        (each) => each !== undefined,
      );
      if (!literals.every((each) => claims(each, host, subject))) continue;
      const found = { name: route.name, merits: merits(route, term) };
      if (best === undefined || isGreater(found.merits, best.merits)) best = found;
    }
  }
  return best?.name;
}

test("the table finds what a linear search finds", () => {
  let found = 0;
  fc.assert(
    fc.property(routes, requests, (all, asked) => {
      const table = Table.compile(all, (route) => route.name);
      for (const [host, each] of asked) {
        const subject = subjectOf(each);
        const name = table.match(host, subject);
        strictEqual(name, search(all, host, subject));
        const isClaimed = all.some((route) => claims(route.rule, host, subject));
        strictEqual(name !== undefined, isClaimed);
        if (name !== undefined) found += 1;
      }
    }),
    { numRuns: 1000 },
  );
  strictEqual(found > 1000, true, `only ${found} requests were claimed at all`);
});

/** What becomes of each route of a table: a new plan, gone, replaced by a new one of the same rule, or kept. */
const fate = fc.constantFrom("keep", "keep", "keep", "plan", "drop", "renew");

test("a table made from the one before finds what a new one finds", () => {
  let kept = 0;
  const change = fc.record({
    fates: fc.array(fate, { minLength: 12, maxLength: 12 }),
    added: routes,
    at: fc.nat(12),
    turn: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(12)),
  });
  fc.assert(
    fc.property(routes, fc.array(change, { maxLength: 3 }), requests, (first, changes, asked) => {
      let all: readonly Route[] = first;
      const planned = new Map<Route, object>();
      const compile = (before?: Table<object>) =>
        Table.compile(all, (route) => planned.get(route) ?? { name: route.name }, before);
      const plan = () => {
        for (const each of all) if (!planned.has(each)) planned.set(each, { name: each.name });
      };
      plan();
      let table = compile();
      for (const { fates, added, at, turn } of changes) {
        const left = all.flatMap((route, index) => {
          const what = fates[index];
          if (what === "plan") planned.delete(route);
          if (what === "drop") return [];
          return what === "renew" ? [{ ...route }] : [route];
        });
        all = [...left.slice(turn), ...left.slice(0, turn)].toSpliced(at, 0, ...added.slice(0, 3));
        plan();
        table = compile(table);
        const anew = compile();
        strictEqual(table.size, anew.size);
        for (const [host, each] of asked) {
          const subject = subjectOf(each);
          const found = table.match(host, subject);
          strictEqual(found, anew.match(host, subject));
          if (found !== undefined) kept += 1;
        }
      }
    }),
    { numRuns: 1000 },
  );
  strictEqual(kept > 1000, true, `only ${kept} requests were claimed at all`);
});

test("what did not change is not compiled again", () => {
  const rules = ["Host(`a`)", "Host(`b`) && PathRegexp(`x`)", "Host(`*.c`)", "Host(`d`)"];
  const first = rules.map((text, index) => routeOf(`r${index}`, text));
  const table = Table.compile(first, () => ({}));
  let known = 0;
  const next = first.with(3, routeOf("r3", "Host(`e`)"));
  const planOf = (_route: Route, plan: object | undefined) => {
    if (plan !== undefined) known += 1;
    return plan ?? {};
  };
  const after = Table.compile(next, planOf, table);
  strictEqual(known, 3);
  const subject = subjectOf({ path: "/x" });
  for (const host of ["a", "b", "x.c"]) {
    strictEqual(after.match(host, subject), table.match(host, subject));
  }
  strictEqual(after.match("d", subject), undefined);
  strictEqual(typeof after.match("e", subject), "object");
});
