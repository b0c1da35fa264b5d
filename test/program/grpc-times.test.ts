// Deadlines, cancellation, restarts and reloads in the middle of gRPC calls; and calls that are many, large or long.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:http2";
import { type AddressInfo, connect as connectSocket, createServer } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { eventually } from "../harness/barrier.ts";
import { GrpcClient, grpcServer } from "../harness/grpc.ts";
import { readWebBody, webFrame } from "../harness/grpc-web.ts";
import { type GrpcStand, grpcStand, pairings } from "../harness/grpc-stand.ts";
import { flagBits, frame, frameTypes as types, uint32 } from "../harness/h2-frames.ts";
import { section } from "../harness/h2-hpack.ts";
import { H2Peer } from "../harness/h2-peer.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 120_000 };
const [secure, , clear] = pairings;

let stand: GrpcStand;

before(async () => {
  // Shorter than any call here: they have time limits of their own.
  stand = await grpcStand((service) => ({
    // A server that knows nothing of deadlines.
    routes: {
      "careless.test": {
        service,
        middlewares: [{ headers: { request: { remove: "grpc-timeout" } } }],
      },
    },
    timeouts: { response: "300ms", responseBody: "300ms", body: "300ms", tunnel: "20s" },
  }));
});

after(() => stand[Symbol.asyncDispose]());

const isTrue = (what: string, is: () => boolean) =>
  eventually(what, () => Promise.resolve(is() || undefined));

interface RawCall {
  readonly message?: Buffer;
  readonly method?: string;
  readonly timeout?: string;
}

/** A client that does nothing about its own deadline. */
async function rawCall({ message = Buffer.alloc(0), method = "Echo", timeout }: RawCall) {
  const session = connect(`http://127.0.0.1:${stand.program.port("inside")}`);
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": `/test.Calls/${method}`,
      ":authority": "careless.test",
      "content-type": "application/grpc",
      te: "trailers",
      ...(timeout === undefined ? {} : { "grpc-timeout": timeout }),
    });
    const frame = Buffer.alloc(5 + message.length);
    frame.writeUInt32BE(message.length, 1);
    message.copy(frame, 5);
    stream.end(frame);
    let bytes = 0;
    let trailers: Record<string, unknown> = {};
    stream.on("trailers", (found: Record<string, unknown>) => (trailers = found));
    stream.on("data", (piece: Buffer) => (bytes += piece.length));
    const [head] = (await once(stream, "response")) as [Record<string, unknown>];
    await once(stream, "close");
    return { head, trailers, bytes };
  } finally {
    session.destroy();
  }
}

test("a call has the time that its deadline gives, however short ours is", bounded, async () => {
  using client = stand.client(secure!);
  const long = await client.echo("wait 900", { deadline: Date.now() + 10_000 });
  assert.equal(long.latin1Slice(), "wait 900");
  // Without one it waits as a tunnel does.
  assert.equal((await client.echo("wait 900")).latin1Slice(), "wait 900");
  const slow = await client.count("3 500 10").over;
  assert.deepEqual([slow.status.code, slow.messages.length], [0, 3]);
  const { call, over } = client.sum();
  call.write(Buffer.from("a"));
  await pause(900);
  call.end(Buffer.from("b"));
  assert.equal(await over, "2 2");
});

test("when its deadline has passed, the backend is told and the client too", bounded, async () => {
  const { plain } = stand;
  const before = plain.cancelled;
  const begun = performance.now();
  const { head } = await rawCall({ message: Buffer.from("silent 20000"), timeout: "400m" });
  assert.deepEqual([head[":status"], head["grpc-status"]], [200, "4"]);
  assert.match(String(head["grpc-message"]), /^DEADLINE_PASSED: /);
  const took = performance.now() - begun;
  assert.ok(took > 390 && took < 2000, String(took));
  await isTrue("the server to see it", () => plain.cancelled > before && plain.running === 0);
});

test("a stream that has begun is ended with that status, too", bounded, async () => {
  const { plain } = stand;
  const before = plain.cancelled;
  const message = Buffer.from("1000 50 10");
  const { head, trailers, bytes } = await rawCall({ method: "Count", message, timeout: "600m" });
  assert.deepEqual([head["grpc-status"], trailers["grpc-status"]], [undefined, "4"]);
  assert.ok(bytes >= 5 * 15 && bytes < 1000 * 15, String(bytes));
  await isTrue("the server to see it", () => plain.cancelled > before && plain.running === 0);
});

test("a client's own deadline is the server's", bounded, async () => {
  using client = stand.client(clear!);
  const options = { deadline: Date.now() + 300 };
  const { status } = await client.unary("Echo", "wait 20000", options).over;
  assert.equal(status.code, 4);
  await isTrue("the server to see it", () => stand.plain.running === 0);
});

test("who cancels is gone for the server, in each kind of call", bounded, async () => {
  for (const pairing of pairings) {
    using client = stand.client(pairing);
    const server = stand.server(pairing);
    const before = server.cancelled;
    const unary = client.unary("Echo", "wait 20000");
    const sum = client.sum();
    sum.call.write(Buffer.from("x"));
    const count = client.count("100000 10 10");
    const chat = client.chat();
    chat.call.write(Buffer.from("x"));
    await isTrue("all to run", () => server.running === 4);
    for (const { call } of [unary, sum, count, chat]) call.cancel();
    assert.equal((await unary.over).status.code, 1);
    assert.equal((await count.over).status.code, 1);
    assert.equal((await chat.over).status.code, 1);
    await isTrue("the server to see it", () => server.running === 0);
    // Of the two that the client writes to, grpc-js takes a stream that is broken off for one that has ended.
    assert.ok(server.cancelled - before >= 2, pairing.what);
  }
});

test("a client whose connection breaks is gone for the server as well", bounded, async () => {
  const session = connect(`http://127.0.0.1:${stand.program.port("inside")}`);
  session.on("error", () => {});
  const stream = session.request({
    ...{ ":method": "POST", ":path": "/test.Calls/Chat", ":authority": "plain.test" },
    ...{ "content-type": "application/grpc", te: "trailers" },
  });
  stream.on("error", () => {});
  stream.write(Buffer.from([0, 0, 0, 0, 1, 120]));
  await isTrue("it to run", () => stand.plain.running === 1);
  session.socket.destroy();
  await isTrue("the server to see it", () => stand.plain.running === 0);
});

test("half a stream of a client does not become a whole one", bounded, async () => {
  using stack = new DisposableStack();
  const found = Promise.withResolvers<H2Peer>();
  const server = createServer((socket) => {
    stack.defer(() => socket.destroy());
    const peer = new H2Peer(socket, { role: "server" });
    void peer.greet();
    found.resolve(peer);
  });
  stack.defer(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await using program = await startTidegate({
    config: {
      listeners: { web: { bind: "127.0.0.1:0", h2c: true } },
      routes: { "a.test": `h2c://127.0.0.1:${port}` },
    },
  });
  // Not a client of grpc-js: what Node cancels it ends before.
  const peer = await clientPeer(program.port());
  stack.defer(() => peer.socket.destroy());
  peer.lastSentStream = 1;
  const head = section([
    ...([
      [":method", "POST"],
      [":scheme", "http"],
      [":path", "/test.Calls/Sum"],
    ] as const),
    ...([
      [":authority", "a.test"],
      ["content-type", "application/grpc"],
    ] as const),
  ]);
  await peer.send(
    frame(types.HEADERS, flagBits.END_HEADERS, 1, head),
    frame(types.DATA, 0, 1, webFrame(Buffer.from("one of many"))),
  );
  const backend = await found.promise;
  const seen = backend.stream(1);
  await backend.until("a message", () => seen.body.includes("one of many") || undefined);
  await peer.send(frame(types.RST_STREAM, 0, 1, uint32(8)));
  const reset = await backend.until("the end of the stream", () => seen.reset);
  assert.deepEqual([reset, seen.isEnded, backend.problems], [8, false, []]);
});

async function clientPeer(port: number): Promise<H2Peer> {
  const socket = connectSocket(port, "127.0.0.1");
  await once(socket, "connect");
  const peer = new H2Peer(socket, { role: "client" });
  await peer.greet();
  return peer;
}

test("a server that dies in the middle of a stream is a status", bounded, async () => {
  const server = await grpcServer();
  await using program = await startTidegate({
    config: {
      listeners: { web: { bind: "127.0.0.1:0", h2c: true } },
      routes: {
        calls: {
          host: ["a.test", "127.0.0.1"],
          service: `h2c://127.0.0.1:${server.port}`,
          middlewares: { grpcWeb: true },
        },
      },
    },
  });
  using client = new GrpcClient(program.port(), "a.test");
  const { over } = client.count("100000 5 10");
  const web = fetch(`http://127.0.0.1:${program.port()}/test.Calls/Count`, {
    method: "POST",
    headers: { "Content-Type": "application/grpc-web" },
    body: new Uint8Array(webFrame(Buffer.from("100000 5 10"))),
  });
  await isTrue("both to run", () => server.running === 2);
  await pause(100);
  await server[Symbol.asyncDispose]();
  const { status, messages } = await over;
  assert.match(`${status.code} ${status.details}`, /^14 (UPSTREAM_TRUNCATED|UPSTREAM_CLOSED): /);
  assert.ok(messages.length > 0);
  const body = readWebBody(Buffer.from(await (await web).arrayBuffer()));
  assert.ok(body.messages.length > 0);
  assert.match(body.trailers, /^grpc-status: 14\r\ngrpc-message: UPSTREAM_/);
});

test("10,000 calls of one channel, all answered right", bounded, async (context) => {
  using client = stand.client(secure!);
  const begun = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < 10_000) {
      const message = `call ${next++}`;
      assert.equal((await client.echo(message)).latin1Slice(), message);
    }
  };
  await Promise.all(Array.from({ length: 50 }, lane));
  context.diagnostic(`${Math.round(10_000_000 / (performance.now() - begun))} calls/s`);
});

test("64 MB go both ways in one message, in every pairing", bounded, async (context) => {
  const message = Buffer.alloc(64 * 1024 * 1024);
  for (let at = 0; at < message.length; at += 4096) message.writeUInt32BE(at, at);
  for (const pairing of pairings) {
    using client = stand.client(pairing);
    const begun = performance.now();
    const answer = await client.echo(message);
    context.diagnostic(`${pairing.what}: ${Math.round(performance.now() - begun)} ms`);
    assert.ok(answer.equals(message), pairing.what);
  }
});

test("keepalive pings are answered while nothing else happens", bounded, async () => {
  using client = stand.client(clear!, {
    "grpc.keepalive_time_ms": 200,
    "grpc.keepalive_timeout_ms": 1000,
    "grpc.keepalive_permit_without_calls": 1,
  });
  const { call, over } = client.chat();
  await pause(3000);
  const answer = once(call, "data");
  call.write(Buffer.from("still here"));
  assert.equal(String((await answer)[0]), "still here");
  call.end();
  assert.equal((await over).status.code, 0);
});

test("a server that restarts gently loses no call", bounded, async () => {
  const first = await grpcServer({ name: "first" });
  await using program = await startTidegate({
    config: {
      listeners: { web: { bind: "127.0.0.1:0", h2c: true } },
      routes: { "a.test": { service: "one" } },
      services: { one: { backends: [`h2c://127.0.0.1:${first.port}`], holdFor: "5s" } },
    },
  });
  using client = new GrpcClient(program.port(), "a.test");
  const stream = client.count("40 25 10");
  await isTrue("the stream to run", () => first.running === 1);
  const run = { isOver: false };
  let done = 0;
  const lane = async () => {
    while (!run.isOver) {
      await client.echo("x");
      done++;
      await pause(2);
    }
  };
  const lanes = Promise.all(Array.from({ length: 8 }, lane));
  await isTrue("calls", () => done > 50);
  const ended = first.shutDown();
  await using second = await grpcServer({ name: "second", port: first.port });
  await isTrue("calls to the new one", () => second.calls > 100);
  run.isOver = true;
  await lanes;
  const { status, messages } = await stream.over;
  assert.deepEqual([status.code, messages.length], [0, 40]);
  await ended;
});

test("a reload in the middle of streams disturbs none", bounded, async () => {
  await using own = await grpcStand();
  const clients = pairings.map((pairing) => own.client(pairing));
  const streams = clients.map((client) => client.count("60 25 100"));
  const chats = clients.map((client) => client.chat());
  await isTrue("all to run", () => own.plain.running + own.secure.running === 8);
  const { routes, ...rest } = own.config as { routes: Record<string, unknown> };
  for (let at = 0; at < 3; at++) {
    await own.program.writeConfig({
      ...rest,
      routes: { ...routes, [`new${at}.test`]: { whoami: true } },
    });
    own.program.signal("SIGHUP");
    await pause(200);
  }
  for (const [at, { over }] of streams.entries()) {
    const { status, messages } = await over;
    assert.deepEqual([status.code, messages.length], [0, 60], pairings[at]?.what);
  }
  for (const { call, over } of chats) {
    const answer = once(call, "data");
    call.write(Buffer.from("still"));
    assert.equal(String((await answer)[0]), "still");
    call.end();
    assert.equal((await over).status.code, 0);
  }
  for (const client of clients) client.client.close();
});
