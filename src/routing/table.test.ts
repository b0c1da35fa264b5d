import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { test } from "node:test";
import type { Rule } from "../config/rule.ts";
import type { Route } from "../config/snapshot.ts";
import { routeOf, subjectOf } from "../../test/harness/routes-sample.ts";
import type { Asked } from "../../test/harness/routes-sample.ts";
import { Table } from "./table.ts";

type Line = readonly [name: string, rule: string | Rule, priority?: number];

function tableOf(...lines: readonly Line[]): Table<string> {
  const routes: readonly Route[] = lines.map((line) => routeOf(...line));
  return Table.compile(routes, (route) => route.name);
}

/** Asks by `host/path?query`. */
function ask(table: Table<string>, url: string, asked: Asked = {}): string | undefined {
  const slash = url.indexOf("/");
  const [path = "/", query = ""] = slash === -1 ? [] : url.slice(slash).split("?");
  const host = slash === -1 ? url : url.slice(0, slash);
  return table.match(host, subjectOf({ path, query, ...asked }));
}

const segment = (host: string, prefix: string): Rule => ({
  kind: "all",
  rules: [
    { kind: "host", host },
    { kind: "pathPrefix", prefix, segment: true },
  ],
});

const hosts = tableOf(
  ["default", "Host(`*`)"],
  ["quux", "Host(`*.quux`)"],
  ["qux.quux", "Host(`*.qux.quux`)"],
  ["exact", "Host(`foo.qux.quux`)"],
  ["deeper", "Host(`a.b.c.qux.quux`)"],
  ["parent", "Host(`bar.quux`)"],
  ["v6", "Host(`::1`)"],
  ["regexp", "HostRegexp(`^re\\d+\\.example$`)"],
);
const hostCases: readonly (readonly [string, string])[] = [
  ["foo.qux.quux", "exact"],
  ["bar.qux.quux", "qux.quux"],
  ["a.foo.qux.quux", "qux.quux"],
  ["a.b.c.qux.quux", "deeper"],
  ["x.a.b.c.qux.quux", "qux.quux"],
  ["b.c.qux.quux", "qux.quux"],
  ["qux.quux", "quux"],
  ["xqux.quux", "quux"],
  ["a.xqux.quux", "quux"],
  ["bar.quux", "parent"],
  ["a.bar.quux", "quux"],
  ["a.b.c.d.e.quux", "quux"],
  ["quux", "default"],
  ["xquux", "default"],
  ["quux.example", "default"],
  ["", "default"],
  ["[::1]", "v6"],
  ["re12.example", "regexp"],
  ["a.re12.example", "default"],
];
for (const [host, expected] of hostCases) {
  test(`the host ${JSON.stringify(host)} goes to ${expected}`, () => {
    strictEqual(ask(hosts, host), expected);
  });
}

const paths = tableOf(
  ["any", "Host(`a`)"],
  ["regexp", "Host(`a`) && PathRegexp(`\\.php$`)"],
  ["api", segment("a", "/api")],
  ["api v1", segment("a", "/api/v1")],
  ["slash", segment("a", "/dir/")],
  ["text", "Host(`a`) && PathPrefix(`/tex`)"],
  ["exact", "Host(`a`) && Path(`/api/v1`)"],
  ["dot", "Host(`a`) && PathPrefix(`/.`)"],
);
const pathCases: readonly (readonly [string, string])[] = [
  ["/", "any"],
  ["/api", "api"],
  ["/api/", "api"],
  ["/api/x", "api"],
  ["/apix", "any"],
  ["/ap", "any"],
  ["/api/v1", "exact"],
  ["/api/v1/", "api v1"],
  ["/api/v1/x", "api v1"],
  ["/api/v1x", "api"],
  ["/dir", "any"],
  ["/dir/", "slash"],
  ["/dir/x", "slash"],
  ["/text", "text"],
  ["/tex", "text"],
  ["/x.php", "regexp"],
  ["/api/x.php", "api"],
  ["/.git", "dot"],
  ["/API", "any"],
];
for (const [path, expected] of pathCases) {
  test(`the path ${path} goes to ${expected}`, () => strictEqual(ask(paths, `a${path}`), expected));
}

test("a host without a fitting path falls through to the wildcard, the pattern and the default", () => {
  const table = tableOf(
    ["exact", "Host(`a.b.c`) && Path(`/1`)"],
    ["near", "Host(`*.b.c`) && Path(`/2`)"],
    ["far", "Host(`*.c`) && Path(`/3`)"],
    ["pattern", "HostRegexp(`c$`) && Path(`/4`)"],
    ["any", "Path(`/5`)"],
  );
  const found = [1, 2, 3, 4, 5, 6].map((each) => ask(table, `a.b.c/${each}`));
  deepStrictEqual(found, ["exact", "near", "far", "pattern", "any", undefined]);
});

test("of routes with one host and path the one with more conditions wins, then the first", () => {
  const table = tableOf(
    ["plain", "Host(`a`)"],
    ["first", "Host(`a`) && Method(`GET`)"],
    ["second", "Host(`a`) && Header(`X`, `1`)"],
    ["both", "Host(`a`) && Method(`GET`) && Header(`X`, `1`)"],
  );
  strictEqual(ask(table, "a", { method: "PUT" }), "plain");
  strictEqual(ask(table, "a"), "first");
  strictEqual(ask(table, "a", { method: "PUT", headers: { x: "1" } }), "second");
  strictEqual(ask(table, "a", { headers: { x: "1" } }), "both");
});

test("an explicit priority goes before everything more specific", () => {
  const table = tableOf(
    ["exact", "Host(`a.b`) && Path(`/x`)"],
    ["low", "PathPrefix(`/x`)", 1],
    ["high", "Host(`*.b`)", 2],
    ["same", "Host(`a.b`) && Method(`PUT`)", 2],
  );
  strictEqual(ask(table, "a.b/x"), "high");
  strictEqual(ask(table, "a.b/x", { method: "PUT" }), "same");
  strictEqual(ask(table, "c/x"), "low");
  strictEqual(ask(table, "c/y"), undefined);
});

test("a negative priority is explicit as well", () => {
  const table = tableOf(["exact", "Host(`a`)"], ["any", "PathPrefix(`/`)", -1]);
  strictEqual(ask(table, "a"), "any");
});

test("a rule of several hosts and paths is found under each of them", () => {
  const table = tableOf(
    ["or", "(Host(`a`) || Host(`*.b`)) && (Path(`/x`) || PathPrefix(`/y`)) && !Method(`PUT`)"],
    ["not", "!(Host(`a`) || Path(`/x`)) && Host(`c`)"],
  );
  for (const url of ["a/x", "a/y", "z.b/x", "z.b/yy"]) strictEqual(ask(table, url), "or", url);
  for (const url of ["b/x", "a/", "a/xx", "c/x"]) strictEqual(ask(table, url), undefined, url);
  strictEqual(ask(table, "a/x", { method: "PUT" }), undefined);
  strictEqual(ask(table, "c/y"), "not");
});

test("the sample of the documentation is decided as it reads", () => {
  const rule =
    "Host(`a.example.com`) && (PathPrefix(`/x`) || Header(`X-Beta`, `1`)) && !ClientIP(`10.0.0.0/8`)";
  const table = tableOf(["odd", rule]);
  strictEqual(ask(table, "a.example.com/x"), "odd");
  strictEqual(ask(table, "a.example.com/"), undefined);
  strictEqual(ask(table, "a.example.com/", { headers: { "x-beta": "1" } }), "odd");
  strictEqual(ask(table, "a.example.com/x", { clientIp: "10.1.1.1" }), undefined);
  strictEqual(ask(table, "a.example.com/x", { clientIp: "::ffff:10.1.1.1" }), undefined);
});

test("a rule too large to be taken apart still claims what it says", () => {
  const factor = (name: string): string =>
    `(${Array.from({ length: 20 }, (_, i) => `Host(\`${name}${i}\`)`).join(" || ")})`;
  const huge = `Host(\`a1\`) || (${["a", "b", "c"].map(factor).join(" && ")})`;
  const table = tableOf(["huge", huge], ["path", "PathPrefix(`/x`)"]);
  strictEqual(ask(table, "a1/"), "huge");
  strictEqual(ask(table, "a2/"), undefined);
  strictEqual(ask(table, "a1/x"), "path");
});

const queries: readonly (readonly [string, string, boolean])[] = [
  ["Query(`a`,`1`)", "a=1", true],
  ["Query(`a`,`1`)", "b=2&a=1", true],
  ["Query(`a`,`1`)", "a=2&a=1", true],
  ["Query(`a`,`1`)", "a=11", false],
  ["Query(`a`,`1`)", "aa=1", false],
  ["Query(`a`,`1`)", "", false],
  ["Query(`a`,`1`)", "a", false],
  ["Query(`a`,`x y`)", "a=x+y", true],
  ["Query(`a`,`x y`)", "a=x%20y", true],
  ["Query(`a b`,`é`)", "a+b=%C3%A9", true],
  ["Query(`a`,`b=c`)", "a=b=c", true],
  ["Query(`a`,`%`)", "a=%", false],
  ["Query(`a`,`1`)", "a=%ff&a=1", true],
  ["Query(`a`)", "a", true],
  ["Query(`a`)", "a=", true],
  ["Query(`a`)", "a=1", false],
  ["Query(`a`)", "&&b&a", true],
  ["QueryRegexp(`a`,`^\\d+$`)", "a=12", true],
  ["QueryRegexp(`a`,`^\\d+$`)", "a=x", false],
  ["QueryRegexp(`a`,``)", "a=anything", true],
];
for (const [rule, query, expected] of queries) {
  test(`${rule} ${expected ? "claims" : "leaves"} ?${query}`, () => {
    strictEqual(ask(tableOf(["q", rule]), "a", { query }) === "q", expected);
  });
}

const headers: readonly (readonly [string, string | undefined, boolean])[] = [
  ["Header(`X`,`1`)", "1", true],
  ["Header(`X`,`1`)", "2, 1", true],
  ["Header(`X`,`1`)", "2,1 ", true],
  ["Header(`X`,`2, 1`)", "2, 1", true],
  ["Header(`X`,`1`)", "11", false],
  ["Header(`X`,`1`)", undefined, false],
  ["Header(`X`,``)", undefined, false],
  ["!Header(`X`,`1`)", "1, 1", false],
  ["HeaderRegexp(`X`,`^a+$`)", "b, aa", true],
  ["HeaderRegexp(`X`,`(?i)^a+$`)", "AA", true],
  ["HeaderRegexp(`X`,`^a+$`)", "ab", false],
];
for (const [rule, value, expected] of headers) {
  test(`${rule} ${expected ? "claims" : "leaves"} X: ${value ?? "(absent)"}`, () => {
    const asked = value === undefined ? {} : { headers: { x: value } };
    strictEqual(ask(tableOf(["h", rule]), "a", asked) === "h", expected);
  });
}

test("an empty table finds nothing, and a plan is made once per route", () => {
  strictEqual(ask(tableOf(), "a"), undefined);
  let made = 0;
  const table = Table.compile([routeOf("two", "Host(`a`) || Host(`b`)")], () => (made += 1));
  strictEqual(table.size, 1);
  strictEqual(made, 1);
  ok(table.match("b", subjectOf({})) === 1);
});

test("names of JavaScript's own objects are ordinary hosts", () => {
  strictEqual(ask(tableOf(["a", "Host(`a`)"]), "constructor"), undefined);
  strictEqual(ask(tableOf(["p", "Host(`__proto__`)"]), "__proto__"), "p");
});
