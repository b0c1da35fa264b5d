// Connections to backends that cannot be made, or break as soon as they are: refused, reset at accept,
// closed while idle. Whether the request may be sent again is the question in all of them.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { connect } from "../harness/client.ts";
import { httpOrigin, origin } from "../harness/origin.ts";
import { type Plane, startPlane } from "./plane.ts";

const bounded = { timeout: 30_000 };

async function deadUrl(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `http://127.0.0.1:${port}`;
}

async function statusOf(proxy: Plane, method = "GET", body = ""): Promise<number> {
  await using client = await connect(proxy.port);
  const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
  await client.send(
    `${method} /x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n${length}\r\n${body}`,
  );
  const { status } = await client.readResponse();
  return status;
}

test("a backend where nobody listens is a 502 with its name", bounded, async () => {
  await using proxy = await startPlane({ routes: { "a.test": await deadUrl() } });
  assert.equal(await statusOf(proxy), 502);
  assert.equal(await statusOf(proxy, "POST", "hello"), 502);
  await proxy.assertNothingLeft();
  const names = (await proxy.end()).map(({ failure }) => failure);
  assert.deepEqual(names, ["CONNECT_REFUSED", "CONNECT_REFUSED"]);
  assert.ok(proxy.told.some((line) => line.includes("refused the connection")));
});

test("a unix socket that is not there is a 502", bounded, async () => {
  await using proxy = await startPlane({ routes: { "a.test": "unix:/nowhere/app.sock" } });
  assert.equal(await statusOf(proxy), 502);
  await proxy.assertNothingLeft();
  assert.equal((await proxy.end())[0]?.failure, "CONNECT_REFUSED");
});

test(
  "another backend takes what nothing of was sent, whatever its method and body",
  bounded,
  async () => {
    const received: string[] = [];
    await using back = await httpOrigin((incoming, outgoing) => {
      let body = "";
      incoming.on("data", (bytes: Buffer) => (body += bytes.toString()));
      incoming.on("end", () => {
        received.push(`${incoming.method} ${body}`);
        outgoing.end("ok");
      });
    });
    await using proxy = await startPlane({ routes: { "a.test": [await deadUrl(), back.url] } });
    for (let turn = 0; turn < 4; turn++)
      assert.equal(await statusOf(proxy, "POST", `body ${turn}`), 200);
    assert.deepEqual(received, ["POST body 0", "POST body 1", "POST body 2", "POST body 3"]);
    await proxy.assertNothingLeft();
  },
);

test(
  "a backend that resets at accept is a 502 or, with another one, no failure for GET",
  bounded,
  async () => {
    await using bad = await origin({ onConnection: (each) => each.reset() });
    await using proxy = await startPlane({ routes: { "a.test": bad.url } });
    for (let turn = 0; turn < 10; turn++) assert.equal(await statusOf(proxy), 502);
    assert.equal(await statusOf(proxy, "POST", "hello"), 502);
    await proxy.assertNothingLeft();
  },
);

for (const method of ["GET", "POST"] as const) {
  test(
    `an idle connection that dies as it is used costs ${method === "GET" ? "no" : "a"} failure (${method})`,
    bounded,
    async () => {
      let requests = 0;
      await using back = await origin({
        async onConnection(connection) {
          // The first request is answered; the second one on the same connection is not.
          await connection.readRequest();
          requests++;
          await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
          await connection.readRequest().catch(() => undefined);
          connection.reset();
        },
      });
      await using proxy = await startPlane({ routes: { "a.test": back.url } });
      assert.equal(await statusOf(proxy), 200);
      assert.equal(
        await statusOf(proxy, method, method === "POST" ? "hello" : ""),
        method === "GET" ? 200 : 502,
      );
      // RFC 9110 section 9.2.2: what is not idempotent must not be sent twice.
      assert.equal(requests, method === "GET" ? 2 : 1);
      for (const { socket } of back.connections) socket.destroy();
      await proxy.assertNothingLeft();
      const line = (await proxy.end())[1];
      assert.equal(line?.failure ?? "", method === "GET" ? "" : "UPSTREAM_CLOSED");
    },
  );
}

test(
  "a client that goes away while its connection is made leaves it to the next",
  bounded,
  async () => {
    await using back = await httpOrigin((_incoming, outgoing) => outgoing.end("ok"));
    await using proxy = await startPlane({ routes: { "a.test": back.url } });
    for (let turn = 0; turn < 20; turn++) {
      const client = await connect(proxy.port);
      void client.send("GET /gone HTTP/1.1\r\nHost: a.test\r\n\r\n");
      client.reset();
      await client[Symbol.asyncDispose]();
    }
    assert.equal(await statusOf(proxy), 200);
    await proxy.assertNothingLeft();
  },
);

test(
  "clients that leave the queue for a connection make room, and the rest is served in order",
  bounded,
  async () => {
    await using back = await origin();
    const service = { backends: [back.url], pool: { maxConnections: 1 } };
    await using proxy = await startPlane({
      services: { s: service },
      routes: { "a.test": { service: "s" } },
    });
    const clients = await Promise.all(Array.from({ length: 6 }, () => connect(proxy.port)));
    for (const [index, client] of clients.entries()) {
      await client.send(`GET /${index} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
      await new Promise(setImmediate);
    }
    const backend = await back.accept();
    assert.match((await backend.readRequest()).startLine, /^GET \/0 /);
    clients[1]?.reset();
    clients[3]?.end();
    await clients[3]?.waitClose();
    for (const expected of [2, 4, 5]) {
      await backend.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      assert.match((await backend.readRequest()).startLine, new RegExp(`^GET /${expected} `));
    }
    await backend.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    for (const index of [0, 2, 4, 5])
      assert.equal((await clients[index]?.readResponse())?.status, 200);
    for (const client of clients) await client[Symbol.asyncDispose]();
    assert.equal(back.connections.length, 1);
    await proxy.assertNothingLeft();
  },
);
