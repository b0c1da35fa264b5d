// What the console's editor makes of text: differences line by line, and where in a YAML text one writes.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { diffOf } from "../../ui/src/edit/text-diff.ts";
import { spotAt } from "../../ui/src/edit/yaml-spot.ts";

const signs = { same: " ", gone: "-", new: "+", skipped: "…" } as const;

const shown = (before: string, after: string) =>
  diffOf(before, after).map(({ kind, text }) => (kind === "skipped" ? "…" : signs[kind] + text));

describe("a difference", () => {
  test("is none between the same texts", () => {
    assert.deepEqual(shown("a: 1\nb: 2\n", "a: 1\nb: 2\n"), ["…"]);
    assert.deepEqual(shown("", ""), []);
  });

  test("is all of what is new, or gone", () => {
    assert.deepEqual(shown("", "a: 1\nb: 2\n"), ["+a: 1", "+b: 2"]);
    assert.deepEqual(shown("a: 1\n", ""), ["-a: 1"]);
  });

  test("keeps the lines that both have, in the middle too", () => {
    assert.deepEqual(shown("a\nb\nc\nd\n", "a\nx\nc\ny\nd\n"), [
      " a",
      "-b",
      "+x",
      " c",
      "+y",
      " d",
    ]);
  });

  test("shows three lines around it, and leaves the others out", () => {
    const many = Array.from({ length: 20 }, (_, index) => `${index}`);
    const other = many.with(10, "ten");
    const expected = ["…", " 7", " 8", " 9", "-10", "+ten", " 11", " 12", " 13", "…"];
    assert.deepEqual(shown(many.join("\n"), other.join("\n")), expected);
  });

  test("does not compare for ever what is too long", () => {
    const lines = (of: string) =>
      Array.from({ length: 5000 }, (_, index) => `${of}${index}`).join("\n");
    const all = diffOf(lines("a"), lines("b"));
    assert.equal(all.length, 10_000);
  });
});

describe("where one writes", () => {
  /** `|` = the caret. */
  const spot = (text: string) => spotAt(text.replace("|", ""), text.indexOf("|"));

  test("is below the keys that are further out", () => {
    assert.deepEqual(spot("pri|"), { path: [], begun: "pri", isValue: false });
    const inner = "service:\n  pool:\n    maxIdle: 3\n    max|";
    assert.deepEqual(spot(inner), { path: ["service", "pool"], begun: "max", isValue: false });
    const beside = "timeouts:\n  connect: 5s\nho|\npath: /";
    assert.deepEqual(spot(beside), { path: [], begun: "ho", isValue: false });
  });

  test("is a value after the key", () => {
    assert.deepEqual(spot("tls: au|"), { path: ["tls"], begun: "au", isValue: true });
    const inner = "service:\n  balance: |";
    assert.deepEqual(spot(inner), { path: ["service", "balance"], begun: "", isValue: true });
  });

  test("is an entry of a list", () => {
    const first = "backends:\n  - ur|";
    assert.deepEqual(spot(first), { path: ["backends", "-"], begun: "ur", isValue: false });
    const second = "backends:\n  - url: http://10.0.0.5\n    wei|";
    assert.deepEqual(spot(second), { path: ["backends", "-"], begun: "wei", isValue: false });
  });
});
