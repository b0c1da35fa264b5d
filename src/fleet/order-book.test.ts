import assert from "node:assert/strict";
import { test } from "node:test";
import { type Order, orderKey } from "./fleet-keys.ts";
import { OrderBook } from "./order-book.ts";
import type { Writer } from "./writer.ts";

const order: Order = { kind: "maintenance", service: "s", backend: undefined };
const key = orderKey(order);
const on = '{"on":true,"at":1}';
const off = '{"on":false,"at":9e15}';

function sample() {
  const here = new Set<string>();
  const written: string[] = [];
  const state = { revision: 100 };
  const book = new OrderBook({
    orders: () => (here.has(key) ? [order] : []),
    obey: (_, isOn) => void (isOn ? here.add(key) : here.delete(key)),
  });
  const writer: Writer = {
    async write({ key: written_, value }) {
      written.push(`${written_} ${value?.slice(0, 10)}`);
      state.revision++;
      return { isDone: true, revision: String(state.revision) };
    },
    leaseFor: async () => "1",
  };
  const give = (isOn: boolean) => {
    if (isOn) here.add(key);
    else here.delete(key);
    book.ordered(order, isOn, false);
  };
  return { book, writer, written, here, give };
}

test("an order that was written and lost with the data of etcd is written again", async () => {
  const { book, writer, written, here, give } = sample();
  give(true);
  await book.tell(writer, "one");
  assert.equal(written.length, 1);
  // Its change never comes: etcd was restored from a backup, and counts from there.
  book.load([]);
  await book.tell(writer, "one");
  assert.equal(written.length, 2);
  book.change(order, on, "102");
  assert.ok(here.has(key));
  // From then on others are obeyed as ever.
  book.change(order, off, "103");
  assert.ok(!here.has(key));
});

test("an order that somebody removed before its answer came is no order", async () => {
  const { book, writer, here, give } = sample();
  give(true);
  const slow: Writer = {
    ...writer,
    async write(what) {
      const answer = await writer.write(what);
      book.change(order, on, answer.revision);
      book.change(order, undefined, "150");
      return answer;
    },
  };
  await book.tell(slow, "one");
  book.change(order, off, "151");
  assert.ok(!here.has(key), "it is obeyed");
});
