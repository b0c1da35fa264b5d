import assert from "node:assert/strict";
import { test } from "node:test";
import { LoggedOnce } from "./logged-once.ts";

function stand() {
  const lines: string[] = [];
  const quiet = () => undefined;
  const log = {
    debug: quiet,
    info: quiet,
    error: quiet,
    warn: (text: string) => void lines.push(text),
  };
  const once = new LoggedOnce(log);
  return {
    lines,
    tell: (all: readonly string[]) => once.tell(all.map((message) => ({ message, fields: {} }))),
  };
}

test("a fault is told when it appears, and again when it was gone in between", () => {
  const { lines, tell } = stand();
  for (const each of [["a"], ["a", "b", "b"], ["b"], ["a", "b"]]) tell(each);
  assert.deepEqual(lines, ["a", "b", "a"]);
});

test("of thousands at once the first are told, and how many more there are", () => {
  const { lines, tell } = stand();
  const all = Array.from({ length: 5000 }, (_, n) => `fault ${n}`);
  tell(all);
  assert.equal(lines.length, 101);
  assert.match(lines.at(-1) ?? "", /^there are more of these/);
  tell([...all, "another"]);
  assert.deepEqual(lines.slice(101), ["another"]);
});
