// `tidegate drain SERVICE BACKEND` takes a backend out without a failed request: what runs is finished, and
// nothing new arrives, in any worker.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  asJson,
  begin,
  countsOf,
  originOf,
  origins,
  startStand,
} from "../harness/service-stand.ts";
import { gate } from "../harness/live-origin.ts";
import { startLoad } from "./load.ts";

const bounded = { timeout: 40_000 };

test("draining and resuming under load fails no request", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  await using stand = await startStand({ service: { backends: [a.url, b.url] }, workers: 2 });
  await using load = await startLoad(stand.port, 16);
  for (let times = 0; times < 3; times += 1) {
    assert.deepEqual([...(await load.lap())].toSorted(), ["a", "b"]);
    await stand.order("drain", { backend: a.url });
    await load.lap();
    assert.deepEqual([...(await load.lap())], ["b"]);
    // Nothing is there, so it may go.
    await a.kill();
    await load.lap();
    await a.revive();
    await stand.order("resume", { backend: a.url });
    await load.lap();
  }
  const { failed } = await load.stop();
  assert.deepEqual(failed, []);
  await stand.assertQuiet();
});

test("what runs there is finished, and `--wait` waits for it", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  const { passed, open } = gate();
  for (const each of [a, b]) each.answer = () => passed.then(() => ({}));
  await using stand = await startStand({
    service: { backends: [a.url, b.url], balance: "round-robin" },
  });
  await using first = await begin(stand.port);
  await using second = await begin(stand.port);
  await a.arrived(1);
  await b.arrived(1);
  let isOver = false;
  const draining = stand.command("drain", "shop", `127.0.0.1:${a.port}`, "--wait").then((ended) => {
    isOver = true;
    return ended;
  });
  const row = await stand.untilBackend(a, "draining");
  assert.equal(row.inFlight, 1);
  b.answer = () => ({});
  assert.deepEqual(countsOf(await stand.askInARow(10)), { b: 10 });
  assert.equal(isOver, false, "there is one in flight");
  open();
  for (const client of [first, second]) assert.equal((await client.readResponse()).status, 200);
  const ended = await draining;
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);
  assert.equal(a.requests.length, 1);
});

test("new workers and reloads know of it", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b, c] = await origins(stack, "a", "b", "c");
  await using stand = await startStand({ service: { backends: [a.url, b.url] }, workers: 2 });
  await stand.order("drain", { backend: a.url });
  const before = await stand.control.workers();
  assert.equal((await stand.command("restart")).code, 0);
  await stand.control.settled(2, before);
  await stand.reload({ backends: [a.url, b.url, c.url] });
  const counts = countsOf((await stand.askApart(16)).map(originOf));
  assert.deepEqual(Object.keys(counts).toSorted(), ["b", "c"]);
  assert.equal((await stand.backend(a)).state, "draining");
  await stand.order("resume", { backend: a.url });
  const names = (await stand.askApart(24)).map(originOf);
  assert.ok(names.includes("a"), names.join(" "));
});

test("when all drain, `try` asks them all the same and `refuse` refuses", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  const backends = [a.url, b.url];
  await using stand = await startStand({ service: { backends } });
  for (const url of backends) await stand.order("drain", { backend: url });
  assert.equal((await stand.ask()).status, 200);
  await stand.reload({ backends, whenAllDown: "refuse" });
  const refused = await stand.ask(asJson);
  assert.equal(refused.status, 503);
  assert.match(refused.body, /NO_BACKEND/);
});

test("a draining backend is asked after a dead one, not before", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  const service = { backends: [a.url, b.url], passive: { statuses: [500], failures: 1 } };
  await using stand = await startStand({ service });
  await stand.order("drain", { backend: a.url });
  b.answer = () => ({ status: 500 });
  await stand.ask();
  await stand.untilBackend(b, "dead");
  b.answer = () => ({});
  assert.deepEqual(countsOf(await stand.askInARow(4)), { b: 4 }, "the dead one is tried");
});

test("names that fit nobody are refused, and say which there are", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  await using stand = await startStand({ service: { backends: [a.url] } });
  for (const words of [
    ["drain", "shop", "127.0.0.2"],
    ["drain", "shop"],
    ["resume", "shop", "nobody"],
    ["drain", "nowhere", a.url],
  ]) {
    const { code, stdout, stderr } = await stand.command(...words);
    assert.equal(code, 1, words.join(" "));
    assert.match(stdout + stderr, new RegExp(`shop|${a.port}`), words.join(" "));
  }
  assert.equal((await stand.backend(a)).state, "up");
  const done = await stand.command("drain", "shop", String(a.port), "--json");
  assert.equal(done.code, 0, done.stderr);
  assert.equal((await stand.backend(a)).state, "draining");
});

test("HOST:PORT is not a backend whose port only begins so", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  const short = String(a.port).slice(0, -1);
  const other = `http://127.0.0.1:${short}`;
  await using stand = await startStand({ service: { backends: [a.url] } });
  const wrong = await stand.command("drain", "shop", `127.0.0.1:${short}`);
  assert.equal((await stand.backend(a)).state, "up", wrong.stdout);
  assert.equal(wrong.code, 1);
  await stand.reload({ backends: [a.url, other] });
  const right = await stand.command("drain", "shop", `127.0.0.1:${short}`);
  assert.equal(right.code, 0, right.stderr);
  assert.equal((await stand.backend({ url: other })).state, "draining");
  assert.equal((await stand.backend(a)).state, "up");
});
