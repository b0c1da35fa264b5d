import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  ask,
  exchange,
  lease,
  optionsOf,
  plainOrigin,
  type PlainOrigin,
  serviceOf,
} from "../../test/harness/upstream-sample.ts";
import { Tally } from "../lib/tally.ts";
import { TallyHub } from "../lib/tally-hub.ts";
import { Caps } from "./caps.ts";
import type { BackendConnection } from "./backend-connection.ts";
import { LiveService } from "./live-service.ts";
import type { Pool } from "./pool.ts";

/** Has none, and wants none. */
const idle = { waitingCount: 0, closeIdle: () => false };

let origin: PlainOrigin;

before(async () => {
  origin = await plainOrigin();
});

after(() => origin[Symbol.asyncDispose]());

const bounded = { timeout: 10_000 };

/** Processes that share limits; messages between them go when the test says so. */
class Fleet {
  readonly hub = new TallyHub();
  readonly workers = new Map<number, { readonly tally: Tally; readonly caps: Caps }>();

  constructor(count: number) {
    for (let number = 0; number < count; number++) {
      const tally = new Tally();
      this.workers.set(number, { tally, caps: new Caps(tally) });
      this.hub.join(number);
    }
    this.talk();
  }

  /** Until nobody has anything to say. */
  talk(): void {
    let turns = 0;
    for (let isTalking = true; isTalking;) {
      assert.ok(turns++ < 1000, "they never stop talking");
      isTalking = false;
      for (const [number, { tally, caps }] of this.workers) {
        const report = tally.changes();
        if (report !== undefined) this.hub.take(number, report);
        const news = this.hub.news(number);
        isTalking ||= report !== undefined || news !== undefined;
        if (news === undefined) continue;
        tally.learn(news, (key) => caps.limitOf(key));
        caps.wake(news.offers.map(({ key }) => key));
      }
    }
  }

  /** The pool of each worker to the same backend. */
  pools(settings: object): Pool<BackendConnection>[] {
    return [...this.workers.values()].map(({ caps }) => {
      const service = serviceOf({ backends: [origin.url], pool: settings });
      return new LiveService(service, { ...optionsOf(), caps }).backends[0]!.pool;
    });
  }
}

const openOf = (pools: readonly Pool<BackendConnection>[]) =>
  pools.reduce((sum, { openCount }) => sum + openCount, 0);

test("places are counted by backend, up to its limit, and 0 is no limit", () => {
  const tally = new Tally();
  const caps = new Caps(tally);
  const user = (capKey: string, cap: number) => ({ ...idle, capKey, cap, onRoom: () => {} });
  const [a, b] = [user(Caps.keyOf("s", "http://a"), 1), user(Caps.keyOf("s", "http://b"), 1)];
  assert.deepEqual([caps.take(a), caps.take(a), caps.take(b)], [true, false, true]);
  caps.giveBack(a);
  assert.equal(caps.take(a), true);
  const free = user(Caps.keyOf("t", "http://a"), 0);
  for (let count = 0; count < 100; count++) assert.equal(caps.take(free), true);
  caps.giveBack(free);
  assert.equal(tally.countOf(free.capKey), 0);
});

test("keys of backends are no addresses of clients, and no two backends share one", () => {
  for (const address of ["", "127.0.0.1", "::1", "fe80::1%eth0"]) {
    assert.equal(Caps.isKey(address), false, address);
  }
  const keys = [
    Caps.keyOf("s", "http://a"),
    Caps.keyOf("s", "http://b"),
    Caps.keyOf("t", "http://a"),
  ];
  assert.ok(keys.every((key) => Caps.isKey(key)));
  assert.equal(new Set(keys).size, 3);
});

test("only those are woken whose key is named, and nobody who has left", () => {
  const caps = new Caps(new Tally());
  const woken: string[] = [];
  const user = (capKey: string, name: string) => {
    return { ...idle, capKey, cap: 7, onRoom: () => void woken.push(name) };
  };
  const [a, b, c] = [user("\0s\na", "a"), user("\0s\na", "b"), user("\0s\nc", "c")];
  for (const each of [a, b, c]) caps.join(each);
  assert.deepEqual([caps.limitOf(a.capKey), caps.limitOf("\0s\nx")], [7, 0]);
  caps.wake([a.capKey]);
  assert.deepEqual(woken, ["a", "b"]);
  caps.leave(a);
  caps.wake([a.capKey, c.capKey]);
  assert.deepEqual(woken, ["a", "b", "b", "c"]);
  caps.leave(b);
  assert.equal(caps.limitOf(a.capKey), 0);
});

test(
  "two workers together open no more connections than allowed, and all who wait get one",
  bounded,
  async ({ signal }) => {
    const fleet = new Fleet(2);
    const pools = fleet.pools({ maxConnections: 4 });
    let served = 0;
    const waiting = pools.flatMap((pool) => Array.from({ length: 6 }, () => ask(pool)));
    const ended = waiting.map(async ({ outcome }, index) => {
      const connection = await outcome;
      if (typeof connection === "string") assert.fail(connection);
      served++;
      // Some are given back, others die.
      if (index % 2 === 0) await exchange(connection);
      else connection.destroy();
    });
    let most = 0;
    const left = new Set(ended);
    const all = Promise.all(ended.map((each) => each.finally(() => left.delete(each))));
    while (left.size > 0 && !signal.aborted) {
      fleet.talk();
      most = Math.max(most, openOf(pools));
      await new Promise(setImmediate);
    }
    await all;
    assert.equal(served, 12);
    assert.ok(most >= 4 && most <= 5, `${most} connections at once`);
    for (const pool of pools) assert.equal(pool.busyCount, 0);
  },
);

test("a worker may use the whole limit while the other one needs nothing", bounded, async () => {
  const fleet = new Fleet(2);
  const [busy, quiet] = fleet.pools({ maxConnections: 6 });
  assert.ok(busy && quiet);
  const waiting = Array.from({ length: 6 }, () => ask(busy));
  fleet.talk();
  const open = await Promise.all(waiting.map(({ outcome }) => outcome));
  assert.ok(open.every((each) => typeof each === "object"));
  assert.equal(busy.openCount, 6);
  // What it gives up goes to the other one.
  const other = [ask(quiet), ask(quiet)];
  fleet.talk();
  for (const each of open.slice(0, 3)) if (typeof each === "object") each.destroy();
  fleet.talk();
  const [first, second] = await Promise.all(other.map(({ outcome }) => outcome));
  assert.ok(typeof first === "object" && typeof second === "object");
  for (const each of [...open, first, second]) if (typeof each === "object") each.destroy();
});

test("connections that one worker keeps idle keep no other worker waiting", bounded, async () => {
  const fleet = new Fleet(2);
  const [hoarder, poor] = fleet.pools({ maxConnections: 4, maxWait: "1s" });
  assert.ok(hoarder && poor);
  const waiting = Array.from({ length: 5 }, () => ask(hoarder));
  fleet.talk();
  const open = await Promise.all(waiting.slice(0, 4).map(({ outcome }) => outcome));
  hoarder.cancel(waiting[4]!);
  for (const each of open) if (typeof each === "object") await exchange(each);
  assert.equal(hoarder.idleCount, 4);
  await new Promise((resolve) => setTimeout(resolve, 1050)); // as long as a contested one may be idle
  hoarder.sweep();
  assert.equal(hoarder.idleCount, 0);
  fleet.talk();
  const [first, second] = [ask(poor), ask(poor)];
  fleet.talk();
  assert.equal(typeof (await first.outcome), "object", "the first found no room");
  fleet.talk();
  assert.equal(typeof (await second.outcome), "object", "the second found no room");
});

test("what a worker that died had open, the others may open", bounded, async () => {
  const fleet = new Fleet(2);
  const [dying, living] = fleet.pools({ maxConnections: 4, maxWait: "1s" });
  assert.ok(dying && living);
  const all = Array.from({ length: 4 }, () => ask(dying));
  fleet.talk();
  await Promise.all(all.map(({ outcome }) => outcome));
  const own = Array.from({ length: 4 }, () => ask(living));
  fleet.talk();
  fleet.workers.delete(0);
  fleet.hub.forget(0);
  fleet.talk();
  const outcomes = await Promise.all(own.map(({ outcome }) => outcome));
  assert.deepEqual(
    outcomes.map((each) => typeof each),
    ["object", "object", "object", "object"],
  );
});

test("a lone worker has the whole limit, without a word", bounded, async () => {
  const fleet = new Fleet(1);
  const [pool] = fleet.pools({ maxConnections: 3 });
  assert.ok(pool);
  const open = await Promise.all([lease(pool), lease(pool), lease(pool)]);
  const next = ask(pool);
  assert.equal(pool.waitingCount, 1);
  open[0].destroy();
  const last = await next.outcome;
  assert.ok(typeof last === "object");
  for (const each of [...open, last]) each.destroy();
});
