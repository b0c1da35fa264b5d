// The configuration changes in every phase of an exchange: the exchange ends as it began, by the old plan;
// the next one follows the new; and of the old nothing is left.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Client, connect } from "../harness/client.ts";
import { httpOrigin, origin, type Origin, type OriginConnection } from "../harness/origin.ts";
import { type Config, type Plane, startPlane, timeouts } from "./plane.ts";

const bounded = { timeout: 30_000 };
const head = "POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\n";
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";

type Step = (client: Client, back: Origin) => Promise<OriginConnection | undefined>;

async function received(back: Origin, text: RegExp): Promise<OriginConnection> {
  const connection = back.connections[0] ?? (await back.accept());
  await connection.expect(text);
  return connection;
}

/** Each begins an exchange and leaves it at one point. */
const phases: Readonly<Record<string, Step>> = {
  async "in its body"(client, back) {
    await client.send(`${head}ab`);
    return received(back, /ab/);
  },
  async "before its answer"(client, back) {
    await client.send(`${head}abcd`);
    return received(back, /abcd/);
  },
  async "in its answer"(client, back) {
    await client.send(`${head}abcd`);
    const connection = await received(back, /abcd/);
    await connection.send(`${ok}o`);
    await client.waitHeadOrClose();
    return connection;
  },
};

const rest: Readonly<Record<string, readonly [fromClient: string, fromBackend: string]>> = {
  "in its body": ["cd", `${ok}old`],
  "before its answer": ["", `${ok}old`],
  "in its answer": ["", "ld"],
};

const changes: Readonly<Record<string, (next: string) => Config>> = {
  "its service is another": (next) => ({ routes: { "a.test": next } }),
  "its route is gone": (next) => ({ routes: { "b.test": next, "a.test/alive": next } }),
  "its timeouts and limits are others": (next) => ({
    routes: { "a.test": { service: next, maxBody: 1 } },
    timeouts: { ...timeouts, body: "1ms", response: "1ms", responseBody: "1ms" },
    limits: { responseHeadBytes: 1024 },
  }),
};

for (const [when, begin] of Object.entries(phases)) {
  for (const [what, config] of Object.entries(changes)) {
    test(`an exchange ${when} ends as it began when ${what}`, bounded, async () => {
      await using back = await origin();
      await using next = await httpOrigin((_incoming, outgoing) => outgoing.end("new"));
      await using proxy = await startPlane({ routes: { "a.test": back.url } });
      const client = await connect(proxy.port);
      const connection = await begin(client, back);
      await proxy.apply(config(next.url));
      const [fromClient = "", fromBackend = ""] = rest[when] ?? [];
      await client.send(fromClient);
      if (fromClient !== "") await connection?.expect(fromClient);
      await connection?.send(fromBackend);
      assert.equal((await client.readResponse()).body, "old");
      // The very next request of the same connection is the new configuration's.
      await client.send("GET /alive HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
      if (!what.includes("timeouts")) assert.equal((await client.readResponse()).body, "new");
      await client.waitClose();
      await client[Symbol.asyncDispose]();
      // The old service is gone: its connection is not kept for anybody.
      await connection?.waitClose();
      connection?.end();
      await proxy.assertNothingLeft();
    });
  }
}

test(
  "a request of which half the head is here follows the configuration at its end",
  bounded,
  async () => {
    await using old = await httpOrigin((_incoming, outgoing) => outgoing.end("old"));
    await using next = await httpOrigin((_incoming, outgoing) => outgoing.end("new"));
    await using proxy = await startPlane({ routes: { "a.test": old.url } });
    const client = await connect(proxy.port);
    await client.send("GET / HTTP/1.1\r\nHo");
    await new Promise((resolve) => setTimeout(resolve, 20));
    await proxy.apply({ routes: { "a.test": next.url } });
    await client.send("st: a.test\r\n\r\n");
    assert.equal((await client.readResponse()).body, "new");
    await client[Symbol.asyncDispose]();
    await proxy.assertNothingLeft();
  },
);

test("a tunnel outlives its route, its service and its listener", bounded, async () => {
  await using back = await origin();
  await using next = await httpOrigin((_incoming, outgoing) => outgoing.end("new"));
  await using proxy = await startPlane({ routes: { "a.test": back.url } });
  const client = await connect(proxy.port);
  await client.send(
    "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
  );
  const connection = await back.accept();
  await connection.readRequest();
  await connection.send("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
  assert.equal((await client.readResponse()).status, 101);
  await proxy.apply({ listeners: { other: "127.0.0.1:0" }, routes: { "b.test": next.url } });
  await client.send("ping");
  await connection.expect("ping");
  await connection.send("pong");
  assert.equal(await client.readBytes(4), "pong");
  await assert.rejects(connect(proxy.port), /ECONNREFUSED/);
  await client[Symbol.asyncDispose]();
  await connection.waitClose();
  connection.end();
  // The other listener is one handle, as the first one was.
  await proxy.assertNothingLeft();
});

test("exchanges that wait for a connection are served by the old service", bounded, async () => {
  await using back = await origin();
  await using next = await httpOrigin((_incoming, outgoing) => outgoing.end("new"));
  const config = (url: string): Config => ({
    services: { s: { backends: [url], pool: { maxConnections: 1 } } },
    routes: { "a.test": { service: "s" } },
  });
  await using proxy = await startPlane(config(back.url));
  const get = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
  const first = await connect(proxy.port);
  await first.send(get);
  const connection = await back.accept();
  await connection.readRequest();
  const second = await connect(proxy.port);
  await second.send(get);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(proxy.usage.leases, 2);
  await proxy.apply(config(next.url));
  await connection.send(`${ok}old`);
  assert.equal((await first.readResponse()).body, "old");
  await connection.readRequest();
  await connection.send(`${ok}old`);
  assert.equal((await second.readResponse()).body, "old");
  await connection.waitClose();
  connection.end();
  await proxy.assertServes();
  for (const client of [first, second]) await client[Symbol.asyncDispose]();
  await proxy.assertNothingLeft();
});

async function startTwo(): Promise<{ proxy: Plane; back: Origin }> {
  const back = await origin();
  return { back, proxy: await startPlane({ routes: { "a.test": back.url } }) };
}

test("a listener that cannot be opened changes nothing", bounded, async () => {
  await using taken = await httpOrigin((_incoming, outgoing) => outgoing.end("taken"));
  const { proxy, back } = await startTwo();
  await using _proxy = proxy;
  await using _back = back;
  const listeners = { web: "127.0.0.1:0", more: `127.0.0.1:${taken.port}` };
  await assert.rejects(proxy.apply({ listeners, routes: { "b.test": taken.url } }), /EADDRINUSE/);
  const client = await connect(proxy.port);
  await client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  const connection = await back.accept();
  await connection.readRequest();
  await connection.send(`${ok}old`);
  assert.equal((await client.readResponse()).body, "old");
  await client[Symbol.asyncDispose]();
  await proxy.assertNothingLeft();
});
