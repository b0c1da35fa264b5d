// `tidegate pause SERVICE` holds requests while somebody deploys, and `resume` lets them go: in order, in all
// workers, and without a failure.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import type { Client } from "../harness/client.ts";
import { gate } from "../harness/live-origin.ts";
import {
  asJson,
  begin,
  countsOf,
  originOf,
  origins,
  type Stand,
  startStand,
  statusesOf,
} from "../harness/service-stand.ts";
import { startLoad } from "./load.ts";

const bounded = { timeout: 40_000 };

for (const workers of [0, 2]) {
  test(`a pause under load fails no request (${workers} workers)`, bounded, async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await origins(stack, "a", "b");
    await using stand = await startStand({ service: { backends: [a.url, b.url] }, workers });
    const seen = () => a.requests.length + b.requests.length;
    await using load = await startLoad(stand.port, 16);
    for (let times = 0; times < 3; times += 1) {
      await load.lap();
      await stand.order("pause");
      await stand.until("all of the load to wait", ({ held }) => held === 16);
      assert.equal((await stand.service()).state, "paused");
      const count = seen();
      // A deploy: both origins are away for a moment.
      await Promise.all([a.kill(), b.kill()]);
      await Promise.all([a.revive(), b.revive()]);
      assert.equal(seen(), count, "nobody was asked during the pause");
      await stand.order("resume");
      await load.lap();
    }
    const { failed } = await load.stop();
    assert.deepEqual(failed, []);
    await stand.assertQuiet();
    assert.equal((await stand.service()).state, "up");
  });
}

test("what runs when the pause begins is finished", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  const { passed, open } = gate();
  a.answer = ({ target }) => (target === "/running" ? passed.then(() => ({})) : {});
  await using stand = await startStand({ service: { backends: [a.url] }, workers: 2 });
  await using running = await begin(stand.port, { path: "/running" });
  await a.arrived(1);
  await stand.order("pause");
  await using waiting = await begin(stand.port, { path: "/waiting" });
  await stand.until("one to wait", ({ held }) => held === 1);
  open();
  assert.equal((await running.readResponse()).status, 200);
  assert.deepEqual(a.targets, ["/running"]);
  await stand.order("resume");
  assert.equal((await waiting.readResponse()).status, 200);
});

test("they go on in the order they came", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  await using stand = await startStand({
    service: { backends: [a.url], pool: { maxConnections: 1 } },
  });
  await stand.order("pause");
  const clients: Client[] = [];
  for (let n = 0; n < 10; n += 1) {
    clients.push(stack.use(await begin(stand.port, { path: `/${n}` })));
    await stand.until(`${n + 1} to wait`, ({ held }) => held === n + 1);
  }
  await stand.order("resume");
  for (const client of clients) assert.equal((await client.readResponse()).status, 200);
  assert.deepEqual(
    a.targets,
    clients.map((_, n) => `/${n}`),
  );
});

test("after pauseFor they are answered 503", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  await using stand = await startStand({
    service: { backends: [a.url], pauseFor: "1s" },
  });
  await stand.order("pause");
  const begun = performance.now();
  const response = await stand.ask(asJson);
  const ms = performance.now() - begun;
  assert.equal(response.status, 503);
  assert.match(response.body, /PAUSED/);
  assert.ok(ms > 950 && ms < 2500, `${ms} ms`);
  assert.equal((await stand.service()).state, "paused", "it is not over");
  await stand.order("resume");
  assert.equal((await stand.ask()).status, 200);
});

test("a client that leaves during a pause is forgotten, and maxHeld holds", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  await using stand = await startStand({ service: { backends: [a.url], maxHeld: 1 } });
  await stand.order("pause");
  const first = stack.use(await begin(stand.port, { path: "/first" }));
  await stand.until("one to wait", ({ held }) => held === 1);
  const refused = await stand.ask(asJson);
  assert.deepEqual([refused.status, /HOLD_FULL/.test(refused.body)], [503, true], refused.body);
  first.reset();
  await stand.until("nobody to wait", ({ held }) => held === 0);
  const second = stack.use(await begin(stand.port, { path: "/second" }));
  await stand.until("one to wait", ({ held }) => held === 1);
  await stand.order("resume");
  assert.equal((await second.readResponse()).status, 200);
  assert.deepEqual(a.targets, ["/second"]);
});

test("another service is not paused with it", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  await using stand = await startStand({
    service: { backends: [a.url], pauseFor: "1s" },
    services: { other: { backends: [b.url] } },
    routes: { "other.test": { service: "other" } },
  });
  await stand.order("pause");
  assert.equal(originOf(await stand.ask({ name: "other.test" })), "b");
  assert.equal((await stand.ask()).status, 503);
});

test("a pause outlives workers and reloads, until somebody ends it", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  await using stand = await startStand({ service: { backends: [a.url] }, workers: 2 });
  await stand.order("pause");
  const before = await stand.control.workers();
  assert.equal((await stand.command("restart")).code, 0);
  await stand.control.settled(2, before);
  await stand.reload({ backends: [b.url] });
  const clients: Client[] = [];
  for (let n = 0; n < 8; n += 1) clients.push(stack.use(await begin(stand.port)));
  await stand.until("all to wait", ({ held }) => held === 8);
  assert.equal((await stand.service()).state, "paused");
  await stand.order("resume");
  for (const client of clients) assert.equal(originOf(await client.readResponse()), "b");
  assert.equal(a.requests.length, 0);
});

test("what an operator asked for outlives an upgrade", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  await using stand = await startStand({
    service: { backends: [a.url], pauseFor: "30s" },
    services: { closed: { backends: [a.url] }, drained: { backends: [a.url, b.url] } },
    routes: { "closed.test": { service: "closed" }, "drained.test": { service: "drained" } },
    workers: 2,
  });
  await stand.order("pause");
  await stand.order("maintenance", { service: "closed", on: true });
  await stand.order("drain", { service: "drained", backend: a.url });
  const before = await stand.control.workers();
  const upgraded = await stand.command("upgrade");
  assert.equal(upgraded.code, 0, upgraded.stderr);
  await stand.control.settled(2, before);
  await using waiting = await begin(stand.port);
  await stand.until("one to wait", ({ held }) => held === 1);
  assert.deepEqual(statusesOf(await stand.askApart(8, { name: "closed.test" })), [503]);
  const names = (await stand.askApart(12, { name: "drained.test" })).map(originOf);
  assert.deepEqual(countsOf(names), { b: 12 });
  assert.equal((await stand.backend(a, "drained")).state, "draining");
  await stand.order("resume");
  assert.equal(originOf(await waiting.readResponse()), "a");
});

for (const workers of [0, 2]) {
  const title = `orders about a service that was gone for a while are over (${workers} workers)`;
  test(title, bounded, async () => {
    await using stack = new AsyncDisposableStack();
    const [a] = await origins(stack, "a");
    const service = { backends: [a.url], pauseFor: "1s" };
    const full = {
      services: { side: service, closed: service },
      routes: { "side.test": { service: "side" }, "closed.test": { service: "closed" } },
    };
    await using stand = await startStand({ service, ...full, workers });
    await stand.order("pause", { service: "side" });
    await stand.order("maintenance", { service: "closed", on: true });
    await stand.reload(service, { services: {}, routes: {} });
    await stand.reload(service, full);
    for (const name of ["side", "closed"]) {
      assert.equal((await stand.service(name)).state, "up");
      assert.deepEqual(statusesOf(await stand.askApart(8, { name: `${name}.test` })), [200]);
    }
    await stand.order("pause", { service: "side" });
    assert.equal((await stand.ask({ name: "side.test" })).status, 503, "it can be paused again");
    await stand.order("resume", { service: "side" });
    assert.deepEqual(statusesOf(await stand.askApart(8, { name: "side.test" })), [200]);
  });
}

test("a configuration that cannot go live ends no order", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  const service = { backends: [a.url, b.url] };
  const full = { services: { side: service }, routes: { "side.test": { service: "side" } } };
  await using stand = await startStand({ service, ...full, workers: 2 });
  await stand.order("pause", { service: "side" });
  await stand.order("drain", { backend: a.url });
  await using waiting = await begin(stand.port, { name: "side.test" });
  await eventually(
    "one to wait",
    async () => (await stand.service("side")).held === 1 || undefined,
  );
  await stand.program.writeConfig({
    listeners: { web: "127.0.0.1:0", taken: new URL(a.url).host },
    stateFolder: stand.stateFolder,
    routes: { "app.test": { service: "shop" } },
    services: { shop: { backends: [b.url] } },
  });
  const { code, stdout, stderr } = await stand.command("reload");
  assert.equal(code, 1, stdout);
  assert.match(stderr, /EADDRINUSE/);
  const { state, held } = await stand.service("side");
  assert.deepEqual([state, held], ["paused", 1]);
  assert.deepEqual(countsOf(await stand.askInARow(6)), { b: 6 });
  await stand.reload(service);
  assert.equal((await stand.service("side")).state, "paused");
  assert.equal((await stand.backend(a)).state, "draining");
  assert.ok(a.requests.length === 0 && b.requests.length === 6, "nobody was let go");
  await stand.order("resume", { service: "side" });
  assert.equal((await waiting.readResponse()).status, 200);
});

const departures: Readonly<Record<string, (stand: Stand) => Promise<void>>> = {
  "an upgrade": async (stand) => {
    const { code, stderr } = await stand.command("upgrade");
    assert.equal(code, 0, stderr);
  },
  "the death of the primary": async ({ control }) => {
    process.kill((await control.status()).pid, "SIGKILL");
  },
};

for (const [what, happen] of Object.entries(departures)) {
  test(`${what} lets go what old workers hold, and new ones hold on`, bounded, async () => {
    await using stack = new AsyncDisposableStack();
    const [a] = await origins(stack, "a");
    await using stand = await startStand({
      service: { backends: [a.url], pauseFor: "30s" },
      workers: 2,
    });
    await stand.order("pause");
    const clients: Client[] = [];
    for (let n = 0; n < 8; n += 1) clients.push(stack.use(await begin(stand.port)));
    await stand.until("all to wait", ({ held }) => held === 8);
    const before = await stand.control.workers();
    await happen(stand);
    for (const client of clients) {
      assert.equal((await client.readResponse()).status, 200);
      // Old workers wait for what idle connections may ask.
      client.reset();
    }
    await stand.control.settled(2, before);
    await eventually("old workers to be gone", () => {
      const pids = stand.program.pids();
      return !before.some(({ pid }) => pids.includes(pid)) || undefined;
    });
    await using waiting = await begin(stand.port);
    await stand.until("one to wait", ({ held }) => held === 1);
    assert.equal(a.requests.length, 8);
    await stand.order("resume");
    assert.equal((await waiting.readResponse()).status, 200);
  });
}

test("a worker that is replaced holds on, and hears of the end of the pause", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  await using stand = await startStand({ service: { backends: [a.url] }, workers: 2 });
  await stand.order("pause");
  const clients: Client[] = [];
  for (let n = 0; n < 8; n += 1) clients.push(stack.use(await begin(stand.port)));
  await stand.until("all to wait", ({ held }) => held === 8);
  assert.equal((await stand.command("restart")).code, 0);
  assert.equal((await stand.service()).held, 8);
  assert.equal(a.requests.length, 0);
  await stand.order("resume");
  for (const client of clients) assert.equal((await client.readResponse()).status, 200);
});

test("the commands say what was done, and which names there are", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  await using stand = await startStand({ service: { backends: [a.url] }, workers: 2 });
  const paused = await stand.command("pause", "shop");
  assert.equal(paused.code, 0, paused.stderr);
  await using client = await begin(stand.port);
  await stand.until("one to wait", ({ held }) => held === 1);
  const status = await stand.command("status");
  assert.match(status.stdout, /shop.*paused/s, "status shows it");
  assert.match((await stand.command("services")).stdout, /shop.*paused/s);
  const resumed = await stand.command("resume", "shop", "--json");
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.equal((JSON.parse(resumed.stdout) as { ok: boolean }).ok, true);
  assert.equal((await client.readResponse()).status, 200);
  for (const verb of ["pause", "resume"]) {
    const { code, stdout, stderr } = await stand.command(verb, "shopp");
    assert.equal(code, 1);
    assert.match(stdout + stderr, /shop/);
  }
});
