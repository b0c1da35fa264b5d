// Who is to blame: what clients do wrong, or we refuse, is held against no backend; what a slow or endless
// answer takes is not either; and clients cannot use up what belongs to others.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { type Client, connect } from "../harness/client.ts";
import { gate, LiveOrigin } from "../harness/live-origin.ts";
import { httpOrigin } from "../harness/origin.ts";
import {
  asJson,
  askOn,
  begin,
  countsOf,
  originOf,
  origins,
  type Stand,
  startStand,
  statusesOf,
} from "../harness/service-stand.ts";

const bounded = { timeout: 30_000 };
const breaker = {
  when: "NetworkErrorRatio() > 0.30",
  checkPeriod: "50ms",
  fallbackDuration: "60s",
};
const patient = { failures: 0, connectFailures: 0 }; // marks of backends would mix in

/** Requests whose body is begun and never finished. */
async function unfinished(
  stand: Stand,
  stack: AsyncDisposableStack,
  count: number,
): Promise<Client[]> {
  const clients: Client[] = [];
  for (let n = 0; n < count; n += 1) {
    const client = stack.use(await connect(stand.port));
    await client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n012");
    clients.push(client);
  }
  return clients;
}

// --- the circuit breaker -----------------------------------------------------------------------------

test("bodies that are no chunks open no breaker", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  await using stand = await startStand({ service: { backends: [a.url], breaker } });
  for (let n = 0; n < 20; n += 1) {
    await using client = await connect(stand.port);
    await client.send(
      "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZZ\r\n",
    );
    await client.waitClose();
  }
  await pause(300); // some periods, in which nothing may happen
  assert.deepEqual(countsOf(await stand.askInARow(3)), { a: 3 });
  assert.equal((await stand.service()).breaker, "closed");
  assert.equal((await stand.backend(a)).state, "up");
  await stand.assertQuiet();
});

test("clients that reset in the middle of a body open no breaker", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  await using stand = await startStand({ service: { backends: [a.url], breaker } });
  const clients = await unfinished(stand, stack, 20);
  const carried = async () => (await stand.backend(a)).inFlight === clients.length || undefined;
  await eventually("all to be carried", carried);
  for (const client of clients) client.reset();
  await stand.assertQuiet();
  await pause(300); // some periods, in which nothing may happen
  assert.deepEqual(countsOf(await stand.askInARow(3)), { a: 3 });
  assert.equal((await stand.service()).breaker, "closed");
});

test("the end of patience with a pause opens no breaker", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  const service = { backends: [a.url], breaker, pauseFor: "1s" };
  await using stand = await startStand({ service });
  await stand.order("pause");
  const responses = await Promise.all(Array.from({ length: 20 }, () => stand.ask(asJson)));
  assert.deepEqual(statusesOf(responses), [503]);
  assert.ok(responses.every(({ body }) => body.includes("PAUSED")));
  await pause(300); // some periods, in which nothing may happen
  await stand.order("resume");
  assert.deepEqual(countsOf(await stand.askInARow(3)), { a: 3 });
  assert.equal((await stand.service()).breaker, "closed");
});

// --- marks ---------------------------------------------------------------------------------------------

for (const count of [1, 2]) {
  test(
    `clients that stall in their body do not make a backend dead (one of ${count})`,
    bounded,
    async () => {
      await using stack = new AsyncDisposableStack();
      // It has no patience with a request that does not get on, and closes.
      const impatient = stack.use(
        await httpOrigin((request, response) => {
          if (request.method === "GET") response.end("fine");
          else setTimeout(() => request.socket.destroy(), 200);
        }),
      );
      const [b] = await origins(stack, "b");
      const backends = [impatient.url, b.url].slice(0, count);
      const passive = { failures: 2, deadFor: "60s" };
      await using stand = await startStand({
        service: { backends, passive, balance: "round-robin" },
      });
      const clients = await unfinished(stand, stack, 5 * count);
      // Those that the other backend got go on stalling.
      await eventually("five to be let down", () =>
        clients.filter(({ pending, hasEnded }) => hasEnded || pending !== "").length === 5
          ? true
          : undefined,
      );
      // Before anybody is answered: that would end a mark.
      assert.equal((await stand.backend(impatient)).state, "up");
      assert.deepEqual(statusesOf(await stand.askApart(4)), [200]);
    },
  );
}

test("a backend on trial that begins an endless answer is back at once", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const origin = stack.use(
    await httpOrigin((request, response) => {
      if (request.url === "/bad") request.socket.destroy();
      else if (request.url !== "/events") response.end("fine");
      else response.writeHead(200, { "Content-Type": "text/event-stream" }).write("data: 1\n\n");
    }),
  );
  await using stand = await startStand({
    service: {
      backends: [origin.url],
      passive: { failures: 1, deadFor: "500ms" },
      whenAllDown: "refuse",
    },
  });
  assert.equal((await stand.ask({ path: "/bad" })).status, 502);
  assert.equal((await stand.ask()).status, 503);
  const events = await eventually("events", async () => {
    const client = stack.use(await begin(stand.port, { path: "/events" }));
    await client.waitHeadOrClose();
    return client.pending.startsWith("HTTP/1.1 200") ? client : undefined;
  });
  const begun = performance.now();
  assert.deepEqual(statusesOf(await stand.askApart(5)), [200]);
  const ms = performance.now() - begun;
  assert.ok(ms < 1000, `${ms} ms`);
  assert.equal((await stand.backend(origin)).state, "up");
  assert.equal(events.hasEnded, false);
});

// --- time ----------------------------------------------------------------------------------------------

test(
  "what cannot be asked again is given its time, whatever tryTimeout says",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await origins(stack, "a", "b");
    for (const each of [a, b]) each.answer = () => pause(1000).then(() => ({})); // slow, as tested
    const retry = { tryTimeout: "300ms", budget: "100%" };
    const service = { backends: [a.url, b.url], retry, passive: patient };
    await using stand = await startStand({ service });
    const body = "x".repeat(200_000);
    const responses = await Promise.all([1, 2].map(() => stand.ask({ method: "PUT", body })));
    assert.deepEqual(statusesOf(responses), [200]);
    const seen = [...a.requests, ...b.requests].map((each) => each.body.length);
    assert.deepEqual(seen, [200_000, 200_000]);
  },
);

// --- what belongs to others ------------------------------------------------------------------------------

test("sessions that clients make up push no real one out", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const all = await origins(stack, "a", "b", "c", "d");
  for (const each of all) {
    each.answer = ({ headers }) =>
      /JSESSIONID=/.test(headers["cookie"] ?? "")
        ? {}
        : { headers: { "Set-Cookie": `JSESSIONID=${randomUUID()}; Path=/` } };
  }
  const sticky = { session: "cookie:JSESSIONID", sessions: 1000 };
  await using stand = await startStand({
    service: { backends: all.map(({ url }) => url), sticky, balance: "round-robin" },
  });
  // Twelve: by chance alone they would not all be found again.
  const sessions = (await stand.askApart(12)).map((response) => ({
    home: originOf(response),
    Cookie: field(response, "set-cookie").split(";")[0] ?? "",
  }));
  const lane = async (first: number) => {
    await using client = await connect(stand.port);
    for (let n = first; n < first + 625; n += 1) {
      await askOn(client, { headers: { Cookie: `JSESSIONID=made-up-${n}` } });
    }
  };
  await Promise.all([0, 625, 1250, 1875].map(lane));
  for (const { home, Cookie } of sessions) {
    assert.match(Cookie, /^JSESSIONID=.{36}$/);
    assert.equal(originOf(await stand.ask({ headers: { Cookie } })), home);
  }
});

for (const [how, vanish] of [
  ["reset", (client: Client) => client.reset()],
  ["close", (client: Client) => void client.socket.destroy()],
] as const) {
  test(`held clients that ${how} with a body half sent leave the queue`, bounded, async () => {
    await using stack = new AsyncDisposableStack();
    const a = stack.use(await LiveOrigin.dead("a"));
    const service = { backends: [a.url], holdFor: "10s", maxHeld: 5 };
    await using stand = await startStand({ service });
    for (let times = 0; times < 2; times += 1) {
      const clients = await unfinished(stand, stack, 5);
      await stand.until("all to be held", ({ held }) => held === clients.length);
      clients.forEach(vanish);
      await stand.until("nobody to be held", ({ held }) => held === 0, 2000);
    }
    await stand.assertQuiet();
    await a.revive();
    assert.equal((await stand.ask()).status, 200);
    assert.equal(a.requests.length, 1);
  });

  test(
    `clients that ${how} with a body half sent no longer wait for a connection`,
    bounded,
    async () => {
      await using stack = new AsyncDisposableStack();
      const [a] = await origins(stack, "a");
      const { passed, open } = gate();
      a.answer = ({ target }) => (target === "/busy" ? passed.then(() => ({})) : {});
      const pool = { maxConnections: 1, maxWait: "10s" };
      await using stand = await startStand({ service: { backends: [a.url], pool } });
      await using busy = await begin(stand.port, { path: "/busy" });
      await a.arrived(1);
      const clients = await unfinished(stand, stack, 5);
      const waiting = (row: { readonly waiting: number }) => row.waiting;
      await stand.until("all to wait", ({ backends }) => backends.map(waiting).includes(5));
      clients.forEach(vanish);
      await stand.until(
        "nobody to wait",
        ({ backends }) => backends.every((x) => x.waiting === 0),
        2000,
      );
      open();
      assert.equal((await busy.readResponse()).status, 200);
      await stand.assertQuiet();
    },
  );
}
