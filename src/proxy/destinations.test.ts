import assert from "node:assert/strict";
import { test } from "node:test";
import {
  askerOf,
  exchange,
  lease,
  optionsOf,
  plainOrigin,
  snapshotOf,
} from "../../test/harness/upstream-sample.ts";
import type { Snapshot } from "../config/snapshot.ts";
import { LiveService } from "../upstream/live-service.ts";
import { Destinations } from "./destinations.ts";

const bounded = { timeout: 10_000 };
const a = "http://127.0.0.1:1";
const b = "http://127.0.0.1:2";
const nothing = { backends: [], services: [], marks: [] };

function destinations(): Destinations {
  const { wheel, caps, onMark, onSession, onWanted } = optionsOf();
  return new Destinations({ wheel, caps, onMark, onSession, onWanted });
}

function take(all: Destinations, services: object, more: Partial<Snapshot> = {}): void {
  all.commit(all.prepare({ ...snapshotOf({ services }), ...more }));
}

function liveIn(all: Destinations, name: string): LiveService {
  const found = all.get(name);
  assert.ok(found instanceof LiveService, name);
  return found;
}

test("what a service is in the next snapshot it becomes in place, and what is gone is disposed of", () => {
  using all = destinations();
  take(all, { a, b, both: { failover: ["a", "b"] } });
  const [first, second] = [liveIn(all, "a"), liveIn(all, "b")];
  assert.deepEqual(all.services, [first, second]);
  take(all, { a: { backends: [a], retry: { attempts: 4 } } });
  assert.equal(all.get("a"), first);
  assert.equal(first.settings.retry.attempts, 4);
  assert.deepEqual([first.isDisposed, second.isDisposed], [false, true]);
  assert.deepEqual([all.get("b"), all.get("both")], [undefined, undefined]);
});

test("what a given-up backend or service still carries is told of until it ends", () => {
  using all = destinations();
  const inFlight = () =>
    all.loads.flatMap(({ backends }) => backends.map((each) => [each.backend, each.inFlight]));
  take(all, { a });
  const [first] = liveIn(all, "a").backends;
  first?.enter();
  take(all, { a: b });
  take(all, { a });
  // A tunnel of before its container was unwell for a moment.
  assert.deepEqual(inFlight(), [
    [a, 0],
    [a, 1],
  ]);
  first?.leave();
  assert.deepEqual(inFlight(), [[a, 0]]);
  const [second] = liveIn(all, "a").backends;
  second?.enter();
  take(all, { b });
  assert.deepEqual(inFlight(), [[a, 1]]);
  second?.leave();
  assert.deepEqual(inFlight(), []);
});

test(
  "what is prepared touches nothing that serves, and undone leaves nothing behind",
  bounded,
  async () => {
    await using origin = await plainOrigin();
    using all = destinations();
    take(all, { a: origin.url, b, group: { failover: ["a", "b"] } });
    const service = liveIn(all, "a");
    const [group, { settings }] = [all.get("group"), service];
    await exchange(await lease(service.backends[0]!.pool));
    const changed = { backends: [b], retry: { attempts: 4 } };
    const next = snapshotOf({ services: { a: changed, b, c: b, group: { failover: ["c", "a"] } } });
    const prepared = all.prepare(next);
    const fresh = prepared.find("c");
    assert.ok(fresh instanceof LiveService);
    assert.equal(prepared.find("a"), service);
    assert.deepEqual([all.get("a"), all.get("group"), all.get("c")], [service, group, undefined]);
    assert.equal(service.settings, settings);
    all.undo(prepared);
    assert.deepEqual([fresh.isDisposed, service.isDisposed], [true, false]);
    assert.equal(service.backends[0]?.pool.idleCount, 1);
    all.commit(all.prepare(next));
    assert.equal(service.settings.retry.attempts, 4);
    assert.notEqual(all.get("group"), group);
  },
);

test("services that lead in a circle or nowhere are refused, with nothing changed", () => {
  using all = destinations();
  take(all, { a });
  const service = liveIn(all, "a");
  // What no reading lets through.
  const base = snapshotOf({
    services: { a, x: { failover: ["a", "b"] }, y: { failover: ["x", "b"] }, b },
  });
  const x = base.services.get("x");
  assert.ok(x?.kind === "failover");
  const withX = (services: readonly string[]) => {
    return {
      ...base,
      services: new Map([
        ["new", { ...base.services.get("a")!, name: "new" }],
        ...base.services,
        ["x", { ...x, services }],
      ]),
    };
  };
  assert.throws(() => all.prepare(withX(["a", "y"])), /the service x leads back to itself/);
  assert.throws(() => all.prepare(withX(["x"])), /the service x leads back to itself/);
  assert.throws(() => all.prepare(withX(["nobody"])), /there is no service nobody/);
  assert.throws(() => all.prepare(withX(["toString"])), /there is no service toString/);
  assert.deepEqual([all.get("a"), service.isDisposed], [service, false]);
  assert.equal(all.get("new"), undefined);
});

test("a group stays the same object while neither it nor what it is made of is another one", () => {
  using all = destinations();
  const group = { split: { a: 1, b: 3 }, sticky: true };
  const outer = { failover: ["group", "b"] };
  take(all, { a, b, group, outer });
  const before = [all.get("group"), all.get("outer")];
  const now = () => [all.get("group"), all.get("outer")];
  take(all, { a: b, b: { backends: [a], retry: { attempts: 7 } }, group, outer });
  assert.deepEqual(now(), before, "its parts changed in place");
  take(all, { a, b, group: { ...group, split: { a: 1, b: 4 } }, outer });
  assert.notEqual(all.get("group"), before[0]);
  assert.notEqual(all.get("outer"), before[1], "it is made of another group now");
});

test("a service that becomes a group, or a group a service, is another one for all it is part of", () => {
  using all = destinations();
  take(all, { a, b, both: { failover: ["a", "b"] } });
  const [service, both] = [liveIn(all, "a"), all.get("both")];
  take(all, { a: { failover: ["b", "c"] }, b, c: b, both: { failover: ["a", "b"] } });
  assert.equal(service.isDisposed, true);
  assert.notEqual(all.get("both"), both);
  assert.equal(all.get("both")?.choose(askerOf()), all.get("b"));
  take(all, { a, b, both: { failover: ["a", "b"] } });
  assert.equal(all.get("both")?.choose(askerOf()), all.get("a"));
  assert.equal(liveIn(all, "a").isDisposed, false);
});

test(
  "other limits make all services anew, and the old ones finish what they have",
  bounded,
  async () => {
    await using origin = await plainOrigin();
    using all = destinations();
    take(all, { a: origin.url });
    const old = liveIn(all, "a");
    const busy = await lease(old.backends[0]!.pool);
    const { limits } = snapshotOf({});
    take(all, { a: origin.url }, { limits: { ...limits, responseHeadBytes: 2048 } });
    assert.notEqual(all.get("a"), old);
    assert.equal(old.isDisposed, true);
    await exchange(busy);
    assert.equal(old.backends[0]?.pool.openCount, 0);
  },
);

test("states reach the services of now, also those that came before the service or outlive it", () => {
  using all = destinations();
  const down = { service: "a", backend: a, health: "down", isDraining: false } as const;
  all.replaceStates({ ...nothing, backends: [down] });
  take(all, { a: { backends: [a], whenAllDown: "refuse" } });
  assert.equal(all.get("a")?.isUp, false);
  const { limits } = snapshotOf({});
  const other = { limits: { ...limits, headerCount: 70 } };
  take(all, { a: { backends: [a], whenAllDown: "refuse" } }, other);
  assert.equal(all.get("a")?.isUp, false, "it was made anew");
  all.learn({ ...nothing, backends: [{ ...down, health: "up" }] });
  assert.equal(all.get("a")?.isUp, true, "the new one is told");
  take(all, {}, other);
  all.learn({ ...nothing, backends: [down] });
  take(all, { a: { backends: [a], whenAllDown: "refuse" } }, other);
  assert.equal(all.get("a")?.isUp, false);
});

test("a service whose first backends were never asked for takes over other ones", () => {
  using all = destinations();
  take(all, { a });
  take(all, { a: b });
  assert.deepEqual(
    liveIn(all, "a").backends.map(({ url }) => url),
    [b],
  );
});

test("a session told by another worker is for a service with backends, if it is still there", () => {
  using all = destinations();
  const sticky = { backends: [a, b], sticky: { session: "header:X-Session" } };
  take(all, { a: sticky, b, group: { failover: ["a", "b"] } });
  const asker = askerOf({ headers: { "x-session": "1" } });
  for (const url of [a, b]) {
    all.takeSession("a", "1", url);
    all.takeSession("group", "1", b);
    all.takeSession("gone", "1", b);
    assert.equal(liveIn(all, "a").pick(asker, null)?.url, url);
  }
});

test("cookies of a service that is sticky only since a reload are made with the secret", () => {
  const sticky = { a: { backends: [a, b], sticky: true } };
  const lineOf = (all: Destinations) => {
    const service = liveIn(all, "a");
    return service.sessionLine(askerOf(), service, service.backends[0], false);
  };
  using fresh = destinations();
  take(fresh, sticky, { secret: "c0ffee" });
  using reloaded = destinations();
  // As long as nobody needs one there is no secret.
  take(reloaded, { a: { backends: [a, b] } }, { secret: "" });
  assert.equal(lineOf(reloaded), "");
  take(reloaded, sticky, { secret: "c0ffee" });
  assert.equal(lineOf(reloaded), lineOf(fresh));
});
