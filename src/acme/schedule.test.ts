import assert from "node:assert/strict";
import { test } from "node:test";
import {
  choose,
  endOf,
  isEarly,
  renewalOf,
  type Standing,
  type Wait,
  waitAfter,
} from "./schedule.ts";

const day = 86_400_000;
const minute = 60_000;
const begin = Date.UTC(2026, 10, 21);
const idOf = (digits: string) => digits.padEnd(64, "0");

for (const life of [90, 6, 365, 0.001]) {
  test(`a certificate of ${life} days is renewed at two thirds of its life, or a little before`, () => {
    const term = { notBefore: begin, notAfter: begin + life * day };
    const earliest = renewalOf({ id: idOf("ffffffff"), ...term }, undefined);
    const latest = renewalOf({ id: idOf("00000000"), ...term }, undefined);
    assert.ok(Math.abs(latest - (begin + (life * day * 2) / 3)) < 1000);
    assert.ok(earliest < latest && earliest > begin + life * day * 0.6);
  });
}

test("an authority's window counts, at a moment of its own that a restart does not change", () => {
  const term = { notBefore: begin, notAfter: begin + 90 * day };
  const window = { start: begin + 10 * day, end: begin + 12 * day };
  const at = (id: string) => renewalOf({ id: idOf(id), ...term }, window);
  assert.equal(at("00000000"), window.start);
  assert.ok(at("80000000") > begin + 10.9 * day && at("80000000") < begin + 11.1 * day);
  assert.equal(at("80000000"), at("80000000"));
  assert.ok(at("ffffffff") <= window.end);
  const never = { start: begin + 200 * day, end: begin + 300 * day };
  assert.ok(renewalOf({ id: idOf("0"), ...term }, never) < term.notAfter);
});

test("waits are longer each time, up to a day", () => {
  const waits: number[] = [];
  let wait: Wait | undefined;
  for (let round = 0; round < 14; round++) {
    wait = waitAfter(wait, { why: "no" }, begin);
    waits.push(wait.wait / minute);
  }
  assert.deepEqual(waits.slice(0, 5), [1, 2, 4, 8, 16]);
  assert.deepEqual(waits.slice(-2), [1440, 1440]);
  assert.equal(wait?.failures, 14);
});

test("who says when it may be asked again is asked then, however little or long that is", () => {
  const at = (retryAt: number) => waitAfter(undefined, { why: "", retryAt, isLimit: true }, begin);
  assert.equal(at(begin + 3 * day).wait, 3 * day);
  assert.equal(at(begin - day).wait, minute);
});

test("a clock that is set forwards ends a wait, and one that is set back does not prolong it", () => {
  const wait = waitAfter(undefined, { why: "" }, begin);
  assert.equal(endOf(wait, begin), begin + minute);
  assert.equal(endOf(wait, begin + minute), 0);
  assert.equal(endOf(wait, begin + 300 * day), 0);
  assert.equal(endOf(wait, begin - 300 * day), 0);
  assert.equal(endOf(wait, begin - 1000), begin + minute);
  assert.equal(endOf(undefined, begin), 0);
});

test("what begins later than clocks differ is early", () => {
  assert.ok(!isEarly({ notBefore: begin + minute }, begin));
  assert.ok(isEarly({ notBefore: begin + 2 * 60 * minute }, begin));
});

const failed = (failures: number, more: Partial<Wait> = {}): Wait => {
  const why = `${failures}`;
  return { failures, at: begin, wait: 10 * minute, isLimit: false, why, refused: [], ...more };
};
const none: Standing = { own: undefined, all: undefined };

const choices: readonly [string, readonly Standing[], string][] = [
  ["the first that has not failed", [none, none], "go 0"],
  ["who failed once is waited for", [{ ...none, own: failed(1) }, none], "wait 10"],
  ["who failed often is passed over", [{ ...none, own: failed(3) }, none], "go 1"],
  ["who is gone for all is passed over, too", [{ ...none, all: failed(3) }, none], "go 1"],
  ["a limit is no reason to wait", [{ ...none, own: failed(1, { isLimit: true }) }, none], "go 1"],
  ["its time is over: the first again", [{ ...none, own: failed(9, { wait: 0 }) }, none], "go 0"],
  [
    "all failed: who may be asked soonest",
    [
      { ...none, own: failed(5, { wait: 60 * minute }) },
      { ...none, own: failed(3, { wait: 5 * minute }) },
    ],
    "wait 5",
  ],
  [
    "the longer of two waits counts",
    [{ own: failed(1), all: failed(1, { wait: 20 * minute }) }],
    "wait 20",
  ],
  ["there is nobody", [], "wait 1"],
];

for (const [what, standings, expected] of choices) {
  test(`whom to ask: ${what}`, () => {
    const choice = choose(standings, begin);
    const said =
      choice.kind === "go" ? `go ${choice.index}` : `wait ${(choice.until - begin) / minute}`;
    assert.equal(said, expected);
  });
}
