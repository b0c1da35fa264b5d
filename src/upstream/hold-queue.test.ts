import assert from "node:assert/strict";
import { test } from "node:test";
import { Wheel } from "../lib/wheel.ts";
import { type Held, HoldQueue } from "./hold-queue.ts";

const wheel = new Wheel(1000);

/** Writes down what it is told, and does something then. */
function held(name: string, told: string[], onReleased: () => void = () => {}): Held {
  return {
    onReleased() {
      told.push(name);
      onReleased();
    },
    onHeldTooLong: () => told.push(`${name} late`),
  };
}

test("who waits is let go in the order it came, some or all, and the rest stays", () => {
  const told: string[] = [];
  const queue = new HoldQueue(wheel, 100);
  for (const name of ["a", "b", "c", "d"]) queue.add(held(name, told), 10_000);
  queue.release(1);
  assert.deepEqual(told, ["a"]);
  queue.release(0);
  assert.equal(queue.size, 3);
  queue.releaseAll();
  assert.deepEqual(told, ["a", "b", "c", "d"]);
  queue.releaseAll();
  queue.release(5);
  assert.equal(told.length, 4);
  assert.equal(wheel.size, 0);
});

test("the queue takes no more than so many, and again when some have left", () => {
  const told: string[] = [];
  const queue = new HoldQueue(wheel, 2);
  const first = queue.add(held("a", told), 10_000);
  assert.ok(first !== undefined);
  assert.ok(queue.add(held("b", told), 10_000) !== undefined);
  assert.equal(queue.add(held("c", told), 10_000), undefined);
  queue.cancel(first);
  queue.cancel(first);
  assert.ok(queue.add(held("d", told), 10_000) !== undefined);
  queue.releaseAll();
  assert.deepEqual(told, ["b", "d"]);
  assert.equal(new HoldQueue(wheel, 0).add(held("e", told), 10_000), undefined);
});

test("who has to wait again is not let go twice in one go, and stands at the end", () => {
  const told: string[] = [];
  const queue = new HoldQueue(wheel, 100);
  const again = (name: string) =>
    queue.add(
      held(name, told, () => again(name)),
      10_000,
    );
  for (const name of ["a", "b", "c"]) again(name);
  queue.releaseAll();
  assert.deepEqual(told, ["a", "b", "c"]);
  queue.release(2);
  assert.deepEqual(told, ["a", "b", "c", "a", "b"]);
  queue.release(1000);
  assert.deepEqual(told.slice(5), ["c", "a", "b"]);
  assert.equal(queue.size, 3);
  queue.release(1);
  assert.deepEqual(told.slice(8), ["c"]);
});

test("who is let go may make others leave, or let all go itself", () => {
  const told: string[] = [];
  const queue = new HoldQueue(wheel, 100);
  queue.add(
    held("a", told, () => {
      if (b !== undefined) queue.cancel(b);
      queue.add(held("new", told), 10_000);
    }),
    10_000,
  );
  const b = queue.add(held("b", told), 10_000);
  queue.add(
    held("c", told, () => queue.releaseAll()),
    10_000,
  );
  queue.add(held("d", told), 10_000);
  queue.releaseAll();
  assert.deepEqual(told, ["a", "c", "d", "new"], "the inner call lets go who came meanwhile");
  assert.equal(queue.size, 0);
});

test("who waits too long is told so, and not let go later", async () => {
  const fast = new Wheel(5);
  const queue = new HoldQueue(fast, 100);
  const told: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  queue.add({ onReleased: () => told.push("released"), onHeldTooLong: resolve }, 20);
  queue.add(held("b", told), 10_000);
  const keepAlive = setTimeout(() => {}, 5000); // the wheel itself keeps no process alive
  await promise;
  clearTimeout(keepAlive);
  queue.releaseAll();
  assert.deepEqual(told, ["b"]);
  assert.equal(fast.size, 0);
});
