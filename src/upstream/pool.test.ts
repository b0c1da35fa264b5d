import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBlackHole } from "../../test/harness/black-hole.ts";
import {
  ask,
  exchange,
  freedPort,
  lease,
  plainOrigin,
  type PlainOrigin,
} from "../../test/harness/upstream-sample.ts";
import { defaultBackendTls } from "../config/backend-tls-limits.ts";
import type { Backend, PoolSettings } from "../config/service.ts";
import { Tally } from "../lib/tally.ts";
import { Guests } from "../guest/guests.ts";
import { Deadline, Wheel } from "../lib/wheel.ts";
import { Caps } from "./caps.ts";
import type { BackendConnection } from "./backend-connection.ts";
import { UpstreamConnection } from "./http1.ts";
import { Pool } from "./pool.ts";

const wheel = new Wheel(5);
const limits = { headBytes: 4096, headerCount: 50, trailerBytes: 512 };
let origin: PlainOrigin;

before(async () => {
  origin = await plainOrigin();
});

after(() => origin[Symbol.asyncDispose]());

function backend(host = "127.0.0.1", port = origin.port): Backend {
  return {
    url: "x",
    protocol: "http",
    secure: false,
    address: { kind: "tcp", host, port },
    basePath: "",
    authority: "x",
    weight: 1,
    tier: 0,
  };
}

function settingsOf(settings: Partial<PoolSettings>): PoolSettings {
  return {
    maxConnections: 10,
    maxWaiting: 10,
    maxWait: 5000,
    maxIdle: 10,
    idleTimeout: 60_000,
    ...settings,
  };
}

function poolOf(
  settings: Partial<PoolSettings> = {},
  to = backend(),
  clock = wheel,
  caps = new Caps(new Tally()),
): Pool<BackendConnection> {
  return new Pool({
    service: "s",
    backend: to,
    settings: settingsOf(settings),
    tls: defaultBackendTls,
    wheel: clock,
    caps,
    bufferBytes: 65_536,
    guests: new Guests(),
    alpn: [],
    adopt: (socket, address, own) => new UpstreamConnection(socket, address, own, clock, limits),
  });
}

/** Connections in use or on their way, and whoever waits for one. */
function loadOf({ busyCount, waitingCount }: Pool<BackendConnection>): number {
  return busyCount + waitingCount;
}

/** Real time, during which the wheel turns as far as it has something to turn for. */
function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const bounded = { timeout: 10_000 };

test("a connection is opened, used, kept, and given out again", bounded, async () => {
  using pool = poolOf();
  assert.equal(pool.takeIdle(), undefined);
  const connection = await lease(pool);
  assert.deepEqual([pool.openCount, pool.idleCount, loadOf(pool)], [1, 0, 1]);
  await exchange(connection);
  assert.deepEqual([pool.openCount, pool.idleCount, loadOf(pool)], [1, 1, 0]);
  assert.equal(connection.served, 1);
  assert.equal(pool.takeIdle(), connection);
  assert.deepEqual([pool.openCount, pool.idleCount, loadOf(pool)], [1, 0, 1]);
  connection.destroy();
  assert.deepEqual([pool.openCount, loadOf(pool)], [0, 0]);
});

test("the connection that was given back last is taken first", bounded, async () => {
  using pool = poolOf();
  const [a, b, c] = await Promise.all([lease(pool), lease(pool), lease(pool)]);
  for (const each of [b, c, a]) await exchange(each);
  assert.deepEqual([pool.takeIdle(), pool.takeIdle(), pool.takeIdle()], [a, c, b]);
  for (const each of [a, b, c]) each.destroy();
});

test(
  "no more connections are open than allowed, and who waits longest is served first",
  bounded,
  async () => {
    using pool = poolOf({ maxConnections: 2 });
    const first = await lease(pool);
    const second = await lease(pool);
    const [third, fourth] = [ask(pool), ask(pool)];
    assert.deepEqual([pool.openCount, loadOf(pool)], [2, 4]);
    await exchange(second);
    assert.equal(await third.outcome, second);
    assert.equal(fourth.told, 0);
    // One that dies instead of coming back makes place for a new one.
    first.destroy();
    const replacement = await fourth.outcome;
    assert.ok(typeof replacement !== "string" && replacement !== first && replacement !== second);
    assert.equal(pool.openCount, 2);
    second.destroy();
    replacement.destroy();
    assert.equal(loadOf(pool), 0);
  },
);

test(
  "an idle connection makes room when a fresh one is asked for and all places are taken",
  bounded,
  async () => {
    using pool = poolOf({ maxConnections: 1 });
    const old = await lease(pool);
    await exchange(old);
    const fresh = await lease(pool);
    assert.notEqual(fresh, old);
    assert.equal(old.isOpen, false);
    assert.equal(pool.openCount, 1);
    fresh.destroy();
  },
);

test("the queue is bounded in length", bounded, async () => {
  using pool = poolOf({ maxConnections: 1, maxWaiting: 1 });
  const only = await lease(pool);
  const waiting = ask(pool);
  assert.equal(await ask(pool).outcome, "POOL_FULL");
  await exchange(only);
  assert.equal(await waiting.outcome, only);
  only.destroy();
});

test("the queue is bounded in time, and who gave up is not served later", bounded, async () => {
  using pool = poolOf({ maxConnections: 1, maxWait: 30 });
  const only = await lease(pool);
  const started = performance.now();
  const waiting = ask(pool);
  assert.equal(await waiting.outcome, "POOL_TIMEOUT");
  assert.ok(performance.now() - started >= 20);
  await exchange(only);
  assert.equal(waiting.told, 1);
  assert.deepEqual([pool.idleCount, loadOf(pool)], [1, 0]);
});

test(
  "a waiter that cancels is never told, and its connection is kept for the next",
  bounded,
  async () => {
    using pool = poolOf({ maxConnections: 1 });
    const gone = ask(pool);
    const next = ask(pool);
    pool.cancel(gone);
    const connection = await next.outcome;
    assert.ok(typeof connection !== "string");
    assert.equal(gone.told, 0);
    const queued = ask(pool);
    pool.cancel(queued);
    await exchange(connection);
    assert.equal(queued.told, 0);
    assert.deepEqual([pool.idleCount, loadOf(pool)], [1, 0]);
  },
);

test("more idle connections than allowed are closed", bounded, async () => {
  using pool = poolOf({ maxIdle: 1 });
  const [a, b] = await Promise.all([lease(pool), lease(pool)]);
  await exchange(a);
  await exchange(b);
  assert.deepEqual([pool.openCount, pool.idleCount], [1, 1]);
  assert.equal(b.isOpen, false);
});

test("a connection that the backend closes while idle is not given out", bounded, async () => {
  using pool = poolOf();
  await exchange(await lease(pool));
  assert.equal(pool.idleCount, 1);
  for (const socket of origin.sockets) socket.end();
  while (pool.openCount > 0) await new Promise(setImmediate);
  assert.equal(pool.takeIdle(), undefined);
  assert.equal(loadOf(pool), 0);
});

test("bytes that nobody asked for end an idle connection", bounded, async () => {
  using pool = poolOf();
  await exchange(await lease(pool));
  for (const socket of origin.sockets)
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  while (pool.openCount > 0) await new Promise(setImmediate);
  assert.equal(pool.takeIdle(), undefined);
});

test("sweeping closes what was idle for too long, and only that", bounded, async () => {
  using pool = poolOf({ idleTimeout: 40 });
  const [a, b] = await Promise.all([lease(pool), lease(pool)]);
  await exchange(a);
  pool.sweep();
  assert.equal(pool.idleCount, 1);
  const { promise, resolve } = Promise.withResolvers<void>();
  wheel.arm(new Deadline({ onDeadline: resolve }), 100);
  await promise;
  await exchange(b);
  pool.sweep();
  assert.deepEqual([a.isOpen, b.isOpen, pool.idleCount], [false, true, 1]);
});

test("idle connections grow old while nobody has a deadline", bounded, async () => {
  const quiet = new Wheel(5);
  using pool = poolOf({ idleTimeout: 40 }, backend(), quiet);
  // 0 = no timeout: nothing stands in this wheel, and so it does not turn.
  const connection = await lease(pool, 0);
  await exchange(connection, 0);
  assert.equal(quiet.size, 0);
  await passed(100);
  pool.sweep();
  assert.equal(connection.isOpen, false);
});

test(
  "a closed pool closes idle connections at once and the others when they come back",
  bounded,
  async () => {
    const pool = poolOf();
    const [a, b] = await Promise.all([lease(pool), lease(pool)]);
    await exchange(a);
    pool[Symbol.dispose]();
    assert.deepEqual([a.isOpen, b.isOpen], [false, true]);
    await exchange(b);
    assert.equal(b.isOpen, false);
    assert.equal(pool.openCount, 0);
  },
);

test("a closed pool still serves those that were promised a connection", bounded, async () => {
  const pool = poolOf({ maxConnections: 1 });
  const connecting = ask(pool);
  const waiting = ask(pool);
  pool[Symbol.dispose]();
  const connection = await connecting.outcome;
  assert.ok(typeof connection !== "string");
  await exchange(connection);
  assert.equal(await waiting.outcome, connection);
  await exchange(connection);
  assert.equal(pool.openCount, 0);
});

test("a closed pool does not wait long for who never accepts", bounded, async () => {
  await using hole = await startBlackHole();
  const pool = poolOf({}, backend("127.0.0.1", hole.port));
  const customer = ask(pool, 60_000);
  const startedAt = performance.now();
  pool[Symbol.dispose]();
  assert.equal(await customer.outcome, "CONNECT_TIMEOUT");
  assert.ok(performance.now() - startedAt < 10_000);
  assert.deepEqual([customer.told, loadOf(pool)], [1, 0]);
});

test("a connection that comes for nobody into a closed pool is closed", bounded, async () => {
  const pool = poolOf();
  pool.cancel(ask(pool));
  const gone = ask(pool);
  pool[Symbol.dispose]();
  pool.cancel(gone);
  while (loadOf(pool) > 0 || pool.openCount > 0) await new Promise(setImmediate);
  assert.deepEqual([gone.told, pool.openCount, pool.idleCount], [0, 0, 0]);
});

test("failures to connect are named, and free their place for the next", bounded, async () => {
  const port = await freedPort();
  using refused = poolOf({ maxConnections: 1 }, backend("127.0.0.1", port));
  const both = [ask(refused), ask(refused)];
  assert.deepEqual(await Promise.all(both.map((each) => each.outcome)), [
    "CONNECT_REFUSED",
    "CONNECT_REFUSED",
  ]);
  assert.equal(loadOf(refused), 0);
  using nameless = poolOf({}, backend("no-such-host.invalid"));
  assert.equal(await ask(nameless).outcome, "NAME_NOT_FOUND");
  assert.equal(loadOf(nameless), 0);
});

test(
  "a name is resolved before the first connection, and its connections are kept",
  bounded,
  async () => {
    using pool = poolOf({}, backend("localhost"));
    // "localhost" may lead to ::1 first, where nobody listens here.
    const outcomes = await Promise.all([ask(pool).outcome, ask(pool).outcome]);
    const connection = outcomes.find((each) => typeof each !== "string");
    assert.ok(typeof connection === "object", "neither was connected");
    await exchange(connection);
    assert.equal(pool.idleCount, 1);
  },
);

test("a raised limit lets those who wait go on at once, longest wait first", bounded, async () => {
  using pool = poolOf({ maxConnections: 1 });
  const first = await lease(pool);
  const waiting = [ask(pool), ask(pool), ask(pool)];
  pool.settings = settingsOf({ maxConnections: 3 });
  const [second, third] = await Promise.all(waiting.slice(0, 2).map((each) => each.outcome));
  assert.ok(typeof second === "object" && typeof third === "object");
  assert.deepEqual([pool.openCount, pool.waitingCount, waiting[2]?.told], [3, 1, 0]);
  pool.settings = settingsOf({ maxConnections: 0 });
  const fourth = await waiting[2]?.outcome;
  assert.ok(typeof fourth === "object", "0 is no limit");
  for (const each of [first, second, third, fourth]) each.destroy();
  assert.deepEqual([pool.openCount, loadOf(pool)], [0, 0]);
});

test(
  "with a lowered limit nothing is cut, and no more are opened than it says",
  bounded,
  async () => {
    const tally = new Tally();
    using pool = poolOf({ maxConnections: 3 }, backend(), wheel, new Caps(tally));
    const [a, b, c] = await Promise.all([lease(pool), lease(pool), lease(pool)]);
    pool.settings = settingsOf({ maxConnections: 1 });
    assert.deepEqual(
      [a, b, c].map((each) => each.isOpen),
      [true, true, true],
    );
    const next = ask(pool);
    a.destroy();
    b.destroy();
    assert.deepEqual([pool.openCount, next.told], [1, 0]);
    c.destroy();
    const fresh = await next.outcome;
    assert.ok(typeof fresh === "object");
    assert.deepEqual([pool.openCount, tally.countOf(pool.capKey)], [1, 1]);
    fresh.destroy();
    assert.equal(tally.countOf(pool.capKey), 0, "nothing stays counted");
  },
);

test("limits may change back and forth without a place being lost or gained", bounded, async () => {
  const tally = new Tally();
  using pool = poolOf({ maxConnections: 4 }, backend(), wheel, new Caps(tally));
  const open = await Promise.all([lease(pool), lease(pool), lease(pool)]);
  for (const maxConnections of [1, 0, 2, 3, 0, 1, 5]) {
    pool.settings = settingsOf({ maxConnections });
    const counted = maxConnections === 0 ? 0 : Math.min(3, maxConnections);
    assert.equal(tally.countOf(pool.capKey), counted, `${maxConnections}`);
  }
  for (const each of open) each.destroy();
  assert.equal(tally.countOf(pool.capKey), 0);
  const five = await Promise.all(Array.from({ length: 5 }, () => lease(pool)));
  const sixth = ask(pool);
  assert.deepEqual([pool.openCount, pool.waitingCount], [5, 1]);
  pool.cancel(sixth);
  for (const each of five) each.destroy();
});

test("who waits for a time limit of 0 waits until there is a connection", bounded, async () => {
  using pool = poolOf({ maxConnections: 1, maxWait: 0 });
  const only = await lease(pool);
  const waiting = ask(pool);
  await passed(60);
  assert.equal(waiting.told, 0);
  await exchange(only);
  assert.equal(await waiting.outcome, only);
  only.destroy();
});

test(
  "whoever leaves the queue makes room in it, and the order of the others stays",
  bounded,
  async () => {
    using pool = poolOf({ maxConnections: 1, maxWaiting: 3 });
    const only = await lease(pool);
    const [first, second, third] = [ask(pool), ask(pool), ask(pool)];
    assert.equal(await ask(pool).outcome, "POOL_FULL");
    pool.cancel(second);
    pool.cancel(second);
    const fourth = ask(pool);
    for (const each of [first, third, fourth]) {
      await exchange(only);
      assert.equal(await each.outcome, only);
    }
    assert.deepEqual([second.told, pool.waitingCount], [0, 0]);
    only.destroy();
  },
);
