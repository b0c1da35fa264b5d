import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http2";
import { test } from "node:test";
import { runH2load, h2loadVersion } from "./h2load.ts";
import { Stage } from "./stage.ts";

const options = { skip: h2loadVersion() === undefined && "h2load is not installed" };

test("one answer in a hundred with an error status makes a run fail", options, async () => {
  let served = 0;
  const { result } = await loaded(() => (++served % 100 === 0 ? 502 : 200));
  assert.match(result.errors, /^status 502: \d+$/);
});

test("a server that resets streams makes a run fail", options, async () => {
  let served = 0;
  const { result } = await loaded(() => (++served % 100 === 0 ? 0 : 200));
  assert.match(result.errors, /^status -1: \d+$/);
});

test("a clean run has figures and no errors, and keeps to its rate", options, async () => {
  const { result, methods } = await loaded(() => 200, { ratePerConnection: 50 });
  assert.equal(result.errors, "");
  assert.ok(result.requests > 40 && result.requests <= 110, `${result.requests} requests`);
  assert.ok(result.p50Micros > 0 && result.p99Micros >= result.p50Micros);
  assert.deepEqual([...methods], ["GET bench.test"]);
});

test("a body is posted", options, async () => {
  const { methods } = await loaded(() => 200, { body: Buffer.from("x") });
  assert.deepEqual([...methods], ["POST bench.test"]);
});

async function loaded(answer: () => number, more: object = {}) {
  await using stage = new Stage();
  const methods = new Set<string>();
  const server = createServer();
  server.on("stream", (stream, headers) => {
    methods.add(`${headers[":method"]} ${headers[":authority"]}`);
    const status = answer();
    stream.on("error", () => {});
    if (status === 0) stream.close(2);
    else stream.respond({ ":status": status }, { endStream: true });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    const load = { port: address.port, path: "/", seconds: 1, hosts: ["bench.test"] };
    const result = await runH2load(stage, { ...load, connections: 2, streams: 10, ...more });
    return { result, methods };
  } finally {
    server.close();
  }
}
