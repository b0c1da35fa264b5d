// The counting itself: a test that finds nothing left over must be able to find something.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../harness/client.ts";
import { origin } from "../harness/origin.ts";
import { startPlane } from "./plane.ts";

test("what an exchange holds while it runs is seen, and gone afterwards", async () => {
  await using back = await origin();
  await using proxy = await startPlane({ routes: { "a.test": back.url } });
  const client = await connect(proxy.port);
  await client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  const connection = await back.accept();
  await connection.readRequest();
  // Two ends of two connections.
  const running = { leases: 1, carried: 1, deadlines: ["UpstreamConnection"], sockets: 4 };
  assert.deepEqual(proxy.usage, running);
  await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assert.equal((await client.readResponse()).status, 200);
  const waiting = { leases: 0, carried: 0, deadlines: ["Connection"], sockets: 2 };
  assert.deepEqual(proxy.usage, waiting);
  await client[Symbol.asyncDispose]();
  await proxy.assertNothingLeft();
});
