import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { LivePeers } from "./live-peers.ts";
import { ownerAmong } from "./rendezvous.ts";
import { Topics } from "./topics.ts";

async function peersIn(t: TestContext, numbers: readonly number[]): Promise<LivePeers[]> {
  const folder = await mkdtemp(join(tmpdir(), "peers-"));
  const all: LivePeers[] = [];
  t.after(async () => {
    for (const each of all) each.close();
    await rm(folder, { recursive: true });
  });
  for (const self of numbers) {
    const peers = new LivePeers();
    all.push(peers);
    await peers.open({ folder, self, serving: [] });
  }
  all.forEach((each, at) => each.update({ folder, self: numbers[at] ?? 0, serving: numbers }));
  return all;
}

test("all agree who looks after a key, and one that goes takes only its own keys along", () => {
  const keys = Array.from({ length: 3000 }, (_, at) => `key ${at}`);
  const before = keys.map((key) => ownerAmong([1, 2, 3], key));
  for (const number of [1, 2, 3]) {
    const share = before.filter((each) => each === number).length;
    assert.ok(share > 800 && share < 1200, `${number} has ${share}`);
  }
  const after = keys.map((key) => ownerAmong([1, 3], key));
  const moved = keys.filter((_, at) => before[at] !== 2 && before[at] !== after[at]);
  assert.deepEqual(moved, []);
  assert.equal(ownerAmong([], "key"), undefined);
});

test("a question reaches the owner, and its answer comes back", async (t) => {
  const [one, two] = await peersIn(t, [1, 2]);
  assert.ok(one !== undefined && two !== undefined);
  for (const each of [one, two]) each.answer("double", (question) => Number(question) * 2);
  two.answer("later", async (question) => `${String(question)}!`);
  two.answer("never", () => {
    throw new Error("no");
  });
  const key = keyOf(one);
  const peer = one.ownerOf(key);
  assert.ok(peer !== undefined);
  assert.equal(two.ownerOf(key), undefined);
  const many = Array.from({ length: 500 }, (_, at) => peer.ask("double", at, 5000));
  assert.deepEqual(
    await Promise.all(many),
    many.map((_, at) => at * 2),
  );
  assert.equal(await peer.ask("later", "x\n\u{1f30a}", 5000), "x\n\u{1f30a}!");
  await assert.rejects(peer.ask("never", 1, 5000), /^Error: no$/);
  await assert.rejects(peer.ask("unknown", 1, 5000), /nobody answers about unknown/);
});

test("a configuration that never goes live takes no answer away from the one that is", () => {
  const topics = new Topics();
  const takeBack = topics.answer("limit", () => "live");
  const takeBackNew = topics.answer("limit", () => "new");
  assert.equal(topics.ask("limit", 1), "new");
  takeBackNew();
  assert.equal(topics.ask("limit", 1), "live");
  const takeBackNext = topics.answer("limit", () => "next");
  takeBack();
  takeBackNew();
  assert.equal(topics.ask("limit", 1), "next");
  takeBackNext();
  assert.throws(() => topics.ask("limit", 1), /nobody answers/);
});

test("news reach all others", async (t) => {
  const all = await peersIn(t, [1, 2, 3]);
  const heard = all.map((each) => new Promise((resolve) => each.hear("news", resolve)));
  all[0]?.tell("news", { purged: "x" });
  assert.deepEqual(await Promise.all(heard.slice(1)), [{ purged: "x" }, { purged: "x" }]);
});

test("one that is gone, hangs or is another version leaves whoever asks alone, and soon", async (t) => {
  const [one, two] = await peersIn(t, [1, 2]);
  assert.ok(one !== undefined && two !== undefined);
  two.answer("hang", () => new Promise(() => {}));
  const peer = one.ownerOf(keyOf(one));
  assert.ok(peer !== undefined);
  await assert.rejects(peer.ask("hang", 1, 20), /did not answer within 20 ms/);
  const asked = peer.ask("hang", 1, 60_000);
  two.close();
  await assert.rejects(asked, /lost/);
  await assert.rejects(peer.ask("hang", 1, 60_000), /could not be reached/);
});

test("a worker that speaks otherwise is not listened to", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "peers-"));
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write('{"peer":1,"version":"0.0.0-other"}\n[[1,"wrong"]]\n');
  });
  await new Promise<void>((resolve) => server.listen(join(folder, "2.ask"), resolve));
  const one = new LivePeers();
  one.update({ folder, self: 1, serving: [1, 2] });
  t.after(async () => {
    one.close();
    server.close();
    await rm(folder, { recursive: true });
  });
  await assert.rejects(one.ownerOf(keyOf(one))?.ask("x", 1, 60_000) ?? Promise.resolve(), /lost/);
});

test("who serves alone is the owner of everything", () => {
  const alone = new LivePeers();
  assert.equal(alone.count, 1);
  assert.equal(alone.ownerOf("key"), undefined);
});

/** A key that somebody else looks after. */
function keyOf(peers: LivePeers): string {
  for (let at = 0; at < 1000; at++) if (peers.ownerOf(`${at}`) !== undefined) return `${at}`;
  throw new Error("nobody else looks after anything");
}
