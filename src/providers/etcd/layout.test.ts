import assert from "node:assert/strict";
import { test } from "node:test";
import { etcdSource as limits, sources } from "../../config/provider-limits.ts";
import { Layout } from "./layout.ts";

function laidOut(keys: Readonly<Record<string, unknown>>) {
  const pairs = Object.entries(keys).map(([key, value]) => ({
    key: `p/${key}`,
    value: typeof value === "string" ? value : JSON.stringify(value),
  }));
  const { items, notes } = new Layout("p/").of(pairs);
  return {
    items: Object.fromEntries(items.map(({ section, name, text }) => [`${section} ${name}`, text])),
    notes: notes.map(({ about, message }) => `${about}: ${message}`),
  };
}

test("a key is an item of the section that its first part names", () => {
  const { items, notes } = laidOut({
    "routes/a": "1",
    "services/b": '"http://127.0.0.1:1"',
    "tcpRoutes/c": "3",
    "overlays/shop/web@docker": "4",
    "routes/a/b": "5",
  });
  assert.deepEqual(items, {
    "routes a": "1",
    "services b": '"http://127.0.0.1:1"',
    "tcpRoutes c": "3",
    "overlays shop/web@docker": "4",
    "routes a/b": "5",
  });
  assert.deepEqual(notes, []);
});

test("who registers is joined to the service, in whichever way that is written", () => {
  const one = { url: "http://127.0.0.1:9", weight: 1, tier: 0 };
  for (const [written, joined] of [
    ["http://127.0.0.1:1", { backends: ["http://127.0.0.1:1", one] }],
    [["http://127.0.0.1:1"], { backends: ["http://127.0.0.1:1", one] }],
    [
      { backends: [{ url: "http://127.0.0.1:1", weight: 5 }], slowStart: "3s" },
      { backends: [{ url: "http://127.0.0.1:1", weight: 5 }, one], slowStart: "3s" },
    ],
    [{ slowStart: "3s" }, { slowStart: "3s", backends: [one] }],
  ]) {
    const text = JSON.stringify(written);
    const { items, notes } = laidOut({
      "services/s": text,
      "backends/s/x": "http://127.0.0.1:9\n",
    });
    assert.deepEqual(JSON.parse(items["services s"] ?? ""), joined);
    assert.deepEqual(notes, []);
  }
});

test("a service that nobody wrote is made of who registers for it", () => {
  const { items } = laidOut({
    "backends/s/http://127.0.0.1:2": "http://127.0.0.1:2",
    "backends/s/a": { url: "http://127.0.0.1:1", weight: 0 },
    "backends/s/b": '"https://127.0.0.1:3"',
  });
  assert.deepEqual(JSON.parse(items["services s"] ?? ""), {
    backends: [
      { url: "http://127.0.0.1:2", weight: 1, tier: 0 },
      { url: "http://127.0.0.1:1", weight: 0, tier: 0 },
      { url: "https://127.0.0.1:3", weight: 1, tier: 0 },
    ],
  });
});

test("one that cannot be used is named, and keeps nobody else out", () => {
  const { items, notes } = laidOut({
    "services/s": ["tcp://127.0.0.1:1"],
    "services/group": { failover: ["s"] },
    "services/text": "no JSON",
    "services/list": { backends: 5 },
    "backends/s/a": "tcp://127.0.0.1:2",
    "backends/s/b": "http://127.0.0.1:2",
    "backends/s/c": "tcp://127.0.0.1:2",
    "backends/s/d": "{",
    "backends/s/e": { url: "tcp://127.0.0.1:3", wieght: 1 },
    "backends/s/f": "tcp://127.0.0.1",
    "backends/s/g": "",
    "backends/group/a": "http://127.0.0.1:2",
    "backends/text/a": "http://127.0.0.1:2",
    "backends/list/a": "http://127.0.0.1:2",
  });
  assert.deepEqual(JSON.parse(items["services s"] ?? ""), {
    backends: ["tcp://127.0.0.1:1", { url: "tcp://127.0.0.1:2", weight: 1, tier: 0 }],
  });
  // They are read as they are, and whoever reads them says what is wrong.
  assert.equal(items["services group"], '{"failover":["s"]}');
  assert.equal(items["services text"], "no JSON");
  assert.equal(items["services list"], '{"backends":5}');
  const about = notes.map((each) => each.split(": ")[0]);
  assert.deepEqual(about, [
    ...["d", "e", "f", "g"].map((id) => `key p/backends/s/${id}`),
    ...["key p/backends/s/b", "key p/backends/group/a"],
  ]);
  assert.match(notes[4] ?? "", /is a http backend, and the first one is tcp/);
});

test("keys that mean nothing are named, the first of them", () => {
  const keys = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`x/${at}`, ""]));
  const { items, notes } = laidOut({
    ...keys,
    "backends/s": "",
    "backends//x": "",
    "": "",
    routes: "",
  });
  assert.deepEqual(items, {});
  assert.equal(notes.length, limits.notes + 1);
  assert.match(notes.at(-1) ?? "", /84 further keys are not used/);
});

test("names from anywhere are only names", () => {
  const { items } = laidOut({
    "services/constructor": ["http://127.0.0.1:1"],
    "backends/__proto__/a": "http://127.0.0.1:2",
    "backends/constructor/__proto__": "http://127.0.0.1:3",
  });
  assert.equal(JSON.parse(items["services constructor"] ?? "").backends.length, 2);
  assert.deepEqual(Object.keys(items), ["services constructor", "services __proto__"]);
});

test("whoever registers too much spoils nothing for those who were there", () => {
  const many = Array.from(
    { length: 50_000 },
    (_, at) => [`backends/s/${at}`, `http://127.0.0.1:${1 + at}`] as const,
  );
  const long = Array.from(
    { length: 1000 },
    (_, at) => [`backends/long/${at}`, `http://h${at}.${"x.".repeat(120)}test:1`] as const,
  );
  const { items, notes } = laidOut({
    ...Object.fromEntries([...many, ...long]),
    "services/s": ["http://10.0.0.1:1"],
  });
  for (const name of ["s", "long"]) {
    const text = items[`services ${name}`] ?? "";
    assert.ok(text.length < sources.itemBytes, `${name} ${text.length}`);
    assert.ok(JSON.parse(text).backends.length > 50);
  }
  assert.match(notes.join(), /is one more than a service may have/);
  assert.equal(notes.length, limits.notes + 1);
});

test("certificates have a name of their own, or that of the host they are for", () => {
  const { items, notes } = laidOut({
    "certificates/shop": { cert: "c", key: "k" },
    "tls/*.a.test": "PEM",
    "tsl/b.test": "PEM",
  });
  assert.deepEqual(Object.keys(items), ["certificates shop", "certificates tls:*.a.test"]);
  assert.match(notes.join(), /tsl\/b\.test/);
});
