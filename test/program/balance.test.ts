// How requests are shared out among real backends: exactly where a policy promises it, and how a share
// changes when weights, tiers and backends do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { eventually } from "../harness/barrier.ts";
import type { Client } from "../harness/client.ts";
import { gate, type LiveOrigin } from "../harness/live-origin.ts";
import {
  begin,
  countsOf,
  originOf,
  origins,
  type Stand,
  startStand,
} from "../harness/service-stand.ts";
import { startLoad } from "./load.ts";

const bounded = { timeout: 30_000 };

/** Each run of so many names that follow each other has exactly these counts. */
function assertCycles(names: readonly string[], counts: Readonly<Record<string, number>>): void {
  const size = Object.values(counts).reduce((sum, count) => sum + count, 0);
  assert.ok(names.length >= 2 * size, "two cycles at least");
  for (let at = 0; at + size <= names.length; at += 1) {
    const cycle = names.slice(at, at + size);
    assert.deepEqual(countsOf(cycle), counts, `from ${at} on: ${names.join(" ")}`);
  }
}

test("round robin keeps to the weights in every cycle, wherever it begins", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b, c] = await origins(stack, "a", "b", "c");
  const backends = [{ url: a.url, weight: 5 }, { url: b.url, weight: 2 }, c.url];
  await using stand = await startStand({ service: { backends, balance: "round-robin" } });
  assertCycles(await stand.askInARow(40), { a: 5, b: 2, c: 1 });
});

test("an idle service is dealt round robin by default, by weight", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b, c] = await origins(stack, "a", "b", "c");
  const plain = { backends: [a.url, b.url, c.url] };
  await using stand = await startStand({ service: plain });
  assertCycles(await stand.askInARow(30), { a: 1, b: 1, c: 1 });
  await stand.reload({ backends: [{ url: a.url, weight: 3 }, b.url, c.url] });
  assertCycles(await stand.askInARow(30), { a: 3, b: 1, c: 1 });
});

test("weight 0 gets nothing, not even when nobody else is there", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  const service = { backends: [a.url, { url: b.url, weight: 0 }] };
  await using stand = await startStand({ service });
  assert.deepEqual(countsOf(await stand.askInARow(20)), { a: 20 });
  await a.kill();
  const statuses = (await stand.askApart(3)).map(({ status }) => status);
  assert.ok(
    statuses.every((status) => status === 502 || status === 503),
    statuses.join(),
  );
  assert.equal(b.requests.length, 0);
});

/** Requests that nobody has answered yet, each sent when the one before had arrived. */
async function fill(
  stand: Stand,
  stack: AsyncDisposableStack,
  count: number,
  at: readonly LiveOrigin[],
): Promise<Client[]> {
  const sum = () => at.reduce((all, { requests }) => all + requests.length, 0);
  const clients: Client[] = [];
  for (let n = 0; n < count; n += 1) {
    const before = sum();
    clients.push(stack.use(await begin(stand.port, { path: `/${n}` })));
    await eventually("the request to arrive", () => sum() > before || undefined);
  }
  return clients;
}

test("least-connections fills up whoever has least for its weight", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  const [slow, quick] = [gate(), gate()];
  a.answer = () => slow.passed.then(() => ({}));
  b.answer = () => quick.passed.then(() => ({}));
  const service = { backends: [a.url, b.url], balance: "least-connections" };
  await using stand = await startStand({ service });
  const clients = await fill(stand, stack, 4, [a, b]);
  assert.deepEqual([a.requests.length, b.requests.length], [2, 2]);
  quick.open();
  await stand.until("b to be done", (row) => row.backends[1]?.inFlight === 0);
  // The quick one now takes all, one after the other; the slow one would be third each time.
  assert.deepEqual(countsOf(await stand.askInARow(10)), { b: 10 });
  slow.open();
  for (const client of clients) assert.equal((await client.readResponse()).status, 200);
  await stand.assertQuiet();
});

test("least-connections counts by weight", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  const { passed, open } = gate();
  for (const each of [a, b]) each.answer = () => passed.then(() => ({}));
  const backends = [{ url: a.url, weight: 3 }, b.url];
  await using stand = await startStand({ service: { backends, balance: "least-connections" } });
  const clients = await fill(stand, stack, 12, [a, b]);
  assert.deepEqual([a.requests.length, b.requests.length], [9, 3]);
  open();
  for (const client of clients) assert.equal((await client.readResponse()).status, 200);
});

test("two-random and least-time favour the backend that answers sooner", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "slow", "quick");
  a.answer = () => pause(60).then(() => ({})); // being slow is what is tested
  for (const balance of ["two-random", "least-time"]) {
    await using stand = await startStand({ service: { backends: [a.url, b.url], balance } });
    const lanes = Array.from({ length: 8 }, () => stand.askInARow(20));
    const counts = countsOf((await Promise.all(lanes)).flat());
    const { slow = 0, quick = 0 } = counts;
    assert.equal(slow + quick, 160);
    assert.ok(quick > 1.5 * slow, `${balance}: ${JSON.stringify(counts)}`);
  }
});

test("random reaches everybody", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b, c] = await origins(stack, "a", "b", "c");
  const service = { backends: [a.url, b.url, c.url], balance: "random" };
  await using stand = await startStand({ service });
  const counts = countsOf(await stand.askInARow(300));
  // Six standard deviations.
  for (const name of ["a", "b", "c"]) {
    const count = counts[name] ?? 0;
    assert.ok(count > 50 && count < 150, JSON.stringify(counts));
  }
});

const keys: readonly (readonly [hash: string, optionsFor: (key: number) => object])[] = [
  ["client-ip", (key) => ({ from: `127.0.1.${key + 1}` })],
  ["path", (key) => ({ path: `/some/where/${key}` })],
  ["header:X-User", (key) => ({ headers: { "x-uSER": `user-${key}` } })],
  ["cookie:who", (key) => ({ headers: { Cookie: `a=b; who=user-${key}; c=d` } })],
  ["query:id", (key) => ({ path: `/x?other=${key % 2}&id=${key}` })],
];

for (const [hash, optionsFor] of keys) {
  test(`by ${hash}, the same value goes to the same backend, in all workers`, bounded, async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b, c, d] = await origins(stack, "a", "b", "c", "d");
    const service = { backends: [a.url, b.url, c.url, d.url], balance: { hash } };
    await using stand = await startStand({ service, workers: 2 });
    const seen = new Set<string>();
    for (let key = 0; key < 50; key += 1) {
      const names = (await stand.askApart(4, optionsFor(key))).map(originOf);
      assert.equal(new Set(names).size, 1, `key ${key}: ${names.join(" ")}`);
      seen.add(names[0] ?? "");
    }
    assert.equal(seen.size, 4, "each has some of the 50 values");
  });
}

test("of the hashed values, only those of a backend that leaves move", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const all = await origins(stack, "a", "b", "c", "d", "e");
  const balance = { hash: "header:X-User" };
  const serviceOf = (left: readonly LiveOrigin[]) => ({
    backends: left.map(({ url }) => url),
    balance,
  });
  await using stand = await startStand({ service: serviceOf(all) });
  const users = Array.from({ length: 300 }, (_, n) => `user-${n}`);
  const homes = async () => {
    const names: string[] = [];
    for (const user of users) {
      names.push(...(await stand.askInARow(1, { headers: { "X-User": user } })));
    }
    return names;
  };
  const before = await homes();
  await stand.reload(serviceOf(all.slice(0, 4)));
  const after = await homes();
  assert.equal(countsOf(after)["e"], undefined);
  const moved = users.filter((_, n) => before[n] !== after[n]).length;
  const had = countsOf(before)["e"] ?? 0;
  // Not one of the others' may move; its own are about a fifth.
  assert.ok(moved <= had + 300 * 0.02, `${moved} moved, ${had} were of the one that left`);
  assert.ok(had > 20 && had < 110, `${had} of 300`);
});

test("weights changed by a reload take effect and no connection is dropped", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  await using stand = await startStand({ service: [a.url, b.url] });
  await using load = await startLoad(stand.port, 8);
  await load.lap();
  const opened = a.connections + b.connections;
  const backends = [{ url: a.url, weight: 9 }, b.url];
  for (let times = 0; times < 5; times += 1) {
    await stand.reload({ backends: times % 2 === 0 ? backends : [a.url, b.url] });
    await load.lap();
  }
  const { failed } = await load.stop();
  assert.deepEqual(failed, []);
  assertCycles(await stand.askInARow(40), { a: 9, b: 1 });
  // The pools of backends that stay are kept, too: at most one connection for each client more.
  assert.ok(a.connections + b.connections <= opened + 16, `${opened} connections before`);
});

test("a backup tier is used only while nobody of the first one is up", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b, c] = await origins(stack, "a", "b", "c");
  const service = {
    backends: [a.url, b.url, { url: c.url, tier: 1 }],
    passive: { deadFor: "300ms" },
  };
  await using stand = await startStand({ service });
  assert.deepEqual(countsOf(await stand.askInARow(20)), { a: 10, b: 10 });
  await a.kill();
  assert.deepEqual(Object.keys(countsOf(await stand.askInARow(10))), ["b"]);
  await b.kill();
  assert.deepEqual(countsOf(await stand.askInARow(10)), { c: 10 });
  await Promise.all([a.revive(), b.revive()]);
  await eventually("the first tier to be back", async () => {
    const names = new Set(await stand.askInARow(6));
    return (!names.has("c") && names.has("a") && names.has("b")) || undefined;
  });
  c.requests.length = 0;
  assert.deepEqual(countsOf(await stand.askInARow(20)), { a: 10, b: 10 });
});

test("with slowStart a new backend gets its share little by little", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  const serviceOf = (...backends: string[]) => ({
    backends,
    balance: "round-robin",
    slowStart: "3s",
  });
  await using stand = await startStand({ service: serviceOf(a.url) });
  await stand.askInARow(2);
  await stand.reload(serviceOf(a.url, b.url));
  const began = performance.now();
  const share = async () => (countsOf(await stand.askInARow(40))["b"] ?? 0) / 40;
  const first = await share();
  const took = performance.now() - began;
  assert.ok(took < 1000, `the machine is too slow for this test: ${took} ms`);
  assert.ok(first < 0.3, `its share was ${first} within the first ${took} ms`);
  await eventually("half of the requests", async () => (await share()) === 0.5 || undefined, 8000);
  assert.ok(performance.now() - began > 1500, "it had its full share at once");
});
