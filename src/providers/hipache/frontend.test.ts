import assert from "node:assert/strict";
import { test } from "node:test";
import { hipacheSettings, serverAt } from "../../../test/harness/redis-source.ts";
import { hipacheLimits as limits } from "../../config/provider-limits.ts";
import type { HipacheSettings } from "../../config/source-settings.ts";
import { candidatesOf, deadIn, isSameDeadSet, readDeadSet } from "./dead-set.ts";
import { readFrontend, readHost } from "./frontend.ts";

const settings = hipacheSettings(serverAt(1));

function read(elements: readonly string[], rest: Partial<HipacheSettings> = {}) {
  const list = { kind: "list", elements } as const;
  const own = { ...settings, ...rest };
  return readFrontend(own, { host: "a.test", key: "frontend:a.test", list });
}

test("a list is a route and a service of the same name", () => {
  const { route, service, count, notes } = read(["shop", "http://h:1", "http://h:2"]);
  assert.deepEqual([route.name, route.service, service.name], Array(3).fill("a.test@hipache"));
  assert.deepEqual(route.rule, { kind: "host", host: "a.test" });
  assert.deepEqual(route.origin, { provider: "hipache", place: "key frontend:a.test" });
  assert.equal(service.kind, "backends");
  assert.deepEqual(
    service.backends.map(({ url, weight }) => [url, weight]),
    [
      ["http://h:1", 1],
      ["http://h:2", 1],
    ],
  );
  assert.deepEqual(service.balance, { policy: "random" });
  assert.equal(service.retry.attempts, 3);
  assert.equal(service.whenAllDown, "refuse");
  const { connectFailures, failures, deadFor, statuses } = service.passive;
  assert.deepEqual(
    { connectFailures, failures, deadFor },
    { connectFailures: 1, failures: 1, deadFor: 30_000 },
  );
  const isDeadly = (status: number) =>
    statuses.some(([from, to]) => status >= from && status <= to);
  assert.deepEqual([500, 501, 502, 503, 504, 599].filter(isDeadly), [501, 502, 504, 599]);
  assert.equal(count, 2);
  assert.deepEqual(notes, []);
});

test("the only backend is never marked, and with a TTL of 0 none is", () => {
  for (const frontend of [
    read(["shop", "http://h:1"]),
    read(["shop", "http://h:1", "http://h:2"], { deadTtl: 0 }),
  ]) {
    const { connectFailures, failures } = frontend.service.passive;
    assert.deepEqual([connectFailures, failures], [0, 0]);
  }
});

test("an identifier alone, a list of rubbish, and no list at all are services with nobody", () => {
  assert.deepEqual(read(["shop"]).service.backends, []);
  assert.deepEqual(read(["shop"]).notes, [
    {
      severity: "error",
      about: "",
      message: "names no backend",
      remedy: "RPUSH frontend:a.test URL",
    },
  ]);
  const rubbish = read(["", "", "nothing", "http://"]);
  assert.deepEqual(rubbish.service.backends, []);
  assert.deepEqual(
    rubbish.notes.map(({ about }) => about),
    ["backend 0", "backend 1", "backend 2"],
  );
  const list = { kind: "wrong", why: "is not a list" } as const;
  const wrong = readFrontend(settings, { host: "a.test", key: "frontend:a.test", list });
  assert.deepEqual(wrong.service.backends, []);
  assert.equal(wrong.notes[0]?.message, "is not a list");
});

test("who stands there twice gets twice as much, and rubbish in between moves no place", () => {
  const { service, members, count } = read([
    "shop",
    "http://h:1",
    "bad",
    "http://h:2",
    "http://h:1",
  ]);
  assert.deepEqual(
    service.backends.map(({ url, weight }) => [url, weight]),
    [
      ["http://h:1", 2],
      ["http://h:2", 1],
    ],
  );
  assert.equal(count, 4);
  assert.deepEqual(members.get("http://h:1")?.indexes, [0, 3]);
  assert.deepEqual(members.get("http://h:2")?.indexes, [2]);
});

test("what is too much of one list is left out and said", () => {
  const many = Array.from({ length: limits.backends + 5 }, (_, index) => `http://h:${index + 1}`);
  const { service, notes } = read(["shop", ...many]);
  assert.equal(service.backends.length, limits.backends);
  assert.match(notes[0]?.message ?? "", /more than 1000 backends/);
  const rubbish = Array.from({ length: 500 }, () => "x");
  assert.equal(read(["shop", ...rubbish]).notes.length, limits.notes);
});

test("hosts are as requests ask for them; what no request asks for is said", () => {
  const cases: Readonly<Record<string, string | RegExp>> = {
    "a.test": "a.test",
    "CASE.example": "case.example",
    "*": "*",
    "*.a.b.c.d.e": "*.a.b.c.d.e",
    "*.a.b.c.d.e.f": /more than 5 labels/,
    "a.b.c.d.e.f.g.h": "a.b.c.d.e.f.g.h",
    "foo.*": /no host/,
    "*foo.bar": /no host/,
    "a.test:80": /no host/,
    "": /no host/,
    "a b": /no host/,
    "[::1]": "[::1]",
    __proto__: "__proto__",
  };
  for (const [key, expected] of Object.entries(cases)) {
    const reading = readHost(key);
    if (typeof expected === "string") assert.deepEqual(reading, { kind: "host", host: expected });
    else assert.match(reading.kind === "never" ? reading.why : "", expected, key);
  }
});

test("hosts are looked for in Hipache's order", () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    foo: ["foo", "*"],
    "foo.bar": ["foo.bar", "*.bar", "*"],
    "pipo.foo.bar": ["pipo.foo.bar", "*.foo.bar", "*.bar", "*"],
    "a.b.c.d.e.f.g": [
      "a.b.c.d.e.f.g",
      ...["*.c.d.e.f.g", "*.d.e.f.g", "*.e.f.g", "*.f.g", "*.g"],
      "*",
    ],
  };
  for (const [host, expected] of Object.entries(cases)) {
    assert.deepEqual(candidatesOf(host), expected);
  }
  // A key can be as long as somebody likes.
  assert.equal(candidatesOf("a.".repeat(200_000)).length, 7);
});

test("marks are places in the list; whoever stands there twice is dead when both are", () => {
  const frontend = read(["shop", "http://h:1", "http://h:2", "http://h:1"]);
  const dead = (...elements: string[]) =>
    deadIn(readDeadSet(elements, 5000, 100), frontend).map(({ backend }) => backend);
  assert.deepEqual(dead("1"), ["http://h:2"]);
  assert.deepEqual(dead("0"), []);
  assert.deepEqual(dead("2", "0"), ["http://h:1"]);
  assert.deepEqual(dead("7", "-1", "x", "1x", ""), []);
  assert.deepEqual(deadIn(readDeadSet(["1"], 5000, 100), frontend)[0], {
    service: "a.test@hipache",
    backend: "http://h:2",
    until: 5100,
  });
});

test("what remains of a mark is no news, an end that moved is, and one without end is kept", () => {
  const set = (pttl: number, now: number, ...elements: string[]) =>
    readDeadSet(elements, pttl, now);
  assert.ok(isSameDeadSet(set(30_000, 0, "1", "0"), set(20_000, 10_000, "0", "1"), 10_000));
  assert.ok(!isSameDeadSet(set(30_000, 0, "1"), set(30_000, 10_000, "1"), 10_000));
  assert.ok(!isSameDeadSet(set(30_000, 0, "1"), set(30_000, 0, "2"), 0));
  assert.ok(isSameDeadSet(set(-1, 0, "1"), set(-1, 3_600_000, "1"), 3_600_000));
  assert.ok(!isSameDeadSet(set(-1, 0, "1"), set(-1, 60_000_000, "1"), 60_000_000));
  assert.ok(!isSameDeadSet(set(30_000, 0, "1"), set(-1, 0, "1"), 0));
});
