import assert from "node:assert/strict";
import { test } from "node:test";
import { issued, issuer } from "../../test/harness/issued.ts";
import { defaultClientTimeouts, defaultExchangeTimeouts } from "../config/limits.ts";
import type { StoredItem } from "../store/store.ts";
import { KeptItems } from "./kept-items.ts";

const timeouts = { ...defaultClientTimeouts, ...defaultExchangeTimeouts };
const defaults = { timeouts, maxBody: 0, tcpListeners: [] };

function stored(name: string, text: string): readonly [string, StoredItem] {
  return [`certificates ${name}`, { section: "certificates", name, text, revision: 1 }];
}

function pair(name: string): string {
  const { cert, key } = issued([name]);
  return JSON.stringify({ cert: cert + issuer, key });
}

test("certificates are read once, whatever else changes, and whatever routes are granted", () => {
  const kept = new KeptItems();
  const all = new Map([stored("a", pair("a.test")), stored("b", pair("b.test"))]);
  const [a, b] = kept.read(all, defaults).collection.certificates;
  const more = new Map([...all, stored("b", pair("c.test"))]);
  const after = kept.read(more, defaults).collection.certificates;
  assert.equal(after[0], a);
  assert.notEqual(after[1], b);
  const later = kept.read(more, { ...defaults, maxBody: 7 }).collection.certificates;
  assert.deepEqual([later[0] === a, later[1] === after[1]], [true, true]);
});

test("one that the disk has spoiled is a certificate with a trouble, and no other", () => {
  const kept = new KeptItems();
  const all = new Map([stored("a", "{"), stored("b", pair("b.test"))]);
  const { collection, problems } = kept.read(all, defaults);
  assert.deepEqual(
    collection.certificates.map(({ name, held, trouble }) => [name, held.length, trouble !== ""]),
    [
      ["a@store", 0, true],
      ["b@store", 1, false],
    ],
  );
  assert.deepEqual([...problems.keys()], ["certificates a"]);
});
