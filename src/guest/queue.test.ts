import assert from "node:assert/strict";
import { test } from "node:test";
import { signal } from "../../test/harness/barrier.ts";
import { Places, placesFor, Queue } from "./queue.ts";

const ignore = () => {};

test("so many run at once, and the others in order", async () => {
  const queue = new Queue(new Places(10), 2);
  const gates = [signal(), signal(), signal()];
  const order: number[] = [];
  const all = gates.map((gate, at) =>
    queue.run(
      5000,
      async () => {
        order.push(at);
        await gate.promise;
        return at;
      },
      ignore,
    ),
  );
  assert.deepEqual(order, [0, 1]);
  gates[1]?.fire();
  assert.equal(await all[1], 1);
  assert.deepEqual(order, [0, 1, 2]);
  for (const gate of gates) gate.fire();
  assert.deepEqual(await Promise.all(all), [0, 1, 2]);
});

test("what is late is told so, goes on in its place, and its result is discarded", async () => {
  const queue = new Queue(new Places(10), 1);
  const gate = signal<string>();
  const discarded: unknown[] = [];
  let wasOver = false;
  const first = queue.run(
    20,
    async (turn) => {
      const value = await gate.promise;
      wasOver = turn.isOver;
      return value;
    },
    (value) => discarded.push(value),
  );
  const beganAt = performance.now();
  const second = queue.run(5000, () => Promise.resolve("second"), ignore);
  assert.deepEqual(await first, { kind: "late" });
  // It would wait for what hangs.
  assert.deepEqual(await second, { kind: "late" });
  assert.ok(performance.now() - beganAt < 3000, "it waited for what hangs");
  assert.deepEqual(await queue.run(5000, () => Promise.resolve("third"), ignore), { kind: "late" });
  gate.fire("made");
  await new Promise(setImmediate);
  assert.deepEqual(discarded, ["made"]);
  assert.equal(wasOver, true);
  assert.equal(await queue.run(5000, () => Promise.resolve("fourth"), ignore), "fourth");
});

test("who waits for a place longer than its time is late, and does not run any more", async () => {
  const queue = new Queue(new Places(10), 1);
  const gate = signal();
  const first = queue.run(5000, () => gate.promise, ignore);
  let hasRun = false;
  const second = queue.run(10, () => Promise.resolve((hasRun = true)), ignore);
  assert.deepEqual(await second, { kind: "late" });
  gate.fire();
  await first;
  await new Promise(setImmediate);
  assert.equal(hasRun, false);
});

test("queues share places, and each has its turn", async () => {
  const places = new Places(1);
  const [one, other] = [new Queue(places, 4), new Queue(places, 4)];
  const order: string[] = [];
  const work = (name: string) => async () => {
    order.push(name);
    await new Promise(setImmediate);
    return name;
  };
  await Promise.all([
    ...[1, 2, 3].map((at) => one.run(5000, work(`one ${at}`), ignore)),
    ...[1, 2, 3].map((at) => other.run(5000, work(`other ${at}`), ignore)),
  ]);
  assert.equal(order.length, 6);
  assert.ok(order.indexOf("other 1") < order.indexOf("one 3"), order.join());
});

test("work that throws has failed, and its place is free again", async () => {
  const queue = new Queue(new Places(1), 1);
  const failing = queue.run(5000, () => Promise.reject(new Error("broken")), ignore);
  assert.deepEqual(await failing, { kind: "failed", why: "Error: broken" });
  assert.equal(await queue.run(5000, () => Promise.resolve("fine"), ignore), "fine");
});

test("more than a thousand do not wait", async () => {
  const queue = new Queue(new Places(1), 1);
  const gate = signal();
  const all = Array.from({ length: 1001 }, () => queue.run(5000, () => gate.promise, ignore));
  assert.deepEqual(await queue.run(5000, () => gate.promise, ignore), { kind: "late" });
  gate.fire();
  await Promise.all(all);
});

test("containers get as many threads as are not needed elsewhere", () => {
  assert.equal(placesFor({ UV_THREADPOOL_SIZE: "24" }).count, 10);
  assert.equal(placesFor({}).count, 2);
  assert.equal(placesFor({ UV_THREADPOOL_SIZE: "many" }).count, 2);
});

test("what must be done is done whatever waits, one after the other, and is neither late nor lost", async () => {
  const queue = new Queue(new Places(10), 1);
  const gate = signal();
  const first = queue.run(10, () => gate.promise, ignore);
  assert.deepEqual(await first, { kind: "late" });
  const done: number[] = [];
  for (const at of [1, 2, 3]) {
    queue.insist(5000, () => {
      done.push(at);
      return Promise.resolve();
    });
  }
  await new Promise(setImmediate);
  assert.deepEqual(done, []);
  gate.fire();
  await new Promise(setImmediate);
  assert.deepEqual(done, [1, 2, 3]);
  assert.equal(await queue.run(5000, () => Promise.resolve("fine"), ignore), "fine");
});

test("what must be done has one place at most, and counts as hanging when it does", async () => {
  const queue = new Queue(new Places(10), 2);
  const gate = signal();
  for (let times = 0; times < 5; times++) queue.insist(10, () => gate.promise);
  assert.equal(await queue.run(5000, () => Promise.resolve("fine"), ignore), "fine");
  const hanging = queue.run(20, () => gate.promise, ignore);
  assert.deepEqual(await hanging, { kind: "late" });
  assert.deepEqual(await queue.run(5000, () => Promise.resolve("fine"), ignore), { kind: "late" });
  gate.fire();
  await new Promise(setImmediate);
  assert.equal(await queue.run(5000, () => Promise.resolve("fine"), ignore), "fine");
});
