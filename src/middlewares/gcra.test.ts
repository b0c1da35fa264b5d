import assert from "node:assert/strict";
import { test } from "node:test";
import { Gcra, paceOf, ticksPerMs } from "./gcra.ts";

const second = 1000 * ticksPerMs;
const rate = (average: number, period: number, burst = average) => ({ average, period, burst });

function passing(gcra: Gcra, key: string, times: number, now: number): number {
  let passed = 0;
  for (let n = 0; n < times; n++) if (gcra.take(key, now) === 0) passed++;
  return passed;
}

test("exactly the burst passes at once, whatever the rate is", () => {
  const rates = [
    [3, 1000],
    [7, 1000],
    [1, 3_600_000],
    [999_983, 1000],
    [1000, 86_400_000],
  ] as const;
  for (const [average, period] of rates) {
    for (const burst of [1, 2, 3, 100, 1001]) {
      const gcra = new Gcra([rate(average, period, burst)], 10);
      assert.equal(passing(gcra, "a", 2000, 12_345_678_901), burst, `${average}/${period}`);
    }
  }
});

test("never more than the average passes in the long run, and never much less", () => {
  const gcra = new Gcra([rate(7, 1000, 1)], 10);
  let passed = 0;
  // A thousand seconds, asked every millisecond.
  for (let ms = 0; ms < 1_000_000; ms++) if (gcra.take("a", ms * ticksPerMs) === 0) passed++;
  assert.ok(passed <= 7001 && passed >= 6940, String(passed));
});

test("who is refused is told the time after which he passes", () => {
  const gcra = new Gcra([rate(3, 1000)], 10);
  assert.equal(passing(gcra, "a", 4, 0), 3);
  const wait = gcra.take("a", 0);
  assert.ok(wait > 0 && wait <= second / 3 + 1);
  assert.ok(gcra.take("a", wait - 1) > 0);
  assert.equal(gcra.take("a", wait), 0);
  assert.ok(gcra.take("a", wait) > 0);
});

test("of several rates all have to let it pass, and a refused one is counted by none", () => {
  const gcra = new Gcra([rate(10, 1000), rate(15, 3_600_000)], 10);
  assert.equal(passing(gcra, "a", 20, 0), 10);
  assert.deepEqual(
    gcra.used("a", 0).map((used) => Math.round(used / second)),
    [1, 2400],
  );
  assert.equal(passing(gcra, "a", 20, 2 * second), 5);
});

test("a long period overflows nothing", () => {
  const year = 366 * 86_400_000;
  const gcra = new Gcra([rate(1_000_000_000, year), rate(1, year)], 10);
  assert.equal(passing(gcra, "a", 5, 17 * second * 86_400), 1);
  assert.ok(gcra.used("a", 17 * second * 86_400).every(Number.isSafeInteger));
  assert.ok(Number.isSafeInteger(paceOf(rate(1, year, 1)).step));
});

test("keys are forgotten when they are whole again", () => {
  const gcra = new Gcra([rate(1, 1000)], 1000);
  for (let n = 0; n < 500; n++) gcra.take(`old ${n}`, 0);
  assert.equal(gcra.size, 500);
  for (let n = 0; n < 400; n++) gcra.take(`new ${n}`, 10 * second);
  assert.ok(gcra.size <= 500, String(gcra.size));
});

test("a flood of keys is bounded, and drives out itself rather than those that come again and again", () => {
  const gcra = new Gcra([rate(100, 3_600_000, 2)], 1000);
  assert.equal(passing(gcra, "hot", 3, 0), 2);
  for (let n = 0; n < 100_000; n++) {
    gcra.take(`flood ${n}`, n);
    if (n % 50 === 0) assert.ok(gcra.take("hot", n) > 0, `forgotten after ${n}`);
  }
  assert.equal(gcra.size, 1000);
});
