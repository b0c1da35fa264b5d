import assert from "node:assert/strict";
import { test } from "node:test";
import { issued, issuer } from "../../test/harness/issued.ts";
import { commonSettings } from "../../test/harness/watched-source.ts";
import type { ItemSection } from "../config/item.ts";
import { sources as limits } from "../config/provider-limits.ts";
import { Items, type Stored } from "./items.ts";
import type { Gathered } from "./provider.ts";

function stored(name: string, value: unknown, section: ItemSection = "routes"): Stored {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return { section, name, text, place: `key p:${section}:${name}` };
}

const good = (host: string) => ({ host, service: "http://127.0.0.1:1" });
const namesIn = ({ collection }: Gathered) => collection.routes.map(({ name }) => name);
const statesIn = ({ findings }: Gathered) => findings.map(({ name, state }) => `${name} ${state}`);

test("what did not change is the very same object", () => {
  const items = new Items(commonSettings, "redis");
  const all = ["a", "b", "c"].map((name) => stored(name, good(`${name}.test`)));
  const before = items.gather(all).collection.routes;
  const changed = [...all.slice(0, 2), stored("c", good("other.test"))];
  const after = items.gather(changed).collection.routes;
  assert.deepEqual([after[0] === before[0], after[1] === before[1]], [true, true]);
  assert.notEqual(after[2], before[2]);
  assert.deepEqual(items.gather([]).collection.routes, []);
});

test("a bad item is left out and shown, and what it said before stays", () => {
  const items = new Items(commonSettings, "redis");
  const first = items.gather([stored("a", "{"), stored("b", good("b.test"))]);
  assert.deepEqual(namesIn(first), ["b@kept"]);
  assert.deepEqual(statesIn(first), ["a not routed"]);
  const [finding] = first.findings;
  assert.deepEqual([finding?.provider, finding?.platform], ["kept", "redis"]);
  assert.equal(finding?.notes[0]?.about, "key p:routes:a");
  assert.match(finding?.notes[0]?.message ?? "", /^is not JSON: /);
  const second = items.gather([stored("a", good("a.test")), stored("b", { hots: 1 })]);
  assert.deepEqual(namesIn(second), ["a@kept", "b@kept"]);
  assert.deepEqual(statesIn(second), ["b as it was before"]);
  // Bad again in another way, it is still what it was when it was good.
  const third = items.gather([stored("a", good("a.test")), stored("b", "[")]);
  assert.deepEqual(namesIn(third), ["a@kept", "b@kept"]);
  assert.equal(third.collection.routes[1], second.collection.routes[1]);
  // Gone, it is gone, and nothing of it comes back.
  assert.deepEqual(namesIn(items.gather([])), []);
  assert.deepEqual(namesIn(items.gather([stored("b", "[")])), []);
});

test("a place within the item is said where it is known", () => {
  const items = new Items(commonSettings, "etcd");
  const pool = { backends: ["http://127.0.0.1:1", "ftp://x"] };
  const { findings } = items.gather([stored("pool", pool, "services")]);
  assert.equal(findings[0]?.notes[0]?.about, "key p:services:pool: backends[1]");
});

test("rubbish of any size costs little, and is told of briefly", () => {
  const { itemBytes, depth } = limits;
  const many = Array.from({ length: 50_000 }, () => 1);
  for (const [value, says] of [
    [`"${"x".repeat(itemBytes)}"`, /^is longer than 256 KiB$/],
    [`"${"x".repeat(itemBytes - 10)}"`, /./],
    ["[".repeat(depth + 1) + "]".repeat(depth + 1), /^has more than 12 levels$/],
    ["[".repeat(100_000) + "]".repeat(100_000), /^has more than 12 levels$/],
    ["[".repeat(100_000), /^is not JSON/],
    ["", /^is not JSON/],
    [many, /./],
    [{ host: many }, /./],
  ] as const) {
    const { findings } = new Items(commonSettings, "redis").gather([stored("a", value)]);
    const notes = findings[0]?.notes ?? [];
    assert.match(notes[0]?.message ?? "", says);
    assert.ok(notes.length <= limits.notes + 1);
    assert.ok(JSON.stringify(findings).length < 30_000);
  }
  const pool = stored("a", { backends: many }, "services");
  const { findings } = new Items(commonSettings, "redis").gather([pool]);
  assert.match(findings[0]?.notes.at(-1)?.message ?? "", /^there is more: 49980$/);
});

test("a flood of items is cut, and that is said", () => {
  const items = new Items(commonSettings, "redis");
  const bad = Array.from({ length: limits.items + 5 }, (_, at) => stored(`r${at}`, "{"));
  const { findings, collection } = items.gather(bad);
  assert.deepEqual(collection.routes, []);
  assert.equal(findings.length, limits.findings + 1);
  const [reading] = findings;
  assert.equal(reading?.state, "reading");
  assert.match(reading?.notes[0]?.message ?? "", /there are 5 more items than 100000/);
  assert.match(reading?.notes[1]?.message ?? "", /something to say of 99000 more items/);
});

test("names from anywhere are only names", () => {
  const items = new Items(commonSettings, "redis");
  const names = ["__proto__", "constructor", "a b", "", "x".repeat(254), "a@b", "ok"];
  const all = items.gather(names.map((name) => stored(name, good("a.test"))));
  assert.deepEqual(namesIn(all), ["constructor@kept", "ok@kept"]);
  assert.equal(all.findings.length, 5);
});

function pair(...names: readonly string[]) {
  const { cert, key } = issued(names);
  return { cert: cert + issuer, key };
}

const certificatesIn = ({ collection }: Gathered) =>
  collection.certificates.map(({ name, held, trouble }) => {
    const names = held.flatMap(({ certificate }) => certificate.names).join(" ");
    return `${name} ${names}${trouble === "" ? "" : " !"}`;
  });

test("of many certificates the one that changes is read, and the others stay the same objects", () => {
  const items = new Items(commonSettings, "redis");
  const all = ["a", "b", "c"].map((name) => stored(name, pair(`${name}.test`), "certificates"));
  const before = items.gather(all).collection.certificates;
  const changed = stored("c", pair("other.test"), "certificates");
  const after = items.gather([...all.slice(0, 2), changed]).collection.certificates;
  assert.deepEqual(
    after.map((each, at) => each.held[0]?.certificate === before[at]?.held[0]?.certificate),
    [true, true, false],
  );
});

test("a certificate that goes bad says so, and shows what was there before", () => {
  const items = new Items(commonSettings, "redis");
  const { cert, key } = pair("a.test");
  const at = (value: unknown) => [stored("a", value, "certificates")];
  assert.deepEqual(certificatesIn(items.gather(at("{"))), ["a@kept  !"]);
  const pem = items.gather(at(`${key}\n${cert}`));
  assert.deepEqual([certificatesIn(pem), pem.findings], [["a@kept a.test"], []]);
  const [good] = pem.collection.certificates;
  for (const bad of [`{"key": ${key}`, { cert, key: pair("b.test").key }, "-----BEGIN X", ""]) {
    const gathered = items.gather(at(bad));
    assert.deepEqual(certificatesIn(gathered), ["a@kept a.test !"]);
    assert.equal(gathered.collection.certificates[0]?.held, good?.held);
    assert.deepEqual(statesIn(gathered), ["a as it was before"]);
    const told = JSON.stringify([gathered.findings, gathered.collection.certificates[0]?.trouble]);
    assert.ok(!told.includes((key.split("\n")[1] ?? "-").slice(0, 8)), told);
  }
  assert.deepEqual(certificatesIn(items.gather(at({ cert, key }))), ["a@kept a.test"]);
  assert.deepEqual(certificatesIn(items.gather([])), []);
});

test("of two places with one name the first counts, each time", () => {
  const items = new Items(commonSettings, "redis");
  const first = stored("tls:a.test", pair("a.test"), "certificates");
  const second = { ...first, text: JSON.stringify(pair("a.test", "b.test")), place: "key p:tls" };
  const before = items.gather([first, second]);
  assert.deepEqual(certificatesIn(before), ["tls:a.test@kept a.test"]);
  assert.deepEqual(statesIn(before), ["tls:a.test not used"]);
  const after = items.gather([first, second]);
  assert.equal(after.collection.certificates[0], before.collection.certificates[0]);
});
