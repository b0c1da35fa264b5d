// The N-th write, end or connect of the proxy fails, for N = 1, 2, 3 … until a whole run meets no failure.
// After each run every client has an answer or a closed connection, nothing is left, and the proxy serves.

import assert from "node:assert/strict";
import { Socket } from "node:net";
import { after, mock, test } from "node:test";
import { type Client, connect } from "../harness/client.ts";
import { origin, type OriginConnection } from "../harness/origin.ts";
import { type Plane, startPlane } from "./plane.ts";

/** Sockets of the test itself, whose calls never fail. */
const ours = new WeakSet<Socket>();

/** Calls still to come before one fails; a negative number: none does. */
let countdown = -1;
let name: "write" | "connect" | "end" = "write";

function failing(method: typeof name, original: (...args: never[]) => unknown) {
  return function (this: Socket, ...args: never[]): unknown {
    if (method !== name || countdown < 0 || ours.has(this) || countdown-- > 0) {
      return Reflect.apply(original, this, args);
    }
    const code = method === "connect" ? "ECONNREFUSED" : "EPIPE";
    const error = Object.assign(new Error(`${method} ${code}`), { code });
    // As the kernel's answer would arrive: a moment later, by the socket's own events.
    process.nextTick(() => this.destroy(error));
    return method === "write" ? false : this;
  };
}

for (const method of ["write", "connect", "end"] as const) {
  mock.method(Socket.prototype, method, failing(method, Socket.prototype[method]) as never);
}
after(() => mock.restoreAll());

async function open(proxy: Plane): Promise<Client> {
  // The connect of the test's client must not be counted.
  const before = countdown;
  countdown = -1;
  const connecting = connect(proxy.port, { timeoutMs: 10_000 });
  countdown = before;
  const client = await connecting;
  ours.add(client.socket);
  return client;
}

/** What came on a connection, each as its status, or "cut". */
async function statuses(client: Client, wanted: number): Promise<string> {
  const seen: string[] = [];
  try {
    while (seen.length < wanted) seen.push(String((await client.readResponse()).status));
  } catch (error) {
    assert.match(String(error), /connection ended before/);
    seen.push("cut");
  }
  await client[Symbol.asyncDispose]();
  return seen.join();
}

const pipelined =
  "GET /one HTTP/1.1\r\nHost: a.test\r\n\r\nGET /two HTTP/1.1\r\nHost: a.test\r\n\r\n";
const upload = `POST /up HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n`;
const tunnel =
  "GET /tunnel HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

async function answer(connection: OriginConnection): Promise<void> {
  ours.add(connection.socket);
  for (;;) {
    const { startLine } = await connection.readRequest();
    if (startLine.includes("/tunnel")) {
      await connection.send(
        "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
      );
      await connection.expect("ping");
      await connection.send("pong");
      connection.end();
    } else if (startLine.includes("/large")) {
      await connection.send(
        `HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n${"x".repeat(200_000)}`,
      );
    } else {
      await connection.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
      );
    }
  }
}

/** Every kind of exchange once, one after the other. */
async function scenario(proxy: Plane): Promise<string[]> {
  const seen: string[] = [];
  const first = await open(proxy);
  await first.send(pipelined);
  seen.push(await statuses(first, 2));
  const second = await open(proxy);
  await second.sendParts([upload, "3\r\nabc\r\n", "0\r\n\r\n"]);
  seen.push(await statuses(second, 1));
  const third = await open(proxy);
  await third.send("GET /large HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  seen.push(await statuses(third, 1));
  const fourth = await open(proxy);
  await fourth.send("GET /bad path HTTP/1.1\r\n\r\n");
  seen.push(await statuses(fourth, 1));
  const fifth = await open(proxy);
  await fifth.send(`${tunnel}ping`);
  seen.push(await statuses(fifth, 1));
  return seen;
}

const good = ["200,200", "200", "200", "400", "101"];
const allowed = /^(?:200|101|400|502|cut)(?:,(?:200|502|cut))?$/;

for (const method of ["write", "connect", "end"] as const) {
  test(
    `the proxy outlives the failure of every ${method} it makes`,
    { timeout: 60_000 },
    async () => {
      name = method;
      let n = 0;
      for (; n < 100; n++) {
        countdown = -1;
        const scripts: Promise<unknown>[] = [];
        // An ended connection ends its script.
        const onConnection = (each: OriginConnection) =>
          void scripts.push(answer(each).catch(() => {}));
        await using back = await origin({ onConnection });
        await using proxy = await startPlane({ routes: { "a.test": back.url } });
        countdown = n;
        const seen = await scenario(proxy);
        const hasFailed = countdown < 0;
        countdown = -1;
        const where = `${method} ${n + 1}: ${seen.join(" | ")}`;
        for (const each of seen) assert.match(each, allowed, where);
        assert.ok(seen.filter((each, index) => each !== good[index]).length <= 1, where);
        await proxy.assertServes();
        for (const { socket } of back.connections) socket.destroy();
        await proxy.assertNothingLeft();
        await Promise.all(scripts);
        if (hasFailed) continue;
        assert.deepEqual(seen, good);
        break;
      }
      assert.ok(n >= (method === "write" ? 10 : 1), `only ${n} calls of ${method} were met`);
      assert.ok(n < 100, "the run never ended clean");
    },
  );
}
