import assert from "node:assert/strict";
import { test } from "node:test";
import { assign } from "./assignment.ts";
import type { SocketNote } from "./messages.ts";

const note = (index: number, isShared = false): SocketNote => ({
  kind: "socket",
  key: "k",
  protocol: "tcp",
  index,
  bound: { host: "127.0.0.1", port: 1 },
  isShared,
});
const worker = (slot: number) => ({ slot });

/** Slots of the workers that accept on each of so many sockets. */
function acceptors(sockets: number, live: readonly { slot: number }[]): number[][] {
  return Array.from({ length: sockets }, (_, index) =>
    live.filter((each) => assign(note(index), each, live)).map(({ slot }) => slot),
  );
}

test("each worker accepts on the socket of its slot", () => {
  assert.deepEqual(acceptors(3, [worker(0), worker(1), worker(2)]), [[0], [1], [2]]);
});

test("every socket of a slot nobody is in has exactly one stand-in", () => {
  assert.deepEqual(acceptors(4, [worker(1), worker(3)]), [[1], [1], [1], [3]]);
  assert.deepEqual(acceptors(4, [worker(0), worker(1)]), [[0], [1], [0], [1]]);
  assert.deepEqual(acceptors(3, [worker(2)]), [[2], [2], [2]]);
});

test("the order in which workers came does not matter", () => {
  assert.deepEqual(acceptors(4, [worker(3), worker(1)]), [[1], [1], [1], [3]]);
});

test("a worker that only starts accepts on its own socket, beside the one it will replace", () => {
  const live = [worker(0), worker(1)];
  const fresh = worker(1);
  assert.equal(assign(note(1), fresh, live), true);
  assert.equal(assign(note(0), fresh, live), false);
});

test("one worker receives on a UDP address: the live one with the lowest slot", () => {
  const udp: SocketNote = { ...note(0, true), protocol: "udp" };
  const receivers = (live: readonly { slot: number }[]) =>
    live.filter((each) => assign(udp, each, live)).map(({ slot }) => slot);
  assert.deepEqual(receivers([worker(0), worker(1), worker(2)]), [0]);
  assert.deepEqual(receivers([worker(2), worker(1)]), [1]);
  assert.deepEqual(receivers([worker(7)]), [7]);
  assert.deepEqual(receivers([]), []);
});

test("a worker that only starts does not receive on a UDP address, whatever its slot", () => {
  const udp: SocketNote = { ...note(0, true), protocol: "udp" };
  const live = [worker(0), worker(1)];
  assert.equal(assign(udp, worker(0), live), false);
  assert.equal(assign(udp, worker(0), []), false);
  const first = live[0];
  assert.ok(first !== undefined && assign(udp, first, live));
});

test("everybody accepts on a shared socket", () => {
  const live = [worker(0), worker(1)];
  assert.ok(live.every((each) => assign(note(0, true), each, live)));
});
