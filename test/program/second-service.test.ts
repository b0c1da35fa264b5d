// Where a service stands beside another: a request never comes twice to the one that answered it, who is left
// alone is left for the next, and a copy is a whole request or none.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { eventually } from "../harness/barrier.ts";
import { type Client, connect } from "../harness/client.ts";
import { type Answer, LiveOrigin } from "../harness/live-origin.ts";
import { httpOrigin } from "../harness/origin.ts";
import {
  asJson,
  begin,
  countsOf,
  originOf,
  origins,
  type Stand,
  startStand,
} from "../harness/service-stand.ts";

const bounded = { timeout: 30_000 };
const patient = { failures: 0, connectFailures: 0 }; // marks of backends would mix in
const failing = (): Answer => ({ status: 500, body: "from main" });

interface Two {
  readonly main: { readonly url: string };
  readonly standby: { readonly url: string };
}

/** `main`, and `standby` for when it is down or answers with one of the statuses. */
function startPair(
  { main, standby }: Two,
  settings: { readonly main?: object; readonly standby?: object; readonly workers?: number } = {},
): Promise<Stand> {
  return startStand({
    service: { failover: ["main", "standby"], statuses: ["500-504"] },
    services: {
      main: { backends: [main.url], ...settings.main },
      standby: { backends: [standby.url], ...settings.standby },
    },
    workers: settings.workers ?? 0,
  });
}

for (const workers of [0, 1]) {
  test(
    `while the next one is paused, the answer there is stands (${workers} workers)`,
    bounded,
    async () => {
      await using stack = new AsyncDisposableStack();
      const [main, standby] = await origins(stack, "main", "standby");
      main.answer = failing;
      const holding = { holdFor: "2s", pauseFor: "2s" };
      const settings = { main: holding, standby: holding, workers };
      await using stand = await startPair({ main, standby }, settings);
      await stand.order("pause", { service: "standby" });
      const response = await stand.ask({ method: "DELETE" });
      assert.deepEqual([response.status, response.body], [500, "from main"]);
      assert.deepEqual([main.requests.length, standby.requests.length], [1, 0]);
      await stand.order("resume", { service: "standby" });
      assert.equal(originOf(await stand.ask({ method: "DELETE" })), "standby");
      assert.deepEqual([main.requests.length, standby.requests.length], [2, 1]);
    },
  );
}

for (const holder of ["main", "standby", "both"] as const) {
  test(
    `a request that turns out to have nowhere to go is not sent back (${holder} may hold)`,
    bounded,
    async () => {
      await using stack = new AsyncDisposableStack();
      const [main] = await origins(stack, "main");
      const standby = stack.use(await LiveOrigin.dead("standby"));
      main.answer = failing;
      const [holdFor, not] = [{ holdFor: "1s" }, {}];
      await using stand = await startPair(
        { main, standby },
        {
          main: holder === "standby" ? not : holdFor,
          standby: holder === "main" ? not : holdFor,
        },
      );
      // The first finds out that nobody is there, the second knows.
      for (const count of [1, 2]) {
        const { status } = await stand.ask({ method: "DELETE" });
        assert.ok(status >= 500, String(status));
        assert.equal(main.requests.length, count);
      }
      await stand.assertQuiet();
    },
  );
}

test("a request that waits for the next service goes there when it comes", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [main] = await origins(stack, "main");
  const standby = stack.use(await LiveOrigin.dead("standby"));
  main.answer = failing;
  await using stand = await startPair({ main, standby }, { standby: { holdFor: "20s" } });
  await using client = await begin(stand.port, { method: "DELETE" });
  await heldBy(stand, "standby", 1);
  await standby.revive();
  assert.equal(originOf(await client.readResponse()), "standby");
  assert.deepEqual([main.requests.length, standby.requests.length], [1, 1]);
});

/** Until so many requests are held by this service. */
async function heldBy(stand: Stand, service: string, count: number): Promise<void> {
  await eventually(`${count} held by ${service}`, async () =>
    (await stand.service(service)).held === count ? true : undefined,
  );
}

for (const [retry, asked] of [
  [{ attempts: 0 }, 1],
  [{ attempts: 2 }, 1],
  [{ attempts: 2, statuses: [500] }, 3],
] as const) {
  test(
    `after ${asked} bad answers of ${JSON.stringify(retry)} the stand-in is asked`,
    bounded,
    async () => {
      await using stack = new AsyncDisposableStack();
      const [standby, ...mains] = await origins(stack, "standby", "a", "b", "c");
      for (const each of mains) each.answer = failing;
      const backends = mains.map(({ url }) => url);
      await using stand = await startPair(
        { main: mains[0], standby },
        { main: { backends, retry: { budget: "100%", ...retry }, passive: patient } },
      );
      assert.deepEqual(countsOf(await stand.askInARow(4)), { standby: 4 });
      const count = mains.reduce((sum, { requests }) => sum + requests.length, 0);
      assert.equal(count, 4 * asked);
      if (asked === 3) assert.ok(mains.every(({ requests }) => requests.length === 4));
    },
  );
}

test("who is left alone by its breaker is left for the stand-in", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [main, standby] = await origins(stack, "main", "standby");
  const when = "NetworkErrorRatio() > 0.30";
  const breaker = { when, checkPeriod: "50ms", fallbackDuration: "60s" };
  await using stand = await startPair({ main, standby }, { main: { breaker, passive: patient } });
  assert.deepEqual(countsOf(await stand.askInARow(5)), { main: 5 });
  await main.kill();
  await eventually("the breaker to open", async () => {
    await stand.ask();
    return (await stand.service("main")).breaker === "open" ? true : undefined;
  });
  await main.revive();
  main.requests.length = 0;
  assert.deepEqual(countsOf(await stand.askInARow(10)), { standby: 10 });
  assert.equal(originOf(await stand.ask({ method: "POST", body: "once" })), "standby");
  assert.equal(main.requests.length, 0);
});

test("a service in maintenance is left for the stand-in", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [main, standby] = await origins(stack, "main", "standby");
  await using stand = await startPair({ main, standby });
  await stand.order("maintenance", { service: "main", on: true });
  assert.deepEqual(countsOf(await stand.askInARow(10)), { standby: 10 });
  assert.equal(main.requests.length, 0);
  await stand.order("maintenance", { service: "main", on: false });
  assert.deepEqual(countsOf(await stand.askInARow(10)), { main: 10 });
});

test("a stand-in in maintenance serves nobody, whatever the first answered", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [main, standby] = await origins(stack, "main", "standby");
  main.answer = failing;
  await using stand = await startPair({ main, standby });
  await stand.order("maintenance", { service: "standby", on: true });
  for (const count of [1, 2, 3]) {
    const response = await stand.ask(asJson);
    const isKeptOut = response.status === 503 && response.body.includes("MAINTENANCE");
    assert.ok(isKeptOut || response.body === "from main", `${response.status} ${response.body}`);
    assert.equal(main.requests.length, count);
  }
  assert.equal(standby.requests.length, 0);
  await stand.order("maintenance", { service: "standby", on: false });
  assert.equal(originOf(await stand.ask()), "standby");
});

// --- copies ----------------------------------------------------------------------------------------

const inChunks = "Transfer-Encoding: chunked\r\n\r\n3\r\n012\r\n";
const restInChunks = "7\r\n3456789\r\n0\r\n\r\n";

function startMirror(
  main: { readonly url: string },
  shadow: { readonly url: string },
): Promise<Stand> {
  return startStand({
    service: { mirror: "main", to: { shadow: "100%" } },
    services: { main: [main.url], shadow: [shadow.url] },
  });
}

/** The body of the client's copy, once one of a later request has come; undefined = there is none. */
async function copyOf(
  { stand, shadow, client }: { stand: Stand; shadow: LiveOrigin; client: Client },
  target: string,
): Promise<string | undefined> {
  const next = `/after${target}`;
  assert.equal((await stand.ask({ path: next })).status, 200);
  await eventually("the next copy", () => shadow.targets.includes(next) || undefined);
  client.reset();
  await stand.assertQuiet();
  return shadow.requests.find((each) => each.target === target)?.body;
}

test("a body that is answered before it is there is copied whole or not", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [shadow] = await origins(stack, "shadow");
  // As a login page answers: before it has read what it was sent.
  await using main = await httpOrigin((_request, response) => response.end("early"));
  await using stand = await startMirror(main, shadow);
  for (const [target, first, rest] of [
    ["/length", "Content-Length: 10\r\n\r\n012", "3456789"],
    ["/chunks", inChunks, restInChunks],
    ["/length-gone", "Content-Length: 10\r\n\r\n012", undefined],
    ["/chunks-gone", inChunks, undefined],
  ] as const) {
    await using client = await connect(stand.port);
    await client.send(`POST ${target} HTTP/1.1\r\nHost: app.test\r\n${first}`);
    assert.equal((await client.readResponse()).body, "early");
    if (rest === undefined) client.reset();
    else await client.send(rest);
    const copied = await copyOf({ stand, shadow, client }, target);
    const whole = rest === undefined ? undefined : "0123456789";
    assert.ok(copied === undefined || copied === whole, `${target}: ${copied}`);
  }
});

test("nor is it when the end of that answer waits for a slow client", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [shadow] = await origins(stack, "shadow");
  await using main = await httpOrigin(({ url = "" }, response) => {
    response.end(Buffer.alloc(url.startsWith("/after") ? 0 : Number(url.slice(1))));
  });
  await using stand = await startMirror(main, shadow);
  // Shorter answers than the system holds are over when the body comes, much longer ones are not, and those
  // in between are what is tested. How much it holds shows by trying.
  let [over, running] = [1024, 16 * 1024 * 1024];
  const isCopied = async (size: number): Promise<boolean> => {
    await using client = await connect(stand.port);
    client.socket.pause();
    await client.send(`POST /${size} HTTP/1.1\r\nHost: app.test\r\n${inChunks}`);
    await pause(100); // until it is stuck, which nobody can see
    await client.send(restInChunks);
    const copied = await copyOf({ stand, shadow, client }, `/${size}`);
    assert.ok(copied === undefined || copied === "0123456789", `${size}: ${copied}`);
    return copied !== undefined;
  };
  assert.deepEqual([await isCopied(over), await isCopied(running)], [false, true]);
  while (running - over > 8 * 1024) {
    const size = Math.floor((over + running) / 2);
    if (await isCopied(size)) running = size;
    else over = size;
  }
});

test("of two parts that lead to one service, the mirrored one is copied", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [b, shadow] = await origins(stack, "b", "shadow");
  const parts = [
    { service: "b", weight: 1 },
    { service: "shadowed", weight: 1 },
  ];
  await using stand = await startStand({
    service: { split: parts },
    services: {
      b: [b.url],
      shadow: [shadow.url],
      shadowed: { mirror: "b", to: { shadow: "100%" } },
      turned: { split: parts.toReversed() },
    },
    routes: { "turned.test": { service: "turned" } },
  });
  for (const name of ["app.test", "turned.test"]) {
    shadow.requests.length = 0;
    assert.deepEqual(countsOf(await stand.askInARow(40, { name })), { b: 40 });
    await shadow.arrived(20);
    await stand.assertQuiet();
    assert.equal(shadow.requests.length, 20, name);
  }
});

// --- a service that goes ---------------------------------------------------------------------------

for (const workers of [0, 2]) {
  test(
    `who waits for a paused service that is taken away is let go (${workers} workers)`,
    bounded,
    async () => {
      await using stack = new AsyncDisposableStack();
      const [gone, shop] = await origins(stack, "gone", "shop");
      await using stand = await startStand({
        service: [shop.url],
        services: { gone: { backends: [gone.url], pauseFor: "60s" } },
        routes: { "app.test": { service: "gone" } },
        workers,
      });
      await stand.order("pause", { service: "gone" });
      const clients: Client[] = [];
      for (let n = 0; n < 4; n += 1) clients.push(stack.use(await begin(stand.port)));
      await heldBy(stand, "gone", clients.length);
      const answers = Promise.all(clients.map((client) => once(client.socket, "data")));
      const begun = performance.now();
      await stand.reload([shop.url], { services: {}, routes: {} });
      await answers;
      const ms = performance.now() - begun;
      assert.ok(ms < 4000, `${ms} ms`);
      for (const client of clients) {
        const response = await client.readResponse();
        assert.ok(response.status === 503 || originOf(response) === "gone", originOf(response));
      }
      assert.equal(originOf(await stand.ask()), "shop");
      await stand.assertQuiet();
    },
  );
}
