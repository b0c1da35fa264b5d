import assert from "node:assert/strict";
import { test } from "node:test";
import { measureLimits } from "../config/metrics-limits.ts";
import { backendCell, routeCell } from "./layout.ts";
import { MeterBook } from "./meter.ts";
import { others, Sums } from "./sums.ts";

const route = (name: string, ...changes: readonly number[]) =>
  ({ kind: "route", labels: [name], changes }) as const;

const valueOf = (sums: Sums, name: string, cell: number): number | undefined =>
  [...sums.rowsOf("route").values()].find(({ labels }) => labels[0] === name)?.values[cell];

test("what several workers counted is added up, and stays when one of them is gone", () => {
  const sums = new Sums(10);
  sums.add(1, route("a", 2, 5, routeCell.open, 3));
  sums.add(2, route("a", 2, 7, routeCell.open, 1));
  sums.add(1, route("a", routeCell.open, -1));
  assert.equal(valueOf(sums, "a", 2), 12);
  assert.equal(valueOf(sums, "a", routeCell.open), 3);
  sums.gone(1);
  assert.equal(valueOf(sums, "a", 2), 12);
  assert.equal(valueOf(sums, "a", routeCell.open), 1, "what it carried is not carried any more");
  sums.gone(1);
  assert.equal(valueOf(sums, "a", routeCell.open), 1);
});

test("more names than there may be are one row together", () => {
  const sums = new Sums(2);
  for (const name of ["a", "b", "c", "d"]) sums.add(1, route(name, 2, 1, routeCell.open, 1));
  assert.deepEqual(
    [...sums.rowsOf("route").values()].map(({ labels }) => labels[0]),
    ["a", "b", others],
  );
  assert.equal(valueOf(sums, others, 2), 2);
  sums.add(1, route("a", 2, 1));
  assert.equal(valueOf(sums, "a", 2), 2, "who has a name keeps it");
  sums.gone(1);
  assert.equal(valueOf(sums, others, routeCell.open), 0);
});

test("names that nobody uses make room, and what they had counted does not happen again elsewhere", () => {
  let now = 0;
  const sums = new Sums(3, { now: () => now });
  for (const name of ["old", "busy", "kept"]) sums.add(1, route(name, 2, 4));
  sums.add(1, route("busy", routeCell.open, 1));
  sums.add(1, route("more", 2, 1));
  now += measureLimits.forgottenAfter + 1;
  const sweep = () => sums.sweep(({ labels }) => labels[0] === "kept");
  sweep();
  assert.equal(valueOf(sums, "old", 2), undefined);
  assert.equal(valueOf(sums, "kept", 2), 4);
  assert.equal(valueOf(sums, others, 2), 1);
  assert.equal(valueOf(sums, "busy", routeCell.open), 1, "it carries something");
  sums.gone(1);
  sweep();
  assert.equal(valueOf(sums, "busy", 2), undefined);
});

test("what began without a name of its own and ends with one leaves neither too many nor less than none", () => {
  let now = 0;
  const sums = new Sums(2, { now: () => now });
  for (const name of ["old", "older"]) sums.add(1, route(name, 2, 1));
  sums.add(1, route("late", routeCell.open, 2));
  assert.equal(valueOf(sums, others, routeCell.open), 2);
  now += measureLimits.forgottenAfter + 1;
  sums.sweep(() => false);
  sums.add(1, route("late", 2, 1, routeCell.open, -1));
  assert.equal(valueOf(sums, "late", 2), 1);
  assert.equal(valueOf(sums, "late", routeCell.open), 0);
  assert.equal(valueOf(sums, others, routeCell.open), 1);
  sums.gone(1);
  assert.equal(valueOf(sums, others, routeCell.open), 0);
});

test("long names are cut, and names that only look alike are not the same", () => {
  const sums = new Sums(10);
  sums.add(1, route("x".repeat(1000), 2, 1));
  sums.add(1, route(`${"x".repeat(1000)}y`, 2, 1));
  const shown = [...sums.rowsOf("route").values()].map(({ labels: [label = ""] }) => label);
  assert.deepEqual(
    shown.map(({ length }) => length),
    [measureLimits.labelLength, measureLimits.labelLength],
  );
  assert.equal(new Set(shown).size, 2);
  sums.add(1, { kind: "backend", labels: ["a", "b1:c"], changes: [backendCell.answered, 1] });
  sums.add(1, { kind: "backend", labels: ["a1:b", "c"], changes: [backendCell.answered, 1] });
  assert.equal(sums.rowsOf("backend").size, 2);
});

test("cells that no row has, and numbers that are none, are passed over", () => {
  const sums = new Sums(10);
  sums.add(1, route("a", 2, 1, 999, 5, -1, 5, 3, Number.NaN));
  const [first] = sums.rowsOf("route").values();
  assert.equal(
    first?.values.reduce((sum, each) => sum + each, 0),
    1,
  );
});

test("a row tells what changed, once, and counters that are kept elsewhere may begin anew", () => {
  const book = new MeterBook();
  const meter = book.meter("service", "a");
  assert.deepEqual(book.take(), []);
  meter.follow(0, 5);
  meter.follow(0, 7);
  meter.set(2, 3);
  assert.deepEqual(book.take(), [{ kind: "service", labels: ["a"], changes: [0, 7, 2, 3] }]);
  meter.follow(0, 7);
  meter.set(2, 3);
  assert.deepEqual(book.take(), []);
  meter.follow(0, 2);
  meter.set(2, 0);
  assert.deepEqual(book.take(), [{ kind: "service", labels: ["a"], changes: [0, 2, 2, -3] }]);
});

test("what is too much for one report is told with the next ones", () => {
  const book = new MeterBook();
  for (const name of ["a", "b", "c"]) book.meter("route", name).add(2, 1);
  const names = () => book.take(2).map(({ labels }) => labels[0]);
  assert.deepEqual([names(), names(), names()], [["a", "b"], ["c"], []]);
});
