import assert from "node:assert/strict";
import { test } from "node:test";
import type { PassiveHealth } from "../config/service.ts";
import { isGoodAnswer, PassiveWatch } from "./passive-health.ts";

const usual: PassiveHealth = {
  connectFailures: 3,
  failures: 5,
  ratio: 0,
  minRequests: 20,
  window: 10_000,
  slow: 0,
  statuses: [],
  deadFor: 10_000,
};

function repeat(count: number, act: () => boolean): boolean[] {
  return Array.from({ length: count }, act);
}

test("connections that fail in a row make a backend dead, and then the row begins anew", () => {
  const watch = new PassiveWatch(usual);
  assert.deepEqual(
    repeat(7, () => watch.connectFailed()),
    [false, false, true, false, false, true, false],
  );
});

test("exchanges that fail in a row make a backend dead", () => {
  const watch = new PassiveWatch(usual);
  assert.deepEqual(
    repeat(6, () => watch.ended(false)),
    [false, false, false, false, true, false],
  );
});

test("a good exchange ends both rows, and so does clearing", () => {
  const watch = new PassiveWatch(usual);
  for (const end of [() => assert.ok(!watch.ended(true)), () => watch.clear()]) {
    assert.ok(!repeat(2, () => watch.connectFailed()).includes(true));
    assert.ok(!repeat(4, () => watch.ended(false)).includes(true));
    end();
  }
  assert.ok(!watch.connectFailed());
  assert.ok(!watch.ended(false));
});

test("a failed exchange and a connection that fails stand in rows of their own", () => {
  const watch = new PassiveWatch(usual);
  for (let each = 0; each < 2; each++) {
    assert.ok(!watch.ended(false));
    assert.ok(!watch.connectFailed());
  }
  assert.ok(!watch.ended(false));
  assert.ok(!watch.ended(false));
  assert.ok(watch.connectFailed(), "the third connection that failed, whatever came between");
});

test("0 means never", () => {
  const watch = new PassiveWatch({ ...usual, connectFailures: 0, failures: 0 });
  assert.ok(!repeat(1000, () => watch.connectFailed()).includes(true));
  assert.ok(!repeat(1000, () => watch.ended(false)).includes(true));
});

test("a share of failed exchanges makes a backend dead, once there are enough of them", () => {
  let time = 5000;
  const settings = { ...usual, failures: 0, connectFailures: 0, ratio: 0.25 };
  const watch = new PassiveWatch(settings, { now: () => time });
  // Every third one fails, so it is too many from the start.
  const results = repeat(40, () => {
    time += 10;
    return watch.ended(time % 30 !== 0);
  });
  const dead = results.indexOf(true) + 1;
  assert.ok(dead >= 20 && dead <= 22, `dead after ${dead} exchanges`);
  assert.equal(results.filter(Boolean).length, 1, "what came before is held against it no more");
});

test("a share below the limit, or too few within the window, changes nothing", () => {
  let time = 5000;
  const settings = { ...usual, failures: 0, connectFailures: 0, ratio: 0.25 };
  const watch = new PassiveWatch(settings, { now: () => time });
  for (let each = 0; each < 1000; each++) {
    time += 10;
    assert.ok(!watch.ended(each % 5 !== 0));
  }
  const rare = new PassiveWatch(settings, { now: () => time });
  for (let each = 0; each < 1000; each++) {
    time += 600;
    assert.ok(!rare.ended(false));
  }
});

test("connections that fail count among the failed ones", () => {
  const settings = { ...usual, connectFailures: 0, ratio: 0.5, minRequests: 4 };
  const watch = new PassiveWatch(settings, { now: () => 0 });
  assert.ok(!watch.ended(true));
  assert.ok(!watch.ended(true));
  assert.ok(!watch.connectFailed());
  assert.ok(watch.connectFailed());
});

test("an answer is good unless it is slow or its status is listed", () => {
  const settings: PassiveHealth = {
    ...usual,
    slow: 1000,
    statuses: [
      [500, 500],
      [502, 504],
    ],
  };
  for (const status of [200, 499, 501, 505]) assert.ok(isGoodAnswer(settings, status, 1000));
  for (const status of [500, 502, 503, 504]) assert.ok(!isGoodAnswer(settings, status, 1));
  assert.ok(!isGoodAnswer(settings, 200, 1001));
  assert.ok(isGoodAnswer(usual, 500, 1e9), "0 means that none is slow");
});
