// Who is paused goes on, and who waits is waited for: retries in the middle of a body, pipelined bodies,
// and answers that leave slowly. Each of these once hung, piled up, or lost bytes.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { connect } from "../harness/client.ts";
import { httpOrigin, origin } from "../harness/origin.ts";
import { startPlane, timeouts } from "./plane.ts";

const bounded = { timeout: 30_000 };

/** An address where nobody listens. */
async function deadUrl(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
}

test(
  "a retry that finds an idle connection still reads the rest of the body",
  bounded,
  async () => {
    await using back = await httpOrigin((request, response) => {
      request.resume().on("end", () => response.end("ok"));
    });
    const config = { routes: { "a.test": [await deadUrl(), back.url] } };
    await using proxy = await startPlane(config);
    for (let round = 0; round < 6; round++) {
      // A plain request first, so that an idle connection is there.
      await proxy.assertServes();
      await using client = await connect(proxy.port);
      await client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n12345");
      await new Promise((resolve) => setTimeout(resolve, 60));
      await client.send("67890");
      assert.equal((await client.readResponse()).status, 200);
    }
  },
);

test("a pipelined request whose body stops is a 408 like any other", bounded, async () => {
  await using back = await origin();
  const config = { routes: { "a.test": back.url }, timeouts: { ...timeouts, body: "300ms" } };
  await using proxy = await startPlane(config);
  await using client = await connect(proxy.port);
  await client.send(
    "GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n" +
      "POST /second HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n12345",
  );
  const backend = await back.accept();
  await backend.readRequest();
  await backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  assert.equal((await client.readResponse()).status, 200);
  assert.equal((await client.readResponse()).status, 408);
  await client.waitClose();
});

test("a pipelined upload that waits for a connection is not read meanwhile", bounded, async () => {
  await using back = await origin();
  const config = {
    routes: { "a.test": { service: "one" } },
    services: { one: { backends: [back.url], pool: { maxConnections: 1 } } },
  };
  await using proxy = await startPlane(config);
  await using busy = await connect(proxy.port);
  await using client = await connect(proxy.port);
  await client.send("GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n");
  const backend = await back.accept();
  await backend.readRequest();
  // Waits for the only connection, which it gets before the upload does.
  await busy.send("GET /busy HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await client.send("POST /up HTTP/1.1\r\nHost: a.test\r\nContent-Length: 99999999\r\n\r\n");
  await new Promise((resolve) => setTimeout(resolve, 60));
  await backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  await client.readResponse();
  await backend.readRequest();
  const before = process.memoryUsage().arrayBuffers;
  client.socket.write(Buffer.alloc(64 * 1024 * 1024));
  await new Promise((resolve) => setTimeout(resolve, 400));
  // What the kernel holds for the two sockets is not counted here; what the client could not send is ours.
  const unsent = client.socket.writableLength;
  assert.ok(unsent > 32 * 1024 * 1024, `the proxy took all but ${unsent} bytes`);
  assert.ok(process.memoryUsage().arrayBuffers - before < 100 * 1024 * 1024);
  client.socket.destroy();
  await backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  await busy.readResponse();
});

for (const [name, connection] of [
  ["the last one of its connection", "close"],
  ["followed by a drain", "keep-alive"],
] as const) {
  test(`an answer that is ${name} reaches a slow reader whole`, bounded, async () => {
    const size = 12 * 1024 * 1024;
    await using back = await httpOrigin((_, response) => {
      response.writeHead(200, { "Content-Length": size }).end(Buffer.alloc(size, "x"));
    });
    // Much of it waits in the process, below the mark at which the backend is paused.
    const limits = { bufferBytes: "32MiB" };
    const shutdown = { grace: "10s" };
    await using proxy = await startPlane({ routes: { "a.test": back.url }, limits, shutdown });
    await using client = await connect(proxy.port);
    await client.send(`GET / HTTP/1.1\r\nHost: a.test\r\nConnection: ${connection}\r\n\r\n`);
    await client.waitHeadOrClose();
    client.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, connection === "close" ? 2500 : 300));
    const ended = connection === "close" ? undefined : proxy.end();
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.socket.resume();
    const { body } = await client.readResponse();
    assert.equal(body.length, size);
    await ended;
  });
}
