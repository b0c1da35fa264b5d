import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import type { Rule } from "../config/rule.ts";
import { findConflicts } from "./conflicts.ts";
import { routeOf } from "../../test/harness/routes-sample.ts";

const cases: readonly (readonly [a: string, b: string, expected: boolean])[] = [
  ["Host(`a`)", "Host(`a`)", true],
  ["Host(`a`)", "Host(`b`)", false],
  ["Host(`a`)", "Host(`*.a`)", false],
  ["Host(`a`) && Path(`/x`)", "Host(`a`) && Path(`/x`)", true],
  ["Host(`a`) && Path(`/x`)", "Host(`a`) && PathPrefix(`/x`)", false],
  ["Host(`a`) || Host(`b`)", "Host(`c`) || Host(`b`)", true],
  ["PathPrefix(`/`)", "Host(`*`)", true],
  ["Host(`a`) && Method(`GET`)", "Host(`a`)", false],
  ["Host(`a`) && Method(`GET`)", "Method(`GET`) && Host(`a`)", true],
  ["Host(`a`) && Method(`GET`)", "Host(`a`) && Method(`PUT`)", false],
  ["Host(`a`) && Method(`GET`)", "Host(`a`) && !Method(`GET`)", false],
  ["Host(`a`) && Method(`GET`)", "Host(`a`) && Header(`X`,`1`)", true],
  ["Host(`a`) && Header(`X`,`1`)", "Host(`a`) && Header(`X`,`2`)", false],
  ["Host(`a`) && Header(`X`,`1`)", "Host(`a`) && Header(`Y`,`1`)", true],
  ["Host(`a`) && Query(`x`,`1`)", "Host(`a`) && Query(`x`,`2`)", false],
  ["Host(`a`) && ClientIP(`10.0.0.0/8`)", "Host(`a`) && ClientIP(`10.1.0.0/16`)", true],
  ["Host(`a`) && ClientIP(`10.0.0.0/16`)", "Host(`a`) && ClientIP(`10.1.0.0/16`)", false],
  ["Host(`a`) && ClientIP(`2001:db8::/32`)", "Host(`a`) && ClientIP(`2001:db8:1::/48`)", true],
  ["HostRegexp(`a`)", "HostRegexp(`a`)", true],
  ["HostRegexp(`a`)", "HostRegexp(`b`)", false],
];

for (const [a, b, expected] of cases) {
  test(`${a} and ${b} ${expected ? "conflict" : "do not conflict"}`, () => {
    const found = findConflicts([routeOf("a", a), routeOf("b", b)]);
    strictEqual(found.length, expected ? 1 : 0);
    strictEqual(findConflicts([routeOf("b", b), routeOf("a", a)]).length, found.length);
  });
}

test("a conflict names both places and who wins", () => {
  const [found] = findConflicts([routeOf("one", "Host(`a`)"), routeOf("two", "Host(`a`)")]);
  ok(found);
  deepStrictEqual([found.a.name, found.b.name], ["one", "two"]);
  match(found.why, /one\.yaml:1:1.*two\.yaml:1:1.*Host\(`a`\).*first/);
});

test("different priorities do not conflict, equal ones do", () => {
  const pair = (a: number, b: number) => [
    routeOf("a", "Host(`a`)", a),
    routeOf("b", "Host(`a`)", b),
  ];
  strictEqual(findConflicts(pair(1, 2)).length, 0);
  strictEqual(findConflicts(pair(1, 1)).length, 1);
});

test("one prefix with and without a segment's end conflicts", () => {
  const rule: Rule = { kind: "pathPrefix", prefix: "/a", segment: true };
  strictEqual(findConflicts([routeOf("a", rule), routeOf("b", "PathPrefix(`/a`)")]).length, 1);
});

test("a route does not conflict with itself", () => {
  strictEqual(findConflicts([routeOf("a", "Host(`a`) || Host(`a`)")]).length, 0);
});

test("ten thousand routes of one host are looked through in bounded time", () => {
  const routes = Array.from({ length: 10_000 }, (_, i) =>
    routeOf(`r${i}`, `Host(\`a\`) && Header(\`x\`, \`${i}\`)`),
  );
  const start = performance.now();
  strictEqual(findConflicts(routes).length, 0);
  const ms = performance.now() - start;
  ok(ms < 5000, `${ms} ms`);
});
