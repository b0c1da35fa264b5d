import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as holds, boolean, integer, property } from "fast-check";
import { httpProbe, sampleCheck } from "../../test/harness/health-sample.ts";
import { type Found, Standing } from "./standing.ts";

/** What is found, and whether the next check is urgent, after each answer: `+` is good. */
function course(answers: string, changes: object = {}, before?: Found): string[] {
  const standing = new Standing(sampleCheck(httpProbe, changes), before);
  const shown = () => `${standing.found}${standing.isUrgent ? "!" : ""}`;
  return [shown(), ...answers.split("").map((each) => (standing.take(each === "+"), shown()))];
}

test("it is down after `fall` bad answers in a row, and up after `rise` good ones", () => {
  assert.deepEqual(course("+--+---+-++"), [
    ...["up!", "up", "up!", "up!", "up", "up!", "up!", "down!", "down!", "down!", "down!"],
    "up",
  ]);
});

test("who waits for its first good answer is let in by it, and called down after `fall` bad ones", () => {
  assert.deepEqual(course("+", { initially: "down" }), ["unchecked!", "up"]);
  assert.deepEqual(course("---+", { initially: "down" }), [
    ...["unchecked!", "unchecked!", "unchecked!", "down!", "up"],
  ]);
  // It was up once: from now on it is like any other.
  assert.deepEqual(course("+---+", { initially: "down" }).at(-1), "down!");
});

test("what other settings found holds until answers say something else", () => {
  assert.deepEqual(course("+", { initially: "down" }, "up"), ["up!", "up"]);
  assert.deepEqual(course("++", {}, "down"), ["down!", "down!", "up"]);
  assert.deepEqual(course("", { initially: "down" }, "unchecked"), ["unchecked!"]);
});

test("it never changes on fewer answers in a row than the settings ask for", () => {
  const count = integer({ min: 1, max: 5 });
  holds(
    property(array(boolean(), { maxLength: 60 }), count, count, (answers, rise, fall) => {
      const standing = new Standing(sampleCheck(httpProbe, { rise, fall }), undefined);
      answers.forEach((isGood, at) => {
        const before = standing.found;
        standing.take(isGood);
        const row = answers.slice(0, at + 1).toReversed();
        const length = row.findIndex((each) => each !== isGood);
        const inARow = length === -1 ? row.length : length;
        const isDue = isGood
          ? before === "down" && inARow >= rise
          : before === "up" && inARow >= fall;
        assert.equal(standing.found !== before, isDue);
      });
    }),
  );
});
