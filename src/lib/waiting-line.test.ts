import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type Ticket, WaitingLine } from "./waiting-line.ts";
import { Wheel } from "./wheel.ts";

/** Ends with the test: nobody waits for its deadlines. */
const wheel = new Wheel(1000);

function nobodyIsLate(item: unknown): never {
  throw new Error(`${String(item)} is late`);
}

test("it is what a list would be, whoever joins, leaves or is called", () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant("join" as const) },
    { weight: 1, arbitrary: fc.constant("call" as const) },
    { weight: 2, arbitrary: fc.nat(60) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const line = new WaitingLine<number>(wheel, 10, nobodyIsLate);
      const list: number[] = [];
      const tickets: (Ticket<number> | undefined)[] = [];
      for (const each of steps) {
        if (each === "join") {
          const item = tickets.length;
          const ticket = line.add(item, item % 2 === 0 ? 0 : 60_000);
          assert.equal(ticket === undefined, list.length === 10);
          if (ticket !== undefined) list.push(item);
          tickets.push(ticket);
        } else if (each === "call") {
          assert.equal(line.shift(), list.shift());
        } else {
          // Those who have left say so again.
          const ticket = tickets[each];
          if (ticket === undefined) continue;
          line.cancel(ticket);
          const at = list.indexOf(each);
          if (at >= 0) list.splice(at, 1);
        }
        assert.equal(line.size, list.length);
      }
      while (list.length > 0) assert.equal(line.shift(), list.shift());
      assert.equal(line.shift(), undefined);
      assert.equal(line.size, 0);
      assert.equal(wheel.size, 0, "a deadline was left behind");
    }),
  );
});

test("a ticket of another line is not taken out of this one", () => {
  const one = new WaitingLine<string>(wheel, 10, nobodyIsLate);
  const other = new WaitingLine<string>(wheel, 10, nobodyIsLate);
  one.add("a", 0);
  const ticket = other.add("b", 0);
  assert.ok(ticket !== undefined);
  one.cancel(ticket);
  assert.equal(one.size, 1);
  assert.equal(other.shift(), "b");
});

test("nobody is called who joined later than was asked for", () => {
  const line = new WaitingLine<string>(wheel, 10, nobodyIsLate);
  line.add("a", 0);
  const { joined } = line;
  line.add("b", 0);
  assert.equal(line.shift(joined), "a");
  assert.equal(line.shift(joined), undefined);
  assert.equal(line.shift(), "b");
});

test("who left refers to nobody who is still there", () => {
  const line = new WaitingLine<string>(wheel, 10, nobodyIsLate);
  const [first, second, third] = ["a", "b", "c"].map((each) => line.add(each, 5000));
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  line.cancel(second);
  line.shift();
  for (const { ahead, behind, line: left, deadline } of [first, second]) {
    assert.deepEqual([ahead, behind, left, deadline.owner], [null, null, null, null]);
  }
  assert.deepEqual([third.ahead, third.behind, third.line], [null, null, line]);
  line.cancel(third);
});

test("who waits too long leaves the line and is told, each at its own time", async () => {
  const fast = new Wheel(5);
  const late: [string, ms: number, size: number][] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const started = performance.now();
  const line = new WaitingLine<string>(fast, 10, (item) => {
    late.push([item, performance.now() - started, line.size]);
    if (item === "last") resolve();
  });
  line.add("stays", 0);
  line.add("last", 120);
  line.add("called", 40);
  const left = line.add("left", 20);
  line.add("first", 40);
  assert.ok(left !== undefined);
  line.cancel(left);
  assert.equal(line.shift(), "stays");
  const keepAlive = setTimeout(() => {}, 5000); // the wheel itself keeps no process alive
  await promise;
  clearTimeout(keepAlive);
  assert.deepEqual(
    late.map(([item, , size]) => [item, size]),
    [
      ["called", 2],
      ["first", 1],
      ["last", 0],
    ],
  );
  assert.ok((late[0]?.[1] ?? 0) >= 39 && (late[2]?.[1] ?? 0) >= 119, JSON.stringify(late));
  assert.equal(fast.size, 0);
});
