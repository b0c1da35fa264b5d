import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import {
  answer,
  ending,
  record,
  startFastcgiServer,
  Type,
} from "../../test/harness/fastcgi-server.ts";
import { Asking, gatewayBackend, send } from "../../test/harness/gateway-sample.ts";
import { lease } from "../../test/harness/upstream-sample.ts";
import { encodePairs } from "../gateway/fastcgi-records.ts";
import { Deadline, Wheel } from "../lib/wheel.ts";
import type { LiveBackend } from "./live-backend.ts";

const bounded = { timeout: 20_000 };
const head = "Content-Type: text/plain\r\n\r\n";
const able = encodePairs(["FCGI_MPXS_CONNS", "1", "FCGI_MAX_REQS", "3"]);
const unable = encodePairs(["FCGI_MPXS_CONNS", "0", "FCGI_MAX_REQS", "3"]);

interface Request {
  readonly socket: Socket;
  readonly id: number;
  readonly path: string;
}

/** A program that answers when it is told to. */
async function stand(values: string | undefined, maxIdle = 4) {
  await using stack = new AsyncDisposableStack();
  const requests: Request[] = [];
  const wheel = new Wheel(5);
  const aborted: number[] = [];
  const server = stack.use(
    await startFastcgiServer({
      onRequest: (socket, _count, id, path) => {
        if (path === "/now") socket.write(answer(`${head}now`, { id }));
        else requests.push({ socket, id, path });
      },
      onAbort: (_socket, id) => void aborted.push(id),
      ...(values === undefined ? {} : { values }),
    }),
  );
  const backend = stack.use(
    gatewayBackend({
      speaks: "fastcgi",
      address: server.address,
      multiplex: true,
      pool: { maxIdle },
      upstream: { wheel },
    }),
  );
  const owned = stack.move();
  return {
    server,
    wheel,
    backend,
    requests,
    aborted,
    arrived: (count: number) =>
      eventually(`${count} requests`, () => requests.length >= count || undefined),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function start(backend: LiveBackend, path: string, responseTimeout = 10_000) {
  const connection = backend.pool.takeIdle() ?? (await lease(backend.pool));
  const asking = new Asking();
  await send(connection, asking, "fastcgi", { params: { PATH_INFO: path }, responseTimeout });
  return { connection, asking };
}

/** One exchange, after which the program has said what it can do. */
async function learn(at: Awaited<ReturnType<typeof stand>>): Promise<void> {
  const { asking } = await start(at.backend, "/now");
  assert.equal((await asking.done).body.toString(), "now");
  // The question goes over a connection of its own, which is closed.
  await eventually("the answer to the question", () => at.backend.pool.openCount <= 1 || undefined);
  await eventually("its connection to end", () => at.server.connections === 2 || undefined);
  at.backend.pool.takeIdle()?.destroy();
}

test("several requests share a connection, and each gets its own answer", bounded, async () => {
  await using at = await stand(able);
  await learn(at);
  const before = at.server.connections;
  const all = [];
  for (const path of ["/a", "/b", "/c"]) all.push(await start(at.backend, path));
  await at.arrived(3);
  assert.equal(at.server.connections, before + 1);
  assert.deepEqual(
    at.requests.map(({ id }) => id),
    [1, 2, 3],
  );
  // Their records come in turns, in pieces, the last first.
  const [a, b, c] = at.requests as [Request, Request, Request];
  const parts = [c, a, b, a, c, b].map(({ id, path }, turn) =>
    record(Type.STDOUT, turn < 3 ? `${head}${path}` : path, { id, padding: turn }),
  );
  const ends = [b, c, a].map(({ id }) =>
    Buffer.concat([record(Type.STDOUT, "", { id }), ending(0, 0, { id })]),
  );
  const bytes = Buffer.concat([...parts, ...ends]);
  for (let from = 0; from < bytes.length; from += 11) {
    a.socket.write(bytes.subarray(from, from + 11));
    await new Promise(setImmediate);
  }
  const told = await Promise.all(all.map(({ asking }) => asking.done));
  assert.deepEqual(
    told.map(({ body }) => body.toString()),
    ["/a/a", "/b/b", "/c/c"],
  );
  assert.deepEqual([at.backend.pool.openCount, at.backend.pool.idleCount], [1, 1]);
});

test(
  "there are no more at once than the program takes; then there is a second connection",
  bounded,
  async () => {
    await using at = await stand(able);
    await learn(at);
    const before = at.server.connections;
    const all = [];
    for (let each = 0; each < 5; each++) all.push(await start(at.backend, `/${each}`));
    await at.arrived(5);
    assert.equal(at.server.connections, before + 2);
    for (const { socket, id, path } of at.requests) socket.write(answer(head + path, { id }));
    const told = await Promise.all(all.map(({ asking }) => asking.done));
    assert.deepEqual(
      told.map(({ body }) => body.toString()),
      ["/0", "/1", "/2", "/3", "/4"],
    );
  },
);

for (const [what, values] of [
  ["says that it cannot", unable],
  ["does not say", undefined],
] as const) {
  test(`a program that ${what} gets a connection for each`, bounded, async () => {
    await using at = await stand(values);
    const first = await start(at.backend, "/now");
    await first.asking.done;
    await eventually("the question", () => at.server.connections === 2 || undefined);
    const all = [await start(at.backend, "/a"), await start(at.backend, "/b")];
    await at.arrived(2);
    assert.deepEqual(
      at.requests.map(({ id }) => id),
      [1, 1],
    );
    for (const { socket, id } of at.requests) socket.write(answer(`${head}x`, { id }));
    for (const { asking } of all) assert.equal((await asking.done).failure, "");
  });
}

test(
  "who goes away harms nobody else, and its id stays taken until the program has ended it",
  bounded,
  async () => {
    await using at = await stand(able);
    await learn(at);
    const gone = await start(at.backend, "/gone");
    const stays = await start(at.backend, "/stays");
    await at.arrived(2);
    gone.connection.destroy();
    await eventually("the program to hear of it", () => at.aborted.length > 0 || undefined);
    assert.deepEqual(at.aborted, [1]);
    const { socket } = at.requests[0]!;
    const next = await start(at.backend, "/next");
    await at.arrived(3);
    assert.equal(at.requests[2]?.id, 3);
    // What it still says of the first is nobody's.
    socket.write(answer(`${head}evil`, { id: 1 }));
    socket.write(answer(`${head}stays`, { id: 2 }));
    socket.write(answer(`${head}next`, { id: 3 }));
    assert.equal((await stays.asking.done).body.toString(), "stays");
    assert.equal((await next.asking.done).body.toString(), "next");
    assert.equal(gone.asking.told.status, 0);
    assert.equal(at.backend.pool.idleCount, 1);
  },
);

test("what belongs to no request ends all that share the connection", bounded, async () => {
  await using at = await stand(able);
  await learn(at);
  const all = [await start(at.backend, "/a"), await start(at.backend, "/b")];
  await at.arrived(2);
  const { socket } = at.requests[0]!;
  socket.write(Buffer.concat([answer(`${head}a`, { id: 1 }), answer(`${head}again`, { id: 1 })]));
  const [, b] = await Promise.all(all.map(({ asking }) => asking.done));
  assert.equal(b?.failure, "BAD_RESPONSE");
  assert.equal(at.backend.pool.openCount, 0);
});

test("a connection that breaks ends each of its requests as it is", bounded, async () => {
  await using at = await stand(able);
  await learn(at);
  const all = [await start(at.backend, "/a"), await start(at.backend, "/b")];
  await at.arrived(2);
  const { socket } = at.requests[0]!;
  socket.end(record(Type.STDOUT, `${head}half`, { id: 2 }));
  const told = await Promise.all(all.map(({ asking }) => asking.done));
  assert.deepEqual(
    told.map(({ failure }) => failure),
    ["UPSTREAM_CLOSED", "UPSTREAM_TRUNCATED"],
  );
  assert.equal(at.backend.pool.openCount, 0);
});

test("who waits for a connection gets the next place on one", bounded, async () => {
  await using at = await stand(able);
  await learn(at);
  const { pool } = at.backend;
  pool.settings = { maxConnections: 1, maxWaiting: 5, maxWait: 5000, maxIdle: 0, idleTimeout: 0 };
  const all = [];
  for (let each = 0; each < 3; each++) all.push(await start(at.backend, `/${each}`));
  const late = start(at.backend, "/late");
  await at.arrived(3);
  const { socket } = at.requests[0]!;
  socket.write(answer(`${head}1`, { id: 2 }));
  await at.arrived(4);
  for (const id of [1, 2, 3]) socket.write(answer(`${head}${id}`, { id }));
  assert.equal((await (await late).asking.done).body.toString(), "2");
  await eventually("the connection to be closed", () => pool.openCount === 0 || undefined);
});

test(
  "a program is not late while another client on its connection reads slowly",
  bounded,
  async () => {
    await using at = await stand(able);
    await learn(at);
    const slow = await start(at.backend, "/slow");
    const waits = await start(at.backend, "/waits", 150);
    await at.arrived(2);
    const { socket } = at.requests[0]!;
    slow.connection.pause();
    socket.write(answer(`${head}waits`, { id: 2 }));
    // Longer than that one waits, by the clock that would give it up.
    const passed = Promise.withResolvers<void>();
    at.wheel.arm(new Deadline({ onDeadline: passed.resolve }), 400);
    await passed.promise;
    assert.equal(waits.asking.told.failure, "");
    slow.connection.resume();
    assert.equal((await waits.asking.done).body.toString(), "waits");
    // Read again, and silent: that is late.
    const late = await start(at.backend, "/late", 150);
    late.connection.pause();
    late.connection.resume();
    assert.equal((await late.asking.done).failure, "RESPONSE_TIMEOUT");
  },
);

test("nobody is sent to a connection on which somebody reads slowly", bounded, async () => {
  await using at = await stand(able);
  await learn(at);
  const before = at.server.connections;
  const slow = await start(at.backend, "/slow");
  slow.connection.pause();
  const other = await start(at.backend, "/now");
  assert.equal((await other.asking.done).body.toString(), "now");
  assert.equal(at.server.connections, before + 2);
});
