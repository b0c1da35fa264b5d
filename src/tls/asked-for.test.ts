import assert from "node:assert/strict";
import { test } from "node:test";
import { tlsLimits as limits } from "../config/tls-limits.ts";
import { AskedFor } from "./asked-for.ts";

function stand(wanted: readonly string[]) {
  const told: string[] = [];
  const clock = { now: 5000 };
  const names = new AskedFor(
    (name) => void told.push(name),
    limits.unknownAgain,
    () => clock.now,
  );
  names.take(wanted);
  return { told, clock, names };
}

test("only names that are wanted are told of, each once in a while", () => {
  const { told, clock, names } = stand(["a.test", "*.b.test"]);
  for (const each of ["a.test", "a.test", "x.b.test", "b.test", "xb.test", "c.test", ""]) {
    names.asked(each);
  }
  assert.deepEqual(told, ["a.test", "x.b.test"]);
  clock.now += limits.unknownAgain;
  names.asked("a.test");
  assert.equal(told.length, 3);
  names.take([]);
  clock.now += limits.unknownAgain;
  names.asked("a.test");
  assert.equal(told.length, 3);
});

test("a flood of names is told of a few at a time, and takes no memory without end", () => {
  const { told, clock, names } = stand(["*"]);
  for (let at = 0; at < 10_000; at++) names.asked(`n${at}.test`);
  assert.equal(told.length, limits.askedPerSecond);
  for (let second = 0; second < 3000; second++) {
    clock.now += 1000;
    for (let at = 0; at < 3; at++) names.asked(`m${second}-${at}.test`);
  }
  assert.equal(told.length, limits.askedPerSecond + 9000);
});
