import assert from "node:assert/strict";
import { test } from "node:test";
import { askerOf, optionsOf, snapshotOf } from "../../test/harness/upstream-sample.ts";
import type { Destination } from "./destination.ts";
import { Failover } from "./failover.ts";
import type { LiveBackend } from "./live-backend.ts";
import { LiveService } from "./live-service.ts";
import { Mirror } from "./mirror.ts";
import { Split } from "./split.ts";

/** Services `a`, `b` and `c` with a backend each, and what these settings make of them. */
function groupOf(settings: object, others: object = {}) {
  const options = optionsOf();
  const backends = { a: "http://127.0.0.1:1", b: "http://127.0.0.1:2", c: "http://127.0.0.1:3" };
  const { services } = snapshotOf({ services: { ...backends, ...others, group: settings } });
  const made = new Map<string, Destination>();
  const destinationOf = (name: string): Destination => {
    const known = made.get(name);
    if (known !== undefined) return known;
    const service = services.get(name);
    assert.ok(service, name);
    const parts = { ...options, destinationOf };
    assert.ok(service.kind !== "addressed" && service.kind !== "files");
    const fresh =
      service.kind === "split"
        ? new Split(service, parts)
        : service.kind === "failover"
          ? new Failover(service, parts)
          : service.kind === "mirror"
            ? new Mirror(service, parts)
            : new LiveService(service, options);
    made.set(name, fresh);
    return fresh;
  };
  const group = destinationOf("group");
  const live = (name: string) => destinationOf(name) as LiveService;
  const backend = (name: string) => live(name).backends[0] as LiveBackend;
  const kill = (name: string) => backend(name).connectFailed("CONNECT_REFUSED");
  const revive = (name: string) =>
    backend(name).takeMark({ kind: "alive", service: name, backend: backend(name).url });
  const names = (count: number, asker = askerOf()) =>
    Array.from({ length: count }, () => group.choose(asker).name);
  return { group, options, live, backend, kill, revive, names };
}

function countOf(names: readonly string[], name: string): number {
  return names.filter((each) => each === name).length;
}

const canary = (headers: Record<string, string>) => askerOf({ headers });

test("a split deals exactly by weight, and weight 0 gets only who asks for it", () => {
  const { names } = groupOf({
    split: [
      { service: "a", weight: 95 },
      { service: "b", weight: 5, when: { header: { "X-Canary": "1" } } },
      { service: "c", weight: 0, when: { cookie: { beta: "yes" } } },
    ],
  });
  for (let cycle = 0; cycle < 3; cycle++) {
    const dealt = names(100);
    assert.deepEqual([countOf(dealt, "a"), countOf(dealt, "b")], [95, 5]);
  }
  assert.deepEqual(new Set(names(20, canary({ "x-canary": "1" }))), new Set(["b"]));
  assert.deepEqual(new Set(names(20, canary({ cookie: "x=1; beta=yes" }))), new Set(["c"]));
  assert.equal(countOf(names(100, canary({ "x-canary": "2", cookie: "beta=no" })), "a"), 95);
});

test("who asks for a part takes no turn of the others", () => {
  const { names } = groupOf({
    split: [
      { service: "a", weight: 1 },
      { service: "b", weight: 1, when: { header: { "X-Canary": "1" } } },
    ],
  });
  const dealt: string[] = [];
  for (let count = 0; count < 50; count++) {
    dealt.push(...names(1));
    names(1, canary({ "x-canary": "1" }));
  }
  assert.equal(countOf(dealt, "a"), 25);
});

test("a part of a split that is down gets nothing while another one is up, asked for or not", () => {
  const { group, names, kill } = groupOf({
    split: [
      { service: "a", weight: 1 },
      { service: "b", weight: 1, when: { header: { "X-Canary": "1" } } },
      { service: "c", weight: 0 },
    ],
  });
  kill("b");
  assert.deepEqual(new Set(names(20)), new Set(["a"]));
  assert.deepEqual(new Set(names(20, canary({ "x-canary": "1" }))), new Set(["a"]));
  kill("a");
  assert.equal(group.isUp, true, "c is up");
  assert.equal(countOf(names(20), "c"), 0, "weight 0 is for those alone who ask for it");
  kill("c");
  assert.equal(group.isUp, false);
});

test("with a cookie of the split a client stays with its part, and whoever asks needs none", () => {
  const { group, backend, live, names, kill } = groupOf({
    split: [
      { service: "a", weight: 1 },
      { service: "b", weight: 1, when: { header: { "X-Canary": "1" } } },
    ],
    sticky: true,
  });
  const line = group.sessionLine(askerOf(), live("b"), backend("b"), true);
  assert.match(line, /^Set-Cookie: tidegate-part=[\w-]{16}; .*Secure\r\n$/);
  const cookie = /tidegate-part=[\w-]+/.exec(line)?.[0] ?? "";
  const stays = canary({ cookie });
  assert.deepEqual(new Set(names(20, stays)), new Set(["b"]));
  assert.equal(group.sessionLine(stays, live("b"), backend("b"), true), "");
  const asking = canary({ "x-canary": "1" });
  assert.equal(group.sessionLine(asking, live("b"), backend("b"), true), "");
  kill("b");
  assert.deepEqual(new Set(names(20, stays)), new Set(["a"]));
  assert.match(group.sessionLine(stays, live("a"), backend("a"), true), /^Set-Cookie/);
});

test("a split and its part may both have a cookie", () => {
  const sticky = {
    backends: ["http://127.0.0.1:7", "http://127.0.0.1:8"],
    sticky: { cookie: "in" },
  };
  const { group, live, backend } = groupOf(
    { split: { a: 1, sticky: 1 }, sticky: { cookie: "out" } },
    { sticky },
  );
  const lines = group.sessionLine(askerOf(), live("sticky"), backend("sticky"), false);
  assert.match(lines, /^Set-Cookie: in=[^\r]+\r\nSet-Cookie: out=[^\r]+\r\n$/);
  assert.match(group.sessionLine(askerOf(), live("a"), backend("a"), false), /^Set-Cookie: out=/);
});

test("a failover takes the first service that is up, and the first of all when none is", () => {
  const { group, names, kill, revive } = groupOf({ failover: ["a", "b", "c"] });
  assert.deepEqual(names(2), ["a", "a"]);
  kill("a");
  assert.deepEqual(names(2), ["b", "b"]);
  kill("b");
  assert.deepEqual(names(2), ["c", "c"]);
  kill("c");
  assert.equal(group.isUp, false);
  assert.deepEqual(names(1), ["a"]);
  revive("b");
  assert.deepEqual(names(1), ["b"]);
});

test("after certain answers the next service of a failover that is up is asked, and only then", () => {
  const { group, live, kill } = groupOf({ failover: ["a", "b", "c"], statuses: ["500-502", 504] });
  const after = (name: string, status: number) => group.after(live(name), status, askerOf())?.name;
  assert.deepEqual([after("a", 500), after("a", 504), after("b", 502)], ["b", "b", "c"]);
  assert.deepEqual(
    [after("a", 503), after("a", 200), after("c", 500)],
    [undefined, undefined, undefined],
  );
  kill("b");
  assert.equal(after("a", 500), "c");
  kill("c");
  assert.equal(after("a", 500), undefined);
});

test("a failover within a failover tries its own first", () => {
  const inner = { failover: ["a", "b"], statuses: [500] };
  const { group, live } = groupOf({ failover: ["inner", "c"], statuses: [500, 502] }, { inner });
  const after = (name: string, status: number) => group.after(live(name), status, askerOf())?.name;
  assert.deepEqual([after("a", 500), after("b", 500), after("a", 502)], ["b", "c", "c"]);
});

test("a mirror goes where its main service goes, and copies are for the others", () => {
  const { group, live, kill, names } = groupOf({
    mirror: "a",
    to: { b: "10%", c: "100%" },
    maxBody: "5KiB",
  });
  assert.deepEqual(names(1), ["a"]);
  const copies = group.copiesOf(live("a"), askerOf());
  assert.deepEqual(
    copies?.map(({ destination, percent, maxBody }) => [destination.name, percent, maxBody]),
    [
      ["b", 10, 5120],
      ["c", 100, 5120],
    ],
  );
  kill("b");
  kill("c");
  assert.equal(group.isUp, true, "nobody needs the copies");
  kill("a");
  assert.equal(group.isUp, false);
  assert.deepEqual(names(1), ["a"]);
});

test("only those parts of a split are copied that are mirrors, and mirrors of mirrors add up", () => {
  const shadowed = { mirror: "b", to: { c: "100%" } };
  const split = groupOf({ split: { a: 1, shadowed: 1 } }, { shadowed });
  assert.equal(split.group.copiesOf(split.live("a"), askerOf()), null);
  assert.equal(split.group.copiesOf(split.live("b"), askerOf())?.length, 1);
  const both = groupOf({ mirror: "shadowed", to: { a: "1%" } }, { shadowed });
  const copies = both.group.copiesOf(both.live("b"), askerOf());
  assert.deepEqual(
    copies?.map(({ destination }) => destination.name),
    ["a", "c"],
  );
});

test("a service's name and maintenance are its own, whatever it is made of", () => {
  for (const settings of [
    { split: { a: 1, b: 1 } },
    { failover: ["a", "b"] },
    { mirror: "a", to: { b: "1%" } },
  ]) {
    const { group, options } = groupOf(settings);
    assert.equal(group.name, "group");
    const retryAfter = () => group.maintenance?.retryAfter;
    assert.equal(retryAfter(), undefined);
    const state = { service: "group", isPaused: false, isInMaintenance: true };
    options.states.learn({ backends: [], services: [state], marks: [] });
    assert.ok(retryAfter() !== undefined);
    const configured = groupOf({ ...settings, maintenance: { retryAfter: "7m" } });
    assert.equal(configured.group.maintenance?.retryAfter, 420);
  }
});

test("a group contains what it is made of, however deep, and nothing else", () => {
  const inner = { failover: ["a", "b"] };
  const { group, live } = groupOf({ mirror: "inner", to: { c: "1%" } }, { inner });
  assert.deepEqual(
    ["a", "b", "c"].map((name) => group.contains(live(name))),
    [true, true, false],
  );
});
