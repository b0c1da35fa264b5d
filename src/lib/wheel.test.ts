import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Deadline, Wheel } from "./wheel.ts";

const tickMs = 50;

/** A wheel whose ticks come when the test says so, after as long a time as it says. */
class Driven implements Disposable {
  readonly wheel = new Wheel(tickMs);
  time = 1000;
  /** What was told, and after how long. */
  readonly told: [name: string, ms: number][] = [];
  readonly #clock = mock.method(performance, "now", () => this.time);

  constructor() {
    mock.timers.enable({ apis: ["setInterval"] });
  }

  deadline(name: string, then?: () => void): Deadline {
    return new Deadline({
      onDeadline: () => {
        this.told.push([name, this.time - 1000]);
        then?.();
      },
    });
  }

  /** One tick, `ms` after the one before. */
  tick(ms = tickMs): void {
    this.time += ms;
    mock.timers.tick(tickMs);
  }

  run(ms: number): void {
    const end = this.time + ms;
    while (this.time < end) this.tick();
  }

  [Symbol.dispose](): void {
    this.#clock.mock.restore();
    mock.timers.reset();
  }
}

/** Asserts that one deadline was told within two ticks behind its time, and not before it. */
function assertOnTime(told: readonly [string, number][], name: string, ms: number): void {
  const times = told.filter(([each]) => each === name).map(([, at]) => at);
  assert.equal(times.length, 1, `${name} was told ${times.length} times`);
  const [at = 0] = times;
  assert.ok(at >= ms && at <= ms + 2 * tickMs, `${name} was told after ${at} ms instead of ${ms}`);
}

test("a deadline is told once, up to two ticks late and never early", () => {
  using driven = new Driven();
  const times = [1, 49, 50, 51, 100, 999, 12_345];
  for (const ms of times) driven.wheel.arm(driven.deadline(`${ms}`), ms);
  driven.run(20_000);
  for (const ms of times) assertOnTime(driven.told, `${ms}`, ms);
  assert.equal(driven.told.length, times.length);
  assert.equal(driven.wheel.size, 0);
});

test("a deadline further away than the wheel reaches comes when it is due", () => {
  using driven = new Driven();
  // 1024 slots of 50 ms reach 51 s.
  const times = [51_000, 51_150, 51_200, 51_250, 75_000, 102_350, 200_000];
  for (const ms of times) driven.wheel.arm(driven.deadline(`${ms}`), ms);
  driven.run(201_000);
  for (const ms of times) assertOnTime(driven.told, `${ms}`, ms);
  assert.equal(driven.wheel.size, 0);
});

test("armed again before its time it is told at the new time only, later or earlier", () => {
  using driven = new Driven();
  const later = driven.deadline("later");
  const earlier = driven.deadline("earlier");
  const both = driven.deadline("both");
  driven.wheel.arm(later, 1000);
  driven.wheel.arm(earlier, 5000);
  driven.wheel.arm(both, 2000);
  driven.run(500);
  driven.wheel.arm(later, 3000);
  driven.wheel.arm(earlier, 200);
  driven.wheel.arm(both, 100);
  driven.wheel.arm(both, 4000);
  driven.run(10_000);
  assertOnTime(driven.told, "later", 3500);
  assertOnTime(driven.told, "earlier", 700);
  assertOnTime(driven.told, "both", 4500);
});

test("disarmed it is not told, and can be armed again", () => {
  using driven = new Driven();
  const deadline = driven.deadline("a");
  driven.wheel.arm(deadline, 500);
  driven.run(100);
  driven.wheel.disarm(deadline);
  driven.run(1000);
  assert.deepEqual(driven.told, []);
  driven.wheel.arm(deadline, 500);
  driven.run(200);
  driven.wheel.arm(deadline, 0);
  driven.run(1000);
  assert.deepEqual(driven.told, [], "0 ms must mean never");
  driven.wheel.arm(deadline, 300);
  driven.run(2000);
  assertOnTime(driven.told, "a", 2600 - 300 + 300);
});

test("released it forgets its owner and leaves the wheel at once", () => {
  using driven = new Driven();
  const deadline = driven.deadline("a");
  driven.wheel.arm(deadline, 500);
  driven.wheel.release(deadline);
  assert.equal(deadline.owner, null);
  assert.equal(driven.wheel.size, 0);
  driven.run(1000);
  assert.deepEqual(driven.told, []);
});

test("released ones leave gaps that the others close", () => {
  using driven = new Driven();
  const names = ["a", "b", "c", "d", "e"];
  const all = names.map((name) => driven.deadline(name));
  for (const each of all) driven.wheel.arm(each, 500);
  // One in the middle, the one that took its place, the last, the first.
  for (const index of [1, 4, 3, 0]) driven.wheel.release(all[index] as Deadline);
  assert.equal(driven.wheel.size, 1);
  driven.run(1000);
  assert.deepEqual(
    driven.told.map(([name]) => name),
    ["c"],
  );
  assert.equal(driven.wheel.size, 0);
});

test("an owner may arm its deadline again when it is told", () => {
  using driven = new Driven();
  let left = 3;
  const deadline: Deadline = driven.deadline("again", () => {
    if (--left > 0) driven.wheel.arm(deadline, 200);
  });
  driven.wheel.arm(deadline, 200);
  driven.run(3000);
  assert.equal(driven.told.length, 3);
  for (const [index, [, at]] of driven.told.entries()) assert.ok(at >= 200 * (index + 1), `${at}`);
});

test("a deadline that one owner arms or releases while another is told is treated right", () => {
  using driven = new Driven();
  const second = driven.deadline("second");
  const third = driven.deadline("third");
  const first = driven.deadline("first", () => {
    driven.wheel.release(second);
    driven.wheel.arm(third, 500);
  });
  driven.wheel.arm(first, 100);
  driven.wheel.arm(second, 100);
  driven.wheel.arm(third, 100);
  driven.run(2000);
  assert.deepEqual(
    driven.told.map(([name]) => name),
    ["first", "third"],
  );
  assert.ok((driven.told[1]?.[1] ?? 0) >= 600, "third was told at its old time");
});

test("any order of arming and disarming ends as the last call said", () => {
  using driven = new Driven();
  let seed = 12_345;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const due = new Map<string, number>();
  const deadlines = Array.from({ length: 30 }, (_, index) => driven.deadline(`${index}`));
  for (let step = 0; step < 3000; step++) {
    const index = random(deadlines.length);
    const deadline = deadlines[index] as Deadline;
    const [, at] = driven.told.findLast(([name]) => name === `${index}`) ?? [];
    const promised = due.get(`${index}`);
    if (at !== undefined && promised !== undefined && at >= promised) due.delete(`${index}`);
    if (random(4) === 0) {
      driven.wheel.disarm(deadline);
      due.delete(`${index}`);
    } else {
      const ms = 1 + random(random(3) === 0 ? 90_000 : 2000);
      driven.wheel.arm(deadline, ms);
      due.set(`${index}`, driven.time - 1000 + ms);
    }
    if (random(3) === 0) driven.tick();
  }
  const from = driven.told.length;
  const now = driven.time - 1000;
  driven.run(200_000);
  const rest = driven.told.slice(from);
  for (const [name, at] of due) {
    if (at < now - 2 * tickMs) continue;
    const times = rest.filter(([each]) => each === name);
    if (at >= now) assert.equal(times.length, 1, `deadline ${name}`);
    for (const [, when] of times)
      assert.ok(when >= at && when <= at + 2 * tickMs, `deadline ${name}`);
  }
  assert.equal(driven.wheel.size, 0);
});

test("ticks that come late make no deadline early", () => {
  using driven = new Driven();
  driven.wheel.arm(driven.deadline("a"), 3000);
  // A busy loop: every tick comes 76 ms after the one before.
  while (driven.told.length === 0) driven.tick(76);
  const at = driven.told[0]?.[1] ?? 0;
  assert.ok(at >= 3000, `told after ${at} ms`);
});

test("a long pause of the process is not counted against anybody", () => {
  using driven = new Driven();
  driven.wheel.arm(driven.deadline("a"), 3000);
  driven.run(1000);
  driven.tick(60_000);
  assert.deepEqual(driven.told, []);
  driven.run(1500);
  assert.deepEqual(driven.told, []);
  driven.run(1000);
  assert.equal(driven.told.length, 1);
});

test("a connection that arms short and long deadlines in turn does not fill the wheel", () => {
  using driven = new Driven();
  const deadline = driven.deadline("a");
  // A request every 100 ms, with a body timeout of 1 s and an idle timeout of 75 s, for a minute.
  for (let request = 0; request < 600; request++) {
    driven.wheel.arm(deadline, 1000);
    driven.run(50);
    driven.wheel.arm(deadline, 75_000);
    driven.run(50);
  }
  assert.deepEqual(driven.told, []);
  assert.equal(driven.wheel.size, 1);
});

test("with nothing in it the wheel keeps no timer, and starts one again", async () => {
  const before = process.getActiveResourcesInfo().filter((each) => each === "Timeout").length;
  const wheel = new Wheel(5);
  for (let round = 0; round < 2; round++) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const started = performance.now();
    wheel.arm(new Deadline({ onDeadline: resolve }), 20);
    const keepAlive = setTimeout(() => {}, 5000); // the wheel itself keeps no process alive
    await promise;
    clearTimeout(keepAlive);
    assert.ok(performance.now() - started >= 19, "it was early");
    assert.equal(wheel.size, 0);
  }
  const after = process.getActiveResourcesInfo().filter((each) => each === "Timeout").length;
  assert.ok(after <= before, `${after} timers instead of ${before}`);
});
