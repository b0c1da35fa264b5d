// With `holdFor` requests wait for a backend instead of failing: in order, within limits, and not a moment
// longer than it takes to come up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../harness/ask.ts";
import type { Client } from "../harness/client.ts";
import { LiveOrigin } from "../harness/live-origin.ts";
import { logAtEnd } from "../harness/logged.ts";
import { asJson, begin, originOf, type Stand, startStand } from "../harness/service-stand.ts";

const bounded = { timeout: 30_000 };

/** Requests that wait, each sent when the one before was seen to wait. */
async function holdMany(
  stand: Stand,
  stack: AsyncDisposableStack,
  count: number,
): Promise<Client[]> {
  const clients: Client[] = [];
  for (let n = 0; n < count; n += 1) {
    const timeoutMs = 10_000;
    clients.push(stack.use(await begin(stand.port, { path: `/${n}`, timeoutMs })));
    await stand.until(`${n + 1} to be held`, ({ held }) => held === n + 1);
  }
  return clients;
}

async function msOf(work: Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work;
  return performance.now() - begun;
}

for (const workers of [0, 2]) {
  test(
    `requests go on within half a second of the backend's start (${workers} workers)`,
    bounded,
    async () => {
      await using stack = new AsyncDisposableStack();
      const a = stack.use(await LiveOrigin.dead("a"));
      const passive = { deadFor: "60s" };
      const service = { backends: [a.url], holdFor: "20s", passive };
      await using stand = await startStand({ service, workers });
      const clients = await holdMany(stand, stack, 8);
      await a.revive();
      const ms = await msOf(
        Promise.all(
          clients.map(async (client) => assert.equal((await client.readResponse()).status, 200)),
        ),
      );
      // A knock every 250 ms, and what a busy machine needs.
      assert.ok(ms < 600, `${ms} ms`);
      assert.equal(a.requests.length, 8);
      await stand.assertQuiet();
      assert.equal((await stand.backend(a)).state, "up");
    },
  );
}

test("a request with a body waits, and arrives whole", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const a = stack.use(await LiveOrigin.dead("a"));
  await using stand = await startStand({ service: { backends: [a.url], holdFor: "20s" } });
  const sizes = [10, 50_000, 1_000_000];
  const answers = sizes.map((size) =>
    stand.ask({ method: "POST", body: "b".repeat(size), timeoutMs: 10_000 }),
  );
  await stand.until("all to wait", ({ held }) => held === 3);
  await a.revive();
  for (const { status } of await Promise.all(answers)) assert.equal(status, 200);
  const arrived = a.requests.map(({ body }) => body.length).toSorted((x, y) => x - y);
  assert.deepEqual(arrived, sizes);
});

test("they go on in the order they came", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const a = stack.use(await LiveOrigin.dead("a"));
  // One connection: the origin sees the order.
  const service = { backends: [a.url], holdFor: "20s", pool: { maxConnections: 1 } };
  await using stand = await startStand({ service });
  const clients = await holdMany(stand, stack, 10);
  await a.revive();
  for (const client of clients) assert.equal((await client.readResponse()).status, 200);
  assert.deepEqual(
    a.targets,
    clients.map((_, n) => `/${n}`),
  );
});

test("one more than maxHeld is refused at once", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const a = stack.use(await LiveOrigin.dead("a"));
  const service = { backends: [a.url], holdFor: "20s", maxHeld: 3 };
  await using stand = await startStand({ service });
  const clients = await holdMany(stand, stack, 3);
  const begun = performance.now();
  const refused = await stand.ask(asJson);
  assert.ok(performance.now() - begun < 1000, "at once");
  assert.equal(refused.status, 503);
  assert.match(refused.body, /HOLD_FULL/);
  await a.revive();
  for (const client of clients) assert.equal((await client.readResponse()).status, 200);
  assert.equal((await stand.ask()).status, 200);
});

test("after holdFor they are told that nobody came", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const a = stack.use(await LiveOrigin.dead("a"));
  await using stand = await startStand({ service: { backends: [a.url], holdFor: "600ms" } });
  for (let times = 0; times < 2; times += 1) {
    const begun = performance.now();
    const response = await stand.ask(asJson);
    const ms = performance.now() - begun;
    assert.equal(response.status, 503);
    assert.match(response.body, /HOLD_TIMEOUT/);
    assert.ok(ms > 550 && ms < 2000, `${ms} ms`);
  }
  await stand.assertQuiet();
});

test("a client that leaves is forgotten", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const a = stack.use(await LiveOrigin.dead("a"));
  const service = { backends: [a.url], holdFor: "20s", maxHeld: 3 };
  await using stand = await startStand({ service });
  const [first, second, third] = await holdMany(stand, stack, 3);
  first?.reset();
  await stand.until("one to have left", ({ held }) => held === 2);
  third?.reset();
  await stand.until("two to have left", ({ held }) => held === 1);
  await a.revive();
  assert.equal((await second?.readResponse())?.status, 200);
  await stand.assertQuiet();
  assert.deepEqual(a.targets, ["/1"]);
});

test("a reload that brings a backend lets them go", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [stack.use(await LiveOrigin.dead("a")), stack.use(await LiveOrigin.start("b"))];
  const more = { holdFor: "20s", passive: { deadFor: "60s" } };
  await using stand = await startStand({ service: { backends: [a.url], ...more }, workers: 2 });
  const clients = await holdMany(stand, stack, 6);
  await stand.reload({ backends: [a.url, b.url], ...more });
  const ms = await msOf(
    Promise.all(
      clients.map(async (client) => assert.equal(originOf(await client.readResponse()), "b")),
    ),
  );
  assert.ok(ms < 600, `${ms} ms`);
  await stand.assertQuiet();
});

test("a reload that takes the service away does not leave them waiting", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = [stack.use(await LiveOrigin.dead("a")), stack.use(await LiveOrigin.start("b"))];
  await using stand = await startStand({ service: { backends: [a.url], holdFor: "2s" } });
  const [client] = await holdMany(stand, stack, 1);
  const routes = { "app.test": { service: "other" } };
  await stand.reload({ backends: [a.url] }, { routes, services: { other: [b.url] } });
  assert.equal(originOf(await stand.ask()), "b");
  // It began with the service that went, and gets what that can give.
  const { status = 0 } = (await client?.readResponse()) ?? {};
  assert.ok(status === 502 || status === 503, String(status));
});

test(
  "a check that succeeds lets them go, and one that has not yet keeps them",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const a = stack.use(await LiveOrigin.start("a"));
    a.health = () => ({ status: 503 });
    const check = { http: "/health", interval: "100ms", initially: "down" };
    const service = { backends: [a.url], check, holdFor: "20s" };
    await using stand = await startStand({ service, workers: 2 });
    const clients = await holdMany(stand, stack, 4);
    const { checks } = a;
    await stand.until("more checks", () => a.checks >= checks + 3);
    assert.equal(a.requests.length, 0, "not before the first success");
    a.health = () => ({});
    const ms = await msOf(Promise.all(clients.map((client) => client.readResponse())));
    assert.ok(ms < 700, `${ms} ms`);
    assert.equal(a.requests.length, 4);
  },
);

test(
  "of a load on a backend that dies and comes back, only what it had begun may fail",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const a = stack.use(await LiveOrigin.start("a"));
    await using stand = await startStand({ service: { backends: [a.url], holdFor: "10s" } });
    const ending = new AbortController();
    let answered = 0;
    const lane = async () => {
      while (!ending.signal.aborted) {
        await ask(stand.port, { timeoutMs: 9000 });
        answered += 1;
      }
    };
    const lanes = Promise.all([lane(), lane(), lane(), lane()]);
    for (let times = 0; times < 3; times += 1) {
      await a.arrived(a.requests.length + 20);
      await a.kill();
      await stand.until("somebody to wait", ({ held }) => held > 0);
      await a.revive();
    }
    await a.arrived(a.requests.length + 20);
    ending.abort();
    await lanes;
    const failed = (await logAtEnd(stand.program)).filter(({ status }) => status !== 200);
    // Whoever is refused waits; only one whose connection was cut twice may be told so.
    assert.deepEqual(
      [...new Set(failed.map(({ failure }) => failure))].filter(
        (each) => each !== "UPSTREAM_CLOSED",
      ),
      [],
    );
    assert.ok(failed.length <= 4 * 3, `${failed.length} of ${answered} failed`);
  },
);
