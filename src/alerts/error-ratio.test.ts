import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert } from "./alert.ts";
import { ErrorRatioWatch } from "./error-ratio.ts";

const settings = { ratio: 0.05, window: 300_000, minRequests: 100 };

function watch(open: readonly Alert[] = []) {
  const raised: Alert[] = [];
  let now = 1_000_000_000;
  const counts = new Map<string, { answered: number; failed: number }>();
  const watching = new ErrorRatioWatch({
    settings,
    raise: (alert) => void raised.push(alert),
    open,
    now: () => now,
  });
  return {
    raised,
    watching,
    /** What a worker did since it was asked last. */
    more(worker: string, answered: number, failed: number) {
      const before = counts.get(worker) ?? { answered: 0, failed: 0 };
      const total = { answered: before.answered + answered, failed: before.failed + failed };
      counts.set(worker, total);
      watching.feed(worker, [{ service: "shop", ...total }]);
      watching.look(["shop"]);
    },
    pass(ms: number) {
      now += ms;
      watching.look(["shop"]);
    },
  };
}

test("a share of failures above the limit is raised once, over all workers", () => {
  const { more, raised } = watch();
  more("1", 60, 3);
  more("2", 39, 3);
  assert.deepEqual(raised, []);
  more("2", 1, 0);
  more("1", 1, 0);
  assert.deepEqual(
    raised.map(({ key, state, title, text }) => [key, state, title, text]),
    [
      [
        "errors shop",
        "raised",
        "shop: too many requests fail",
        "6 of 100 requests failed, 6 %. The limit is 5 %.",
      ],
    ],
  );
});

test("it is cleared only below half of the limit, or when nobody asks any more", () => {
  const { more, pass, raised } = watch();
  more("1", 100, 10);
  more("1", 200, 0);
  assert.equal(raised.length, 1, "3.3 % is below the limit and no calm");
  more("1", 100, 0);
  assert.deepEqual(
    raised.map(({ state }) => state),
    ["raised", "cleared"],
  );
  pass(400_000);
  more("1", 100, 100);
  pass(200_000);
  pass(100_001);
  assert.deepEqual(raised.map(({ state, text }) => `${state} ${text}`).slice(2), [
    "raised 100 of 100 requests failed, 100 %. The limit is 5 %.",
    "cleared No requests for 5m.",
  ]);
});

test("few requests raise nothing, however many of them fail", () => {
  const { more, pass, raised } = watch();
  for (let round = 0; round < 10; round += 1) {
    more("1", 30, 30);
    pass(120_000);
  }
  assert.deepEqual(raised, []);
});

test("a new worker begins at nothing, and one that is gone is not counted twice", () => {
  const { more, raised, watching } = watch();
  more("1", 99, 99);
  watching.forget("1");
  watching.feed("2", [{ service: "shop", answered: 0, failed: 0 }]);
  watching.look(["shop"]);
  assert.equal(raised.length, 0);
  // Counted anew under the same name.
  watching.feed("2", [{ service: "shop", answered: 50, failed: 0 }]);
  watching.feed("2", [{ service: "shop", answered: 1, failed: 1 }]);
  watching.look(["shop"]);
  assert.equal(raised[0]?.text, "100 of 150 requests failed, 66.7 %. The limit is 5 %.");
});

test("a service that is not named is as it was, until it is not in the configuration any more", () => {
  const { raised, watching } = watch();
  const shop = (answered: number, failed: number) => [{ service: "shop", answered, failed }];
  watching.feed("1", shop(90, 3));
  watching.feed("1", [{ service: "other", answered: 1, failed: 0 }]);
  watching.feed("1", []);
  watching.feed("1", shop(95, 3));
  watching.look(["shop", "other"]);
  assert.equal(raised.length, 0, "95 requests, not 185");
  watching.look(["other"]);
  watching.feed("1", shop(100, 50));
  watching.look(["shop", "other"]);
  assert.equal(raised[0]?.text, "50 of 100 requests failed, 50 %. The limit is 5 %.");
});

test("what is open from before a restart is cleared when it is over, or its service is gone", () => {
  const first = watch();
  first.more("1", 100, 100);
  const [open] = first.raised;
  assert.ok(open);
  const second = watch([open]);
  second.more("1", 100, 0);
  assert.deepEqual(
    second.raised.map(({ key, state }) => [key, state]),
    [["errors shop", "cleared"]],
  );
  const third = watch([open, { ...open, key: "backend x y", topic: "backend" }]);
  third.watching.look(["other"]);
  assert.deepEqual(
    third.raised.map(({ key, state }) => [key, state]),
    [["errors shop", "cleared"]],
  );
});
