import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { within } from "../../test/harness/barrier.ts";
import { Asking } from "../../test/harness/gateway-sample.ts";
import { lease, optionsOf, serviceOf } from "../../test/harness/upstream-sample.ts";
import { Wheel } from "../lib/wheel.ts";
import type { BackendConnection } from "./backend-connection.ts";
import { LiveBackend } from "./live-backend.ts";

const bounded = { timeout: 10_000 };
const piece = Buffer.alloc(65_536);
const post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n";
const bodyTimeout = 150;

/** A backend that begins to answer at once, and then reads only when it is told to. */
async function slowTaker(answer: string) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {}); // it is given up
    socket.on("data", () => {});
    socket.once("data", () => {
      socket.pause();
      socket.write(answer);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take: () => sockets[0]?.resume(),
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function backendAt(url: string): LiveBackend {
  const service = serviceOf([url]);
  return new LiveBackend(service, service.backends[0]!, optionsOf(new Wheel(5)), {
    onStanding() {},
    onLoad() {},
    tell() {},
  });
}

/** Writes until nothing more is taken. */
function fill(connection: BackendConnection): void {
  do connection.writeData(piece, 0, piece.length, false);
  while (connection.flush());
}

test(
  "a backend that took a body slowly and falls silent in the middle of its answer is given up",
  bounded,
  async () => {
    await using server = await slowTaker("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    using backend = backendAt(server.url);
    const connection = await lease(backend.pool);
    const asking = new Asking();
    const drained = new Promise<void>((resolve) => (asking.onDrained = resolve));
    connection.begin(asking, post, "POST", false, 5000, bodyTimeout);
    connection.flush();
    await asking.headDone;
    fill(connection);
    server.take();
    await drained;
    const told = await within(asking.done, 3000, "the backend to be given up");
    assert.deepEqual([told.failure, told.body.toString()], ["RESPONSE_BODY_TIMEOUT", "abc"]);
  },
);

test("a backend that waits for more of a body is not late in its answer", bounded, async () => {
  await using server = await slowTaker("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  using backend = backendAt(server.url);
  const connection = await lease(backend.pool);
  const asking = new Asking();
  connection.begin(asking, post, "POST", false, 5000, bodyTimeout);
  connection.flush();
  await asking.headDone;
  server.take();
  const begun = performance.now();
  while (performance.now() - begun < 4 * bodyTimeout) {
    connection.writeData(piece, 0, 100, false);
    connection.flush();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(asking.told.failure, "");
  assert.equal((await asking.done).failure, "RESPONSE_BODY_TIMEOUT");
});

test(
  "a backend that takes nothing of a body is given up before and within its answer",
  bounded,
  async () => {
    for (const [answer, code] of [
      ["", "RESPONSE_TIMEOUT"],
      ["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "RESPONSE_BODY_TIMEOUT"],
    ] as const) {
      await using server = await slowTaker(answer);
      using backend = backendAt(server.url);
      const connection = await lease(backend.pool);
      const asking = new Asking();
      connection.begin(asking, post, "POST", false, bodyTimeout, bodyTimeout);
      connection.flush();
      if (answer !== "") await asking.headDone;
      fill(connection);
      assert.equal((await asking.done).failure, code);
    }
  },
);
