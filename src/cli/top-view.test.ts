import assert from "node:assert/strict";
import { test } from "node:test";
import { SampleMeasures } from "../../test/harness/sample-measures.ts";
import type { Measured } from "../admin/measures.ts";
import { firstChoice, pressed } from "./top-keys.ts";
import { screenOf, spark, summaryLines, tableLines, type TopChoice } from "./top-view.ts";

const route = (name: string, rate: number, more: Partial<Measured["routes"][number]> = {}) => ({
  ...{ name, rate, errorRate: 0, p50: 1.5, p99: 20, open: 0, total: rate * 100 },
  ...more,
});

const measured: Measured = {
  ...new SampleMeasures().now({ rows: 10, history: 1 }),
  routes: [route("busy.test", 50), route("bad.test", 2, { errorRate: 1.5 }), route("a.test", 0)],
  services: [route("shop", 10), route("blog", 20)],
  backends: ["http://127.0.0.1:1", "http://127.0.0.1:2"].map((url) => ({
    ...{ service: "shop", url, rate: 5, errorRate: 0, open: 1, waiting: 0, total: 500 },
  })),
  workers: [0, 1].map((slot) => ({
    ...{ slot, pid: 4711 + slot, state: "live" as const, memory: 1024 * 1024 * 70 },
    ...{ connections: 3, exchanges: 1, tunnels: 0, rate: 10 * slot, busy: 0.95, lag: 1.2 },
  })),
};

const bare = (_colour: string, text: string) => text;
const size = { columns: 80, rows: 12 };
const screen = (choice: TopChoice = firstChoice, of = size, trouble?: string) =>
  screenOf(measured, choice, of, bare, trouble).lines;

const after = (keys: string, choice = firstChoice): TopChoice => {
  const now = pressed(choice, keys);
  assert.ok(now !== undefined, "it goes on");
  return now;
};

test("a screen has as many lines as the terminal, and none is wider", () => {
  for (const columns of [20, 40, 80, 200]) {
    for (const rows of [6, 12, 50]) {
      for (const keys of ["r", "b", "w", "/busy"]) {
        const lines = screen(after(keys), { columns, rows });
        assert.equal(lines.length, rows);
        const widest = Math.max(...lines.map((line) => Array.from(line).length));
        // A table has columns that it cannot do without.
        assert.ok(widest <= Math.max(columns, 45), `${widest} of ${columns} at ${keys}`);
      }
    }
  }
});

test("routes stand with the busiest first, or as s and the arrows say", () => {
  const names = (choice: TopChoice) =>
    tableLines(measured, choice, 80, bare)
      .slice(1)
      .map((line) => line.split(" ")[0]);
  assert.deepEqual(names(firstChoice), ["busy.test", "bad.test", "a.test"]);
  assert.deepEqual(names(after("s")), ["bad.test", "busy.test", "a.test"]);
  assert.deepEqual(names(after("\u001B[D")), ["a.test", "bad.test", "busy.test"]);
  assert.deepEqual(names(after("\u001B[C\u001BOD")), ["busy.test", "bad.test", "a.test"]);
});

test("backends stand below their service, and a filter finds either", () => {
  const rows = (choice: TopChoice) =>
    tableLines(measured, choice, 80, bare)
      .slice(1)
      .map((line) => line.split(/ {2,}\S/)[0]?.trim());
  assert.deepEqual(
    tableLines(measured, after("b"), 80, bare)
      .slice(1)
      .map((line) => line.trim().split(" ")[0]),
    ["blog", "shop", "http://127.0.0.1:1", "http://127.0.0.1:2"],
  );
  assert.equal(rows(after("b/:2")).length, 2);
  assert.equal(rows(after("b/SHOP")).length, 3);
});

test("a filter is written, mended, kept and dropped", () => {
  assert.deepEqual(after("/ab\u007Fc\r"), { ...firstChoice, filter: "ac" });
  assert.equal(after("/abc").isTyping, true);
  assert.equal(after("/q").filter, "q", "keys are text now");
  assert.equal(after("/a\u001B[Ab").filter, "ab", "arrows are not");
  assert.deepEqual(after("/abc\u001B"), firstChoice);
  assert.match(screen(after("/busy")).at(-1) ?? "", /^filter: busy_/);
  assert.match(screen(after("/busy\r")).at(-1) ?? "", /only "busy"/);
});

test("q and Ctrl-C leave, also in the middle of a filter", () => {
  assert.equal(pressed(firstChoice, "q"), undefined);
  assert.equal(pressed(firstChoice, "\u0003"), undefined);
  assert.equal(pressed(firstChoice, "/abc\u0003"), undefined);
  assert.deepEqual(pressed(firstChoice, "x\u001B[Z"), firstChoice);
});

test("more rows than there is room for are scrolled through, and no further", () => {
  const many = {
    ...measured,
    routes: Array.from({ length: 30 }, (_, at) => route(`r${at}`, 30 - at)),
  };
  const at = (keys: string) => screenOf(many, after(keys), size, bare);
  assert.match(at("").lines[4] ?? "", /^r0 /);
  assert.match(at("\u001B[B\u001B[B").lines[4] ?? "", /^r2 /);
  assert.equal(at("\u001B[6~".repeat(9)).offset, 30 - 7);
  assert.equal(at("\u001B[A").offset, 0);
});

test("the header says how it is, and trouble stands where the help was", () => {
  const [first = "", second = ""] = summaryLines(measured);
  assert.match(first, /^requests 0\/s {2}5xx 0\/s {2}p50 -/);
  assert.match(second, /connections 3 {2}running 2 {2}tunnels 1 {2}workers 2 .*up 1h 2m/);
  assert.equal(screen(firstChoice, size, "gone\u001B[2J").at(-1)?.includes("\u001B"), false);
});

test("the line of bars is as wide as it may be, the highest for the most", () => {
  const [point] = measured.history;
  assert.ok(point !== undefined);
  const history = [0, 1, 50, 100].map((requests) => ({ ...point, requests }));
  assert.equal(spark({ ...measured, history }, 10), " ▁▅█");
  assert.equal(spark({ ...measured, history }, 2), "▅█");
});
