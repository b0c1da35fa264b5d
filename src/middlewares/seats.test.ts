import assert from "node:assert/strict";
import { test } from "node:test";
import { concurrencyLimits as limits } from "../config/limit-limits.ts";
import { noPeers, type Peer, type Peers } from "../peers/peers.ts";
import { HostSeats, OwnSeats, SeatTable } from "./seats.ts";

test("a worker gives as many places as there are, by key", () => {
  const seats = new OwnSeats(2);
  assert.deepEqual([seats.take("a"), seats.take("a"), seats.take("a")], [true, true, false]);
  assert.equal(seats.take("b"), true);
  seats.give("a");
  assert.equal(seats.take("a"), true);
  // One too many given back makes no room.
  for (let n = 0; n < 5; n++) seats.give("b");
  assert.deepEqual([seats.take("b"), seats.take("b"), seats.take("b")], [true, true, false]);
});

test("places of all holders together are bounded, and those of one that is forgotten are free", () => {
  const table = new SeatTable(3);
  assert.ok(table.take("one", "a") && table.take("one", "a") && table.take("two", "a"));
  assert.equal(table.take("two", "a"), false);
  table.give("two", "a");
  table.give("two", "a");
  assert.equal(table.take("two", "a"), true);
  table.forget("one");
  assert.ok(table.take("two", "a") && table.take("two", "a"));
  assert.equal(table.take("two", "a"), false);
});

test("what a holder says of all that it has counts, whatever was lost before", () => {
  const table = new SeatTable(5);
  table.take("one", "a");
  table.replace("one", [["b", 4]], false);
  table.replace("one", [["c", 5]], true);
  assert.ok(table.take("two", "a"));
  assert.deepEqual([table.take("two", "b"), table.take("two", "b")], [true, false]);
  assert.equal(table.take("two", "c"), false);
});

function peersWith(ask: Peer["ask"]): Peers {
  return { ...noPeers, count: 2, ownerOf: () => ({ path: "", ask }) };
}

test("one that cannot be asked is done without: an equal share", async () => {
  let alone = 0;
  const peers = peersWith(() => Promise.reject(new Error("gone")));
  const seats = new HostSeats(5, "n", peers, () => void alone++);
  const taken: boolean[] = [];
  for (let n = 0; n < 5; n++) taken.push(await seats.take("a"));
  assert.deepEqual(taken, [true, true, true, false, false]);
  assert.equal(alone, 5);
  seats.close();
});

/** Who looks after the key, with one place, and how it answers others. */
function ownerOf() {
  let answer: ((question: unknown) => unknown) | undefined;
  const peers: Peers = {
    ...noPeers,
    answer(_topic, given) {
      answer = given;
      return () => {};
    },
  };
  const owner = new HostSeats(1, "n", peers, () => {});
  return { owner, answer: (question: unknown) => answer?.(question) };
}

test("only a clear yes is a yes", async () => {
  for (const answer of [undefined, null, 1, "true", {}, []]) {
    const seats = new HostSeats(
      5,
      "n",
      peersWith(async () => answer),
      () => {},
    );
    assert.equal(await seats.take("a"), false);
    seats.close();
  }
});

test("who is refused while a report of all that he has is on its way keeps no place from others", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { owner, answer } = ownerOf();
  let late = Promise.resolve();
  const peers = peersWith(async (_topic, question) => {
    const said = answer(question);
    await late;
    return said;
  });
  const other = new HostSeats(1, "n", peers, () => assert.fail("it was answered"));
  assert.equal(owner.take("a"), true);
  const { promise, resolve } = Promise.withResolvers<void>();
  late = promise;
  const asked = other.take("a");
  t.mock.timers.tick(limits.reportEvery);
  resolve();
  assert.equal(await asked, false);
  owner.give("a");
  assert.equal(owner.take("a"), true);
  owner.close();
  other.close();
});

test("a place that was given back in vain comes back with the next report", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { owner, answer } = ownerOf();
  let isLost = false;
  const peers = peersWith(async (_topic, question) => {
    if (isLost) throw new Error("lost");
    return answer(question);
  });
  const other = new HostSeats(1, "n", peers, () => {});
  assert.equal(await other.take("a"), true);
  isLost = true;
  other.give("a");
  await new Promise(setImmediate);
  isLost = false;
  assert.equal(owner.take("a"), false);
  t.mock.timers.tick(limits.reportEvery);
  assert.equal(owner.take("a"), true);
  owner.close();
  other.close();
});

test("questions that are none do no harm", () => {
  let answer: ((question: unknown) => unknown) | undefined;
  const peers: Peers = {
    ...noPeers,
    answer(_topic, given) {
      answer = given;
      return () => {};
    },
  };
  const seats = new HostSeats(1, "n", peers, () => {});
  const strange = [
    undefined,
    "take",
    [],
    ["take"],
    ["take", 1, "a"],
    ["take", "one", 7],
    ["all", "one", "x"],
    ["all", "one", [["a", -5], ["a", 1.5], ["a", "9"], [7, 1], null], false],
  ];
  for (const each of strange) assert.notEqual(answer?.(each), false);
  assert.equal(answer?.(["take", "one", "a"]), true);
  assert.equal(answer?.(["take", "two", "a"]), false);
  assert.equal(seats.take("a"), false);
  answer?.(["give", "one", "a"]);
  assert.equal(seats.take("a"), true);
  seats.close();
});
