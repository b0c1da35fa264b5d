import assert from "node:assert/strict";
import { test } from "node:test";
import type { Peer, Peers } from "../peers/peers.ts";
import { noPeers } from "../peers/peers.ts";
import { HostCounter, OwnCounter, Refused, takenOf } from "./rate-counter.ts";

const counted = { rates: [{ average: 2, period: 3_600_000, burst: 2 }], keys: 100, tells: false };

/** Another worker that answers as it likes. */
function peersWith(ask: Peer["ask"]): Peers {
  return { ...noPeers, count: 2, ownerOf: () => ({ path: "", ask }) };
}

async function waits(counter: HostCounter, times: number): Promise<boolean[]> {
  const all: boolean[] = [];
  for (let n = 0; n < times; n++) all.push((await counter.take("a")).wait > 0);
  return all;
}

test("whoever looks after the key is asked, and believed", async () => {
  const asked: unknown[] = [];
  const peers = peersWith(async (topic, question) => {
    asked.push([topic, question]);
    return [asked.length > 3 ? 16_000_000 : 0];
  });
  const counter = new HostCounter(counted, "n", peers, () => assert.fail("alone"));
  assert.deepEqual(await waits(counter, 6), [false, false, false, true, true, true]);
  // Who has to wait is not asked about again.
  assert.equal(asked.length, 4);
  assert.deepEqual(asked[0], ["rateLimit n", "a"]);
});

test("one that is gone, late or talks nonsense is done without", async () => {
  const answers: Peer["ask"][] = [
    () => Promise.reject(new Error("gone")),
    async () => undefined,
    async () => "0",
    async () => [],
    async () => [0, 0],
    async () => [Number.NaN],
    async () => [-1],
    async () => [null, 1],
    async () => ({ wait: 0 }),
  ];
  for (const answer of answers) {
    let alone = 0;
    const counter = new HostCounter(counted, "n", peersWith(answer), () => void alone++);
    assert.deepEqual(await waits(counter, 3), [false, false, true]);
    assert.equal(alone, 3);
  }
});

test("others are answered, and it can be taken back", () => {
  const answers = new Map<string, (question: unknown) => unknown>();
  const peers: Peers = {
    ...noPeers,
    answer(topic, answer) {
      answers.set(topic, answer);
      return () => void answers.delete(topic);
    },
  };
  const counter = new HostCounter({ ...counted, tells: true }, "n", peers, () => {});
  const answer = answers.get("rateLimit n");
  assert.ok(answer !== undefined);
  const taken = takenOf(answer("b"), 1);
  assert.equal(taken?.wait, 0);
  assert.ok((taken?.used[0] ?? 0) > 0);
  assert.equal(answer(undefined), undefined);
  assert.equal(answer({ key: "b" }), undefined);
  // The same that this worker's own requests are counted by.
  assert.ok((counter.take("b") as { wait: number }).wait === 0);
  assert.ok((takenOf(answer("b"), 1)?.wait ?? 0) > 0);
  counter.close();
  assert.equal(answers.size, 0);
});

test("what is left is only worked out where it is told", () => {
  const key = "a";
  assert.deepEqual(new OwnCounter(counted).take(key).used, []);
  assert.equal(new OwnCounter({ ...counted, tells: true }).take(key).used.length, 1);
});

test("those who wait are remembered within bounds", () => {
  const refused = new Refused();
  const taken = { wait: 1e12, used: [] };
  for (let n = 0; n < 25_000; n++) refused.note(`${n}`, taken);
  assert.ok(refused.look("24999") !== undefined);
  assert.equal(refused.look("1"), undefined);
  refused.note("short", { wait: 1, used: [] });
  const start = performance.now();
  while (performance.now() - start < 1); // a tick is 1/16 us
  assert.equal(refused.look("short"), undefined);
});
