// A shadow gets copies of requests, and the client never feels it: not its answers, not its slowness, not
// its death.

import assert from "node:assert/strict";
import { test } from "node:test";
import { requestText } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { freePort } from "../harness/free-port.ts";
import { LiveOrigin } from "../harness/live-origin.ts";
import { valuesOf } from "../harness/message.ts";
import { origin } from "../harness/origin.ts";
import {
  askOn,
  countsOf,
  originOf,
  origins,
  type Stand,
  startStand,
} from "../harness/service-stand.ts";

const bounded = { timeout: 30_000 };

function startMirror(
  main: { readonly url: string },
  shadow: { readonly url: string },
  more: Readonly<Record<string, unknown>> = {},
): Promise<Stand> {
  return startStand({
    service: { mirror: "main", to: { shadow: "100%" }, ...more },
    services: { main: [main.url], shadow: [shadow.url] },
  });
}

test("a copy is the whole request, and its answer is thrown away", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [main, shadow] = await origins(stack, "main", "shadow");
  shadow.answer = () => ({ status: 500, headers: { "Set-Cookie": "shadow=1" }, body: "shadow" });
  await using stand = await startMirror(main, shadow);
  for (const [method, body] of [
    ["GET", undefined],
    ["POST", "x".repeat(3000)],
    ["PUT", ""],
    ["DELETE", undefined],
  ] as const) {
    const path = `/of/${method}?q=1`;
    const headers = { "X-Mine": method };
    const response = await stand.ask({
      method,
      path,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    assert.deepEqual([response.status, originOf(response)], [200, "main"]);
    assert.deepEqual(valuesOf(response.headers, "set-cookie"), []);
    const copied = await eventually("the copy", () =>
      shadow.requests.find(({ target }) => target === path),
    );
    const { "x-mine": mine, host } = copied.headers;
    const expected = [method, body ?? "", method, "app.test"];
    assert.deepEqual([copied.method, copied.body, mine, host], expected);
  }
  assert.deepEqual([main.requests.length, shadow.requests.length], [4, 4]);
});

test("a body in chunks is copied too", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [main, shadow] = await origins(stack, "main", "shadow");
  await using stand = await startMirror(main, shadow);
  await using client = await connect(stand.port);
  await client.send(
    "POST /chunks HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  await client.send("5\r\nhello\r\n");
  await client.send("6\r\n world\r\n0\r\n\r\n");
  assert.equal(originOf(await client.readResponse()), "main");
  await shadow.arrived(1);
  assert.equal(shadow.requests[0]?.body, "hello world");
});

test("a share of the requests is copied", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [main, shadow] = await origins(stack, "main", "shadow");
  await using stand = await startMirror(main, shadow, { to: { shadow: "25%" } });
  assert.deepEqual(countsOf(await stand.askInARow(200)), { main: 200 });
  await stand.assertQuiet();
  const copies = shadow.requests.length;
  // Four standard deviations, should it be by chance.
  assert.ok(copies >= 25 && copies <= 75, `${copies} of 200`);
});

test("requests with longer bodies than maxBody are not copied", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [main, shadow] = await origins(stack, "main", "shadow");
  await using stand = await startMirror(main, shadow, { maxBody: 1000 });
  for (const size of [1001, 100_000, 1000, 1]) {
    const path = `/${size}`;
    const response = await stand.ask({ method: "POST", path, body: "b".repeat(size) });
    assert.equal(originOf(response), "main");
  }
  await shadow.arrived(2);
  await stand.assertQuiet();
  assert.deepEqual(shadow.targets.toSorted(), ["/1", "/1000"]);
  assert.equal(main.requests.length, 4);
});

/** What fifty requests, every other one a POST, took at most, ms. */
async function slowest(stand: Stand): Promise<number> {
  await using client = await connect(stand.port);
  let most = 0;
  for (let n = 0; n < 50; n += 1) {
    const begin = performance.now();
    const request = n % 2 === 0 ? {} : { method: "POST", body: "y".repeat(2000) };
    const response = await askOn(client, request);
    most = Math.max(most, performance.now() - begin);
    assert.deepEqual([response.status, originOf(response)], [200, "main"], `request ${n}`);
  }
  return most;
}

const patience = 400; // ms; the shadows below are slower by far

test("a dead shadow is not felt", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [main] = await origins(stack, "main");
  await using stand = await startMirror(main, { url: `http://127.0.0.1:${await freePort()}` });
  const ms = await slowest(stand);
  assert.ok(ms < patience, `${ms} ms`);
  await stand.assertQuiet();
});

test("a shadow that never answers is not felt", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [main] = await origins(stack, "main");
  await using shadow = await origin();
  await using stand = await startMirror(main, shadow);
  const ms = await slowest(stand);
  assert.ok(ms < patience, `${ms} ms`);
});

for (const [what, bytes] of [
  ["garbage", "\0\x01\x02 no HTTP at all\r\n\r\n"],
  ["half a head", "HTTP/1.1 200 OK\r\nConte"],
  ["half a body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"],
] as const) {
  test(`a shadow that answers with ${what} and ends is not felt`, bounded, async () => {
    await using stack = new AsyncDisposableStack();
    const [main] = await origins(stack, "main");
    await using shadow = await origin({
      onConnection: (connection) => {
        connection.onData = () => void connection.send(bytes).then(() => connection.end());
      },
    });
    await using stand = await startMirror(main, shadow);
    const ms = await slowest(stand);
    assert.ok(ms < patience, `${ms} ms`);
    assert.ok(shadow.connections.length > 0);
    await stand.assertQuiet();
  });
}

test("of copies that get stuck there are at most a hundred", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [main] = await origins(stack, "main");
  await using shadow = await origin();
  await using stand = await startMirror(main, shadow);
  assert.deepEqual(countsOf(await stand.askInARow(150)), { main: 150 });
  await eventually("a hundred copies", () => shadow.connections.length >= 100 || undefined);
  assert.deepEqual(countsOf(await stand.askInARow(20)), { main: 20 });
  assert.equal(shadow.connections.length, 100);
});

test(
  "a client that leaves early and a main service that is down are as without a shadow",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const [shadow] = await origins(stack, "shadow");
    await using main = await LiveOrigin.dead("main");
    await using stand = await startMirror(main, shadow);
    assert.equal((await stand.ask()).status, 502);
    await using client = await connect(stand.port);
    await client.send(requestText({ method: "POST", body: "z".repeat(100) }).slice(0, -50));
    client.reset();
    await stand.assertQuiet();
    assert.ok(
      shadow.requests.every(({ method }) => method === "GET"),
      "nothing that was cut off",
    );
  },
);
