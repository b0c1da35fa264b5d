import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { readConfig } from "../config/read.ts";
import type { FailureCode } from "../http/errors.ts";
import { Wheel } from "../lib/wheel.ts";
import type { ResponseSink, UpstreamConnection } from "./http1.ts";
import { LiveService } from "./live-service.ts";
import type { Pool } from "./pool.ts";

async function startOrigin() {
  const server = createServer((socket) => {
    socket.on("error", () => {}); // a pool that closes may reset
    socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.dispose]: () => server.close() };
}

function serviceOf(port: number): LiveService {
  const text = `services: { s: "http://127.0.0.1:${port}" }\nroutes: { a.test: { service: s } }`;
  const { snapshot } = readConfig(text, { file: "t.yaml", baseFolder: "/" });
  const service = snapshot?.services["s"];
  assert.ok(service);
  return new LiveService(service, {
    wheel: new Wheel(50),
    limits: { headBytes: 4096, headerCount: 50, trailerBytes: 512 },
    bufferBytes: 65_536,
  });
}

function lease(pool: Pool): Promise<UpstreamConnection> {
  return new Promise((resolve, reject) => {
    pool.open({ onLease: resolve, onNoLease: (code) => reject(new Error(code)) }, 2000);
  });
}

/** One exchange; resolves when the pool has its connection back. */
async function exchange(connection: UpstreamConnection): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const sink = {
    onResponseHead: () => {},
    onResponseFlush: () => {},
    onResponseEnd: () => resolve(),
    onResponseFailed: (code: FailureCode) => reject(new Error(code)),
  } as unknown as ResponseSink;
  connection.begin(sink, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET", false, 2000, 2000);
  connection.endRequest("", false);
  connection.flush();
  await promise;
  await new Promise(setImmediate); // it settles behind the last bytes of a read
}

const bounded = { timeout: 10_000 };

test("a service's pools are the same from its first request to its end", bounded, async () => {
  using origin = await startOrigin();
  using service = serviceOf(origin.port);
  service.sweep();
  assert.equal(service.pick(undefined), 0);
  const [first] = service.candidates;
  assert.ok(first);
  await exchange(await lease(first.pool));
  assert.equal(service.candidates[0]?.pool.idleCount, 1);
});

for (const when of ["before", "after"]) {
  const name = `a service first asked ${when} it was disposed of keeps no connection then`;
  test(name, bounded, async () => {
    using origin = await startOrigin();
    using service = serviceOf(origin.port);
    if (when === "before") assert.equal(service.candidates.length, 1);
    service[Symbol.dispose]();
    const [candidate] = service.candidates;
    assert.ok(candidate);
    await exchange(await lease(candidate.pool));
    assert.deepEqual([candidate.pool.openCount, candidate.pool.idleCount], [0, 0]);
  });
}
