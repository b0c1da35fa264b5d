import assert from "node:assert/strict";
import { test } from "node:test";
import { type AskedBy, groupId, groupsOf, partsOf, type Planning } from "./plan.ts";

const usual: Planning = { isServed: () => false, areStarsProvable: true };

/** Routes whose name begins with "label" are of labels. */
function namesOf(wanted: Readonly<Record<string, readonly string[]>>, planning = usual) {
  const all = Object.entries(wanted).map(([route, hosts]) => {
    const by: AskedBy = route.startsWith("label") ? "label" : "operator";
    return { route, hosts, by };
  });
  return groupsOf(all, planning).map(({ route, names }) => `${route}: ${names.join(" ")}`);
}

const cases: readonly [string, Parameters<typeof namesOf>[0], readonly string[]][] = [
  ["the hosts of a route are one certificate", { a: ["b.test", "a.test"] }, ["a: a.test b.test"]],
  [
    "a name of two routes is had once",
    { a: ["a.test"], b: ["a.test", "b.test"] },
    ["a: a.test", "b: b.test"],
  ],
  ["two routes for the same host are one", { a: ["a.test"], b: ["a.test"] }, ["a: a.test"]],
  [
    "what a wildcard covers that is wanted anyway needs none",
    { one: ["one.w.test"], all: ["*.w.test", "w.test"], deep: ["a.b.w.test"] },
    ["all: *.w.test w.test", "deep: a.b.w.test"],
  ],
  [
    "what a tenant's wildcard covers is had by itself, since that one may never be",
    { one: ["one.w.test"], label: ["*.w.test", "a.w.test"], label2: ["two.w.test"] },
    ["one: one.w.test", "label: *.w.test", "label2: two.w.test"],
  ],
  ["every host is no name", { a: ["*"], b: [] }, []],
  ["an address is one", { a: ["[::1]", "127.0.0.1"] }, ["a: 127.0.0.1 ::1"]],
  ["names are spelled in one way", { a: ["A.Test", "a.test."] }, ["a: a.test"]],
];

for (const [what, wanted, expected] of cases) {
  test(what, () => assert.deepEqual(namesOf(wanted), expected));
}

test("what somebody else has a certificate for is left to them, and their wildcards count for them", () => {
  const isServed = (name: string) => name === "b.test" || name === "*.w.test";
  const wanted = { a: ["a.test", "b.test"], c: ["*.w.test"], d: ["d.w.test"] };
  assert.deepEqual(namesOf(wanted, { ...usual, isServed }), ["a: a.test", "d: d.w.test"]);
});

test("a wildcard that nobody can prove waits alone", () => {
  const wanted = { all: ["*.w.test", "w.test", "b.w.test"], one: ["one.w.test"] };
  assert.deepEqual(namesOf(wanted, { ...usual, areStarsProvable: false }), [
    "all: b.w.test w.test",
    "all: *.w.test",
    "one: one.w.test",
  ]);
});

test("what is refused of a certificate's names is one of its own, and so on", () => {
  const hosts = ["a.test", "b.test", "c.test"];
  const [whole] = groupsOf([{ route: "r", hosts, by: "operator" }], usual);
  assert.ok(whole !== undefined);
  const refused = new Map([
    [whole.id, new Set(["b.test", "c.test", "foreign.test"])],
    [groupId(["b.test", "c.test"]), new Set(["c.test"])],
    [groupId(["c.test"]), new Set(["c.test"])],
  ]);
  const parts = partsOf(whole, (id) => refused.get(id) ?? new Set());
  assert.deepEqual(
    parts.map(({ names, wholes }) => [...names, wholes.length]),
    [
      ["a.test", 1],
      ["b.test", 2],
      ["c.test", 2],
    ],
  );
  assert.deepEqual(
    partsOf(whole, () => new Set()),
    [whole],
  );
});

test("more names than a certificate may have are several", () => {
  const hosts = Array.from({ length: 250 }, (_, at) => `n${at}.test`);
  const groups = groupsOf([{ route: "a", hosts, by: "operator" }], usual);
  assert.deepEqual(
    groups.map(({ names }) => names.length),
    [100, 100, 50],
  );
});

test("a group is the same whatever its order, and another one with another name", () => {
  assert.equal(groupId(["a", "b"]), groupId(["b", "a"]));
  assert.notEqual(groupId(["a", "b"]), groupId(["a", "c"]));
});

test("ten thousand names and stars are planned at once", () => {
  const wanted = Array.from({ length: 10_000 }, (_, at) => {
    return { route: `r${at}`, hosts: [`*.n${at}.test`, `a.n${at}.test`], by: "operator" } as const;
  });
  const began = performance.now();
  const groups = groupsOf(wanted, usual);
  assert.ok(performance.now() - began < 2000);
  assert.equal(groups.length, 10_000);
  assert.ok(groups.every(({ names }) => names.length === 1));
});
