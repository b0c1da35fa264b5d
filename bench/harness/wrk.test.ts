import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { firstLineOf } from "./machine.ts";
import { Stage } from "./stage.ts";
import { runWrk } from "./wrk.ts";

const options = { skip: firstLineOf("wrk", "-v") === undefined && "wrk is not installed" };

test("one answer in a hundred with an error status makes a run fail", options, async () => {
  let served = 0;
  const result = await loaded(["a.test"], () => (++served % 100 === 0 ? 502 : 200));
  assert.match(result.errors, /^status=\d+$/);
});

test("a clean run has figures and no errors, and goes to all hosts in turn", options, async () => {
  const hosts = ["a.test", "b.test", "c.test"];
  const seen = new Map<string, number>();
  const result = await loaded(hosts, (host) => {
    seen.set(host, (seen.get(host) ?? 0) + 1);
    return 200;
  });
  assert.equal(result.errors, "");
  assert.ok(result.requests > 0 && result.requestsPerSecond > 0);
  assert.ok(result.p50Micros > 0 && result.p99Micros >= result.p50Micros);
  assert.deepEqual([...seen.keys()].sort(), hosts);
  const counts = [...seen.values()];
  assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `uneven: ${counts.join()}`);
});

async function loaded(hosts: readonly string[], answer: (host: string) => number) {
  await using stage = new Stage();
  const server = createServer((request, response) => {
    response.statusCode = answer(request.headers.host ?? "");
    response.end("x");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    return await runWrk(stage, { port: address.port, path: "/", seconds: 1, hosts });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
