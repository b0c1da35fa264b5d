import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { test } from "node:test";
import * as fc from "fast-check";
import { explainLimits } from "../config/explain-limits.ts";
import type { Rule } from "../config/rule.ts";
import { routeOf, subjectOf } from "../../test/harness/routes-sample.ts";
import { routesOf } from "../../test/harness/rule-arbitrary.ts";
import {
  candidatesOf,
  hostNear,
  verdictOn,
  entriesFor,
  whyNotRoute,
} from "./explain-candidates.ts";
import { Table } from "./table.ts";

const hosts = ["a", "b.a", "c.b.a", "x"];
const paths = ["/", "/a", "/ab", "/a/b", "/a/bc", "/b"];

const leaf: fc.Arbitrary<Rule> = fc.oneof(
  fc.constantFrom(...hosts, "*", "*.a", "*.b.a").map((host): Rule => ({ kind: "host", host })),
  fc.constantFrom("^b", "a$").map((pattern): Rule => ({ kind: "hostRegexp", pattern, flags: "" })),
  fc.constantFrom(...paths).map((path): Rule => ({ kind: "path", path })),
  fc
    .tuple(fc.constantFrom(...paths), fc.boolean())
    .map(([prefix, segment]): Rule => ({ kind: "pathPrefix", prefix, segment })),
  fc.constantFrom("b", "^/a").map((pattern): Rule => ({ kind: "pathRegexp", pattern, flags: "" })),
  fc.constantFrom("GET", "PUT").map((method): Rule => ({ kind: "method", method })),
  fc.constantFrom("1", "2").map((value): Rule => ({ kind: "header", name: "x-a", value })),
);

const routes = routesOf(leaf);
const requests = fc.array(
  fc.tuple(
    fc.constantFrom(...hosts, "d.c.b.a", ""),
    fc.record({
      path: fc.constantFrom(...paths, "/abc"),
      method: fc.constantFrom("GET", "PUT"),
      headers: fc.constantFrom({}, { "x-a": "1" }, { "x-a": "1, 2" }),
    }),
  ),
  { minLength: 1, maxLength: 10 },
);

test("whoever is told to take a request is whom the table finds", () => {
  let taken = 0;
  let failed = 0;
  fc.assert(
    fc.property(routes, requests, (all, asked) => {
      const table = Table.compile(all, (route) => route);
      for (const [host, each] of asked) {
        const subject = subjectOf(each);
        const found = table.match(host, subject);
        const { told, more } = candidatesOf(table, host, subject);
        const winners = told.filter(({ outcome }) => outcome === "wins");
        deepStrictEqual(
          winners.map(({ route }) => route.name),
          found === undefined ? [] : [found.name],
        );
        if (found !== undefined) strictEqual(told[0]?.route, found, "it is told first");
        strictEqual(more, 0);
        taken += winners.length;
        for (const { route, outcome, clause, why } of told) {
          if (outcome !== "fails") strictEqual(clause, "");
          strictEqual(outcome === "wins", why === "");
          if (outcome !== "fails") continue;
          failed += 1;
          // Alone it does not take the request either.
          const alone = Table.compile([route], (one) => one);
          strictEqual(alone.match(host, subject), undefined, `${route.name}: ${clause}`);
        }
      }
    }),
    { numRuns: 1000 },
  );
  ok(taken > 500 && failed > 500, `only ${taken} were taken, and ${failed} told why not`);
});

test("each candidate says what it lacks, and what it has instead", () => {
  const all = [
    routeOf("site", "Host(`a.test`)"),
    routeOf("api", "Host(`a.test`) && PathPrefix(`/api`)"),
    routeOf("beta", "Host(`a.test`) && PathPrefix(`/app`) && Header(`X-Beta`, `1`)"),
    routeOf("put", "Host(`a.test`) && PathPrefix(`/app`) && Method(`PUT`)"),
    routeOf("inside", "Host(`a.test`) && ClientIP(`10.0.0.0/8`)"),
    routeOf("wide", "Host(`*.test`)"),
    routeOf("other", "Host(`b.test`)"),
    routeOf("late", "PathPrefix(`/app`)"),
  ];
  const table = Table.compile(all, (route) => route);
  const { told, more } = candidatesOf(table, "a.test", subjectOf({ path: "/app/x" }));
  const words = told.map(({ route, outcome, clause, why }) => [route.name, outcome, clause, why]);
  deepStrictEqual(words, [
    ["site", "wins", "", ""],
    ["wide", "outranked", "", "site names the host more exactly"],
    ["late", "outranked", "", "site names the host more exactly"],
    ["beta", "fails", "Header(`x-beta`, `1`)", "there is no header x-beta"],
    ["put", "fails", "Method(`PUT`)", "the method is GET"],
    ["inside", "fails", "ClientIP(`10.0.0.0/8`)", "the client is 192.0.2.1"],
    ["api", "fails", "PathPrefix(`/api`)", "the path is /app/x"],
  ]);
  strictEqual(more, 0);
});

test("why one comes first is said: priority, host, path, conditions, place", () => {
  const cases: [string, string, number | undefined, RegExp][] = [
    ["Host(`a`)", "Host(`a`)", 5, /^first has priority 5, this one has none$/],
    ["Host(`a`) && PathPrefix(`/a`)", "Host(`a`)", undefined, /names the path more exactly/],
    ["Host(`a`) && Method(`GET`)", "Host(`a`)", undefined, /has more conditions/],
    ["Host(`a`)", "Host(`a`)", undefined, /is configured before it/],
  ];
  for (const [first, second, rank, why] of cases) {
    const all = [routeOf("first", first, rank), routeOf("second", second)];
    const table = Table.compile(all, (route) => route);
    const { told } = candidatesOf(table, "a", subjectOf({ path: "/a" }));
    match(told[1]?.why ?? "", why);
  }
});

test("what may let somebody in is not repeated", () => {
  const all = [routeOf("r", "Header(`Authorization`, `x`) || Header(`X-Token`, `y`)")];
  const table = Table.compile(all, (route) => route);
  const subject = subjectOf({ headers: { authorization: "secret1", "x-token": "secret2" } });
  const { told } = candidatesOf(table, "a", subject);
  strictEqual(
    told[0]?.why,
    "the header authorization is another, and the header x-token is another",
  );
});

test("of many routes those are told that nearly fit, and the others are counted", () => {
  const all = Array.from({ length: 100 }, (_, at) =>
    routeOf(`r${at}`, `PathPrefix(\`/path${at}x\`)`),
  );
  const table = Table.compile(all, (route) => route);
  const { told, more } = candidatesOf(table, "a", subjectOf({ path: "/path77" }));
  strictEqual(told.length, explainLimits.candidates);
  strictEqual(more, 100 - explainLimits.candidates);
  strictEqual(told[0]?.route.name, "r77");
});

test("whoever takes the request is told, however many expressions come before it", () => {
  const count = explainLimits.checked + 100;
  const all = Array.from({ length: count }, (_, at) =>
    routeOf(`r${at}`, `PathRegexp(\`^/p${at}$\`)`),
  );
  const table = Table.compile(all, (route) => route);
  const { told, more } = candidatesOf(table, "a", subjectOf({ path: `/p${count - 1}` }));
  deepStrictEqual([told[0]?.route.name, told[0]?.outcome], [`r${count - 1}`, "wins"]);
  strictEqual(told.length + more, count);
});

test("a host is found that is a slip away", () => {
  const names = ["shop.example.com", "www.example.com", "ab"];
  const table = Table.compile(
    names.map((name) => routeOf(name, `Host(\`${name}\`)`)),
    (route) => route,
  );
  const slips = ["shop.exampel.com", "shopp.example.com", "hop.example.com", "shop.example.con"];
  for (const slip of slips) strictEqual(hostNear(table, slip), "shop.example.com", slip);
  for (const other of ["mail.example.com", "", "ac", "shop.example.org", "shpo.exampel.com"]) {
    strictEqual(hostNear(table, other), undefined, other);
  }
});

test("who was expected says the condition nearest to holding", () => {
  const subject = subjectOf({ path: "/api/x" });
  const route = routeOf(
    "r",
    "(Host(`b`) && Path(`/`)) || (Host(`a`) && PathPrefix(`/api`) && Method(`PUT`))",
  );
  strictEqual(whyNotRoute(route, "a", subject), "Method(`PUT`): the method is GET");
  match(whyNotRoute(routeOf("r", "Host(`a`)"), "a", subject), /would take the request/);
});

test("a verdict asks the rule's own conditions", () => {
  const table = Table.compile(
    [routeOf("r", "HostRegexp(`^a`) && PathRegexp(`x$`) && Method(`GET`)")],
    (r) => r,
  );
  const [entry] = [...entriesFor(table, "a")];
  ok(entry !== undefined);
  const failed = (host: string, path: string, method = "GET") =>
    verdictOn(entry, host, subjectOf({ path, method })).failed?.kind;
  strictEqual(failed("b", "/x"), "hostRegexp");
  strictEqual(failed("a", "/y"), "pathRegexp");
  strictEqual(failed("a", "/x", "PUT"), "method");
  strictEqual(failed("a", "/x"), undefined);
});
