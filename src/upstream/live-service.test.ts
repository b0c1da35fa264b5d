import assert from "node:assert/strict";
import { setTimeout as passed } from "node:timers/promises";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import {
  ask,
  askerOf,
  exchange,
  freedPort,
  lease,
  type Options,
  optionsOf,
  plainOrigin,
  serviceOf,
} from "../../test/harness/upstream-sample.ts";
import type { Held } from "./hold-queue.ts";
import type { LiveBackend } from "./live-backend.ts";
import { LiveService } from "./live-service.ts";

const bounded = { timeout: 10_000 };
const nothing = { backends: [], services: [], marks: [] };
const urlOf = (n: number) => `http://127.0.0.1:${n}`;
const [a, b, c] = [urlOf(1), urlOf(2), urlOf(3)];

function liveOf(settings: object | readonly string[], options = optionsOf()): LiveService {
  const service = new LiveService(serviceOf(settings), options);
  options.states.join("s", service);
  return service;
}

/** URLs that so many picks give, in the order of their first pick. */
function picked(service: LiveService, count = 40): string[] {
  const urls = Array.from({ length: count }, () => service.pick(askerOf(), null)?.url ?? "nobody");
  return [...new Set(urls)].sort();
}

function backendOf(service: LiveService, url: string): LiveBackend {
  const found = service.backends.find((each) => each.url === url);
  assert.ok(found, url);
  return found;
}

function kill(service: LiveService, ...urls: readonly string[]): void {
  for (const url of urls) backendOf(service, url).connectFailed("CONNECT_REFUSED");
}

/** What checks and operators say of one backend. */
function tell({ states }: Options, url: string, health: "up" | "down", isDraining = false): void {
  const state = { service: "s", backend: url, health, isDraining };
  states.learn({ ...nothing, backends: [state] });
}

function pause({ states }: Options, isPaused: boolean): void {
  states.learn({ ...nothing, services: [{ service: "s", isPaused, isInMaintenance: false }] });
}

/** Waits in the queue of a service; notes how that ended, and when it did among the others. */
function heldIn(service: LiveService, name: string, ended: string[], ms = 5000) {
  const held: Held = {
    onReleased: () => void ended.push(name),
    onHeldTooLong: () => void ended.push(`${name} was too late`),
  };
  return service.hold(held, ms);
}

test("a service's pools are the same from its first request to its end", bounded, async () => {
  await using origin = await plainOrigin();
  using service = liveOf([origin.url]);
  service.sweep();
  assert.deepEqual(service.loadRow.backends, [], "nothing is made before somebody asks");
  const first = service.pick(askerOf(), null);
  assert.ok(first);
  await exchange(await lease(first.pool));
  assert.equal(service.backends[0]?.pool.idleCount, 1);
  assert.equal(service.pick(askerOf(), null), first);
});

for (const when of ["before", "after"]) {
  const name = `a service first asked ${when} it was disposed of keeps no connection then`;
  test(name, bounded, async () => {
    await using origin = await plainOrigin();
    using service = liveOf([origin.url]);
    if (when === "before") assert.equal(service.backends.length, 1);
    service[Symbol.dispose]();
    const backend = service.pick(askerOf(), null);
    assert.ok(backend);
    await exchange(await lease(backend.pool));
    assert.deepEqual([backend.pool.openCount, backend.pool.idleCount], [0, 0]);
  });
}

test("a higher tier is used while nobody of a lower one is up, and no longer", () => {
  const options = optionsOf();
  using service = liveOf({ backends: [a, { url: b, tier: 1 }, { url: c, tier: 5 }] }, options);
  assert.deepEqual(picked(service), [a]);
  tell(options, a, "down");
  assert.deepEqual(picked(service), [b]);
  kill(service, b);
  assert.deepEqual(picked(service), [c]);
  tell(options, a, "up");
  assert.deepEqual(picked(service), [a]);
});

test("down, dead, draining and weightless backends get nothing while another one is up", () => {
  const options = optionsOf();
  const weightless = { url: urlOf(5), weight: 0 };
  using service = liveOf({ backends: [a, b, c, urlOf(4), weightless] }, options);
  assert.deepEqual(picked(service), [a, b, c, urlOf(4)]);
  tell(options, a, "down");
  kill(service, b);
  tell(options, c, "up", true);
  assert.deepEqual(picked(service), [urlOf(4)]);
  assert.equal(service.isUp, true);
});

test("when nobody is up all are tried, draining ones last and weightless ones never", () => {
  const options = optionsOf();
  using service = liveOf({ backends: [a, b, { url: c, weight: 0 }] }, options);
  tell(options, a, "down");
  kill(service, b);
  assert.deepEqual([service.isUp, picked(service)], [false, [a, b]]);
  tell(options, b, "up", true);
  assert.deepEqual(picked(service), [a], "one that is down is better than one on its way out");
  tell(options, a, "up", true);
  assert.deepEqual(picked(service), [a, b]);
});

test("when nobody is up nobody is tried where it says so, or where exchanges wait", () => {
  for (const settings of [{ whenAllDown: "refuse" }, { holdFor: "5s" }]) {
    const options = optionsOf();
    using service = liveOf({ backends: [a, b], ...settings }, options);
    kill(service, a, b);
    assert.deepEqual(picked(service), ["nobody"]);
    backendOf(service, a).takeMark({ kind: "alive", service: "s", backend: a });
    assert.deepEqual(picked(service), [a]);
  }
});

test("those that were tried are not picked again, and nobody is when none is left", () => {
  using service = liveOf([a, b, c]);
  const tried: LiveBackend[] = [];
  for (let count = 0; count < 3; count++) {
    const next = service.pick(askerOf(), tried);
    assert.ok(next !== undefined && !tried.includes(next));
    tried.push(next);
  }
  assert.equal(service.pick(askerOf(), tried), undefined);
  using lone = liveOf([a]);
  const only = lone.pick(askerOf(), null);
  assert.ok(only);
  assert.equal(lone.pick(askerOf(), [only]), undefined);
});

test("a mark is told once to the others, and what they tell is believed", () => {
  const options = optionsOf();
  using service = liveOf([a, b], options);
  kill(service, a);
  assert.deepEqual(
    options.marks.map(({ kind, backend }) => [kind, backend]),
    [["dead", a]],
  );
  const mark = {
    kind: "dead",
    service: "s",
    backend: b,
    for: 9000,
    why: "x",
    isUnreachable: false,
  } as const;
  options.states.learn({ ...nothing, marks: [mark, { ...mark, backend: "http://gone" }] });
  assert.equal(service.isUp, false);
  options.states.learn({ ...nothing, marks: [{ kind: "alive", service: "s", backend: b }] });
  assert.deepEqual(picked(service), [b]);
  assert.equal(options.marks.length, 1);
});

test("what was known before the first request holds for it", () => {
  const options = optionsOf();
  tell(options, a, "down");
  using service = liveOf([a, b], options);
  assert.deepEqual(picked(service), [b]);
});

test("a client with our cookie stays with its backend, wherever others go", () => {
  const options = optionsOf();
  using service = liveOf({ backends: [a, b, c], sticky: true }, options);
  const asker = askerOf();
  const first = service.pick(asker, null);
  const line = service.sessionLine(asker, service, first, false);
  assert.match(line, /^Set-Cookie: tidegate=[\w-]{16}; Path=\/; .*\r\n$/);
  const cookie = /tidegate=[\w-]+/.exec(line)?.[0] ?? "";
  const back = askerOf({ headers: { cookie } });
  for (let count = 0; count < 20; count++) assert.equal(service.pick(back, null), first);
  assert.equal(service.sessionLine(back, service, first, false), "", "it has it already");
  assert.ok(first);
  tell(options, first.url, "up", true);
  assert.equal(service.pick(back, null), first, "a draining one keeps its sessions");
  tell(options, first.url, "down");
  const second = service.pick(back, null);
  assert.ok(second !== undefined && second !== first);
  assert.match(service.sessionLine(back, service, second, false), /^Set-Cookie: /);
  assert.deepEqual(
    picked(service),
    [a, b, c].filter((url) => url !== first.url),
  );
});

test("an application's session is learned, told to other workers, and forgotten with its backend", () => {
  const [here, there] = [optionsOf(), optionsOf()];
  const settings = { backends: [a, b, c], sticky: { session: "header:X-Session" } };
  using one = liveOf(settings, here);
  using other = liveOf(settings, there);
  const asker = askerOf({ headers: { "x-session": "4711" } });
  const placed = one.pick(asker, null);
  assert.ok(placed);
  assert.equal(other.pick(asker, null)?.url, placed.url, "unknown ones are placed alike");
  const elsewhere = one.backends.find((each) => each !== placed);
  assert.ok(elsewhere);
  const answer = { get: (name: string) => (name === "x-session" ? "4711" : undefined) } as never;
  one.learn(answer, elsewhere);
  assert.deepEqual(here.sessions, [["s", "4711", elsewhere.url]]);
  assert.equal(one.pick(asker, null), elsewhere);
  other.takeSession("4711", elsewhere.url);
  other.takeSession("4712", "http://gone");
  assert.equal(other.pick(asker, null)?.url, elsewhere.url);
  assert.deepEqual(there.sessions, [], "what is told is not told back");
  const left = [a, b, c].filter((url) => url !== elsewhere.url);
  other.update(serviceOf({ ...settings, backends: left }));
  const after = other.pick(asker, null);
  assert.ok(after !== undefined && left.includes(after.url));
});

test(
  "other settings keep connections, turns and marks of the backends that stay",
  bounded,
  async () => {
    await using origin = await plainOrigin();
    await using second = await plainOrigin();
    using service = liveOf({ backends: [origin.url, b], pool: { maxConnections: 1 } });
    const first = backendOf(service, origin.url);
    const connection = await lease(first.pool);
    const waiting = ask(first.pool);
    kill(service, b);
    const dead = backendOf(service, b);
    service.update(
      serviceOf({
        backends: [second.url, { url: b, weight: 3 }, { url: origin.url, weight: 7 }],
        pool: { maxConnections: 1 },
        balance: "round-robin",
        retry: { attempts: 5 },
      }),
    );
    assert.equal(backendOf(service, origin.url), first);
    assert.equal(first.weight, 7);
    assert.equal(backendOf(service, b), dead);
    assert.equal(dead.isDead, true);
    assert.deepEqual(picked(service), [origin.url, second.url].sort());
    assert.equal(service.settings.retry.attempts, 5);
    await exchange(connection);
    assert.equal(await waiting.outcome, connection, "who waited still does");
    await exchange(connection);
    assert.equal(first.pool.idleCount, 1);
  },
);

test("more connections allowed by an update are there for those who wait", bounded, async () => {
  await using origin = await plainOrigin();
  const settings = { backends: [origin.url], pool: { maxConnections: 1 } };
  using service = liveOf(settings);
  const { pool } = backendOf(service, origin.url);
  const only = await lease(pool);
  const waiting = ask(pool);
  service.update(serviceOf({ ...settings, pool: { maxConnections: 2 } }));
  const second = await waiting.outcome;
  assert.ok(typeof second === "object" && second !== only);
  for (const each of [only, second]) each.destroy();
});

test(
  "a backend that goes, or is reached in another way, lets its connections end",
  bounded,
  async () => {
    await using origin = await plainOrigin();
    using service = liveOf([origin.url, b]);
    const before = backendOf(service, origin.url);
    await exchange(await lease(before.pool));
    const busy = await lease(before.pool);
    service.update(serviceOf({ backends: [origin.url, b], tls: { serverName: "x" } }));
    const other = backendOf(service, origin.url);
    assert.notEqual(other, before);
    assert.equal(before.pool.idleCount, 0);
    await exchange(busy);
    assert.equal(before.pool.openCount, 0, "it finished what it had");
    service.update(serviceOf([b]));
    assert.deepEqual(picked(service), [b]);
  },
);

test("with slow start a new backend begins with little, those of the beginning with all", () => {
  const settings = { backends: [a, b], slowStart: "10s", balance: "round-robin" };
  using service = liveOf(settings);
  const share = (url: string) => {
    const all = Array.from({ length: 420 }, () => service.pick(askerOf(), null)?.url);
    return all.filter((each) => each === url).length;
  };
  assert.equal(share(a), 210);
  service.update(serviceOf({ ...settings, backends: [a, b, c] }));
  const fresh = share(c);
  assert.ok(fresh >= 5 && fresh <= 25, `${fresh} of 420 for the new one`);
  service.update(serviceOf({ ...settings, backends: [a, b, c], slowStart: 0 }));
  assert.equal(share(c), 140);
});

test("those held go on in order when a backend is up again: by a mark, a check or an update", () => {
  const revivals: Readonly<Record<string, (service: LiveService, options: Options) => void>> = {
    mark: (_, { states }) =>
      states.learn({ ...nothing, marks: [{ kind: "alive", service: "s", backend: a }] }),
    check(service, options) {
      tell(options, a, "down");
      backendOf(service, a).takeMark({ kind: "alive", service: "s", backend: a });
      tell(options, a, "up");
    },
    update: (service) => service.update(serviceOf({ backends: [a, b], holdFor: "5s" })),
  };
  for (const [what, revive] of Object.entries(revivals)) {
    const options = optionsOf();
    using service = liveOf({ backends: [a], holdFor: "5s" }, options);
    kill(service, a);
    const ended: string[] = [];
    for (const name of ["first", "second", "third"]) assert.ok(heldIn(service, name, ended));
    assert.equal(service.loadRow.held, 3);
    revive(service, options);
    assert.deepEqual(ended, ["first", "second", "third"], what);
    assert.equal(service.loadRow.held, 0);
  }
});

test(
  "those held go on when a dead one's time is over, and the next only when it did well",
  bounded,
  async () => {
    using service = liveOf({ backends: [a], holdFor: "5s", passive: { deadFor: "100ms" } });
    kill(service, a);
    const ended: string[] = [];
    heldIn(service, "first", ended);
    await eventually("the end of the mark", () => ended[0]);
    const backend = service.pick(askerOf(), null);
    assert.equal(backend?.url, a);
    backend?.enter();
    assert.equal(service.isUp, false, "one is tried, and nobody else meanwhile");
    heldIn(service, "second", ended);
    assert.deepEqual(ended, ["first"]);
    backend?.judge(true, 1, "");
    assert.deepEqual(ended, ["first", "second"]);
  },
);

test(
  "no more are held than allowed, each no longer than it may, and whoever leaves makes room",
  bounded,
  async () => {
    using service = liveOf({ backends: [a], holdFor: "5s", maxHeld: 2 });
    kill(service, a);
    const ended: string[] = [];
    const first = heldIn(service, "first", ended);
    heldIn(service, "second", ended, 30);
    assert.equal(heldIn(service, "third", ended), undefined);
    assert.ok(first);
    service.cancelHold(first);
    assert.ok(heldIn(service, "fourth", ended));
    await eventually("the end of the wait", () => ended[0]);
    assert.deepEqual(ended, ["second was too late"]);
    service.update(serviceOf({ backends: [a], holdFor: "5s", maxHeld: 1 }));
    assert.equal(heldIn(service, "fifth", ended), undefined);
    assert.equal(service.loadRow.held, 1);
  },
);

test(
  "while somebody waits it is tried whether the backend accepts connections again",
  bounded,
  async () => {
    const port = await freedPort();
    const options = optionsOf();
    using service = liveOf({ backends: [urlOf(port)], holdFor: "9s" }, options);
    kill(service, urlOf(port));
    const ended: string[] = [];
    heldIn(service, "first", ended);
    await passed(400);
    assert.deepEqual(ended, [], "nobody listens yet");
    await using _ = await plainOrigin(port);
    await eventually("it to go on", () => ended[0], 2000);
    assert.deepEqual(
      options.marks.map(({ kind }) => kind),
      ["dead", "alive"],
    );
    const { pool } = backendOf(service, urlOf(port));
    assert.equal(pool.idleCount, 1, "the connection is kept for whoever waited");
  },
);

test("it is tried too when another worker found that nobody listens", bounded, async () => {
  const port = await freedPort();
  const options = optionsOf();
  using service = liveOf({ backends: [urlOf(port)], holdFor: "9s" }, options);
  assert.equal(service.isUp, true);
  const mark = { kind: "dead", service: "s", backend: urlOf(port), for: 60_000 } as const;
  options.states.learn({
    ...nothing,
    marks: [{ ...mark, why: "It refused.", isUnreachable: true }],
  });
  const ended: string[] = [];
  heldIn(service, "first", ended);
  await using _ = await plainOrigin(port);
  await eventually("it to go on", () => ended[0], 2000);
});

test("a pause holds until it ends, and then lets all go on in order, also when nobody is up", () => {
  for (const isUp of [true, false]) {
    const options = optionsOf();
    using service = liveOf([a], options);
    pause(options, true);
    assert.equal(service.isPaused, true);
    const ended: string[] = [];
    heldIn(service, "first", ended);
    heldIn(service, "second", ended);
    kill(service, a);
    if (isUp) backendOf(service, a).takeMark({ kind: "alive", service: "s", backend: a });
    assert.deepEqual(ended, [], "a backend that comes back ends no pause");
    pause(options, false);
    assert.deepEqual(ended, ["first", "second"], `up: ${isUp}`);
  }
});

test("who waits for a service that is gone is let go, to find that out", () => {
  const service = liveOf({ backends: [a], holdFor: "5s" });
  kill(service, a);
  const ended: string[] = [];
  heldIn(service, "first", ended);
  service[Symbol.dispose]();
  assert.deepEqual(ended, ["first"]);
  assert.equal(service.isDisposed, true);
});

test("an operator's maintenance is that of the configuration, where there is one", () => {
  const options = optionsOf();
  using plain = liveOf([a], options);
  const allowed = () => plain.maintenance?.allow;
  assert.equal(allowed(), undefined);
  const state = { service: "s", isPaused: false, isInMaintenance: true };
  options.states.learn({ ...nothing, services: [state] });
  assert.deepEqual(allowed(), []);
  plain.update(serviceOf({ backends: [a], maintenance: { allow: ["10.0.0.0/8"] } }));
  assert.deepEqual(allowed(), ["10.0.0.0/8"]);
});

test("what came of exchanges is counted: no answer and 5xx have failed", () => {
  using service = liveOf([a]);
  for (const status of [200, 404, 500, 503, 0]) service.record(status, 1);
  assert.deepEqual(service.outcomes, { service: "s", answered: 5, failed: 3 });
});

test("a breaker that opens admits nobody, and an update without one admits all", () => {
  using service = liveOf({ backends: [a], breaker: "NetworkErrorRatio() > 0.30" });
  assert.equal(service.isAdmitting, true);
  for (let count = 0; count < 50; count++) service.record(0, 1);
  const until = performance.now() + 3000;
  while (service.isAdmitting && performance.now() < until) service.record(0, 1);
  assert.equal(service.isAdmitting, false);
  assert.equal(service.loadRow.breaker, "open");
  service.update(serviceOf([a]));
  assert.equal(service.isAdmitting, true);
  assert.equal(service.loadRow.breaker, undefined);
});
