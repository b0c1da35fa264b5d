// Calls of a real gRPC client to a real gRPC server through the real program: all kinds, in every pairing, with what belongs to
// them, and what becomes of them when something is wrong.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Metadata } from "@grpc/grpc-js";
import { eventually } from "../harness/barrier.ts";
import { freePort } from "../harness/free-port.ts";
import { GrpcClient, grpcServer } from "../harness/grpc.ts";
import { type GrpcStand, grpcStand, pairings } from "../harness/grpc-stand.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };
const [, , clear] = pairings;

let stand: GrpcStand;

before(async () => {
  const down = await freePort();
  stand = await grpcStand(() => ({
    routes: {
      "down.test": `h2c://127.0.0.1:${down}`,
      "limited.test": {
        service: `h2c://127.0.0.1:${down}`,
        middlewares: [{ rateLimit: { average: 1, period: "1h", burst: 1 } }],
      },
      "shut.test": {
        service: `h2c://127.0.0.1:${down}`,
        middlewares: [{ apiKey: { keys: [`sha256:${"0".repeat(64)}`] } }],
      },
      "inside.test": {
        service: `h2c://127.0.0.1:${down}`,
        middlewares: [{ ipRules: { allow: "192.0.2.0/24" } }],
      },
    },
  }));
});

after(() => stand[Symbol.asyncDispose]());

for (const pairing of pairings) {
  test(`all four kinds of calls: ${pairing.what}`, bounded, async () => {
    using client = stand.client(pairing);
    const server = stand.server(pairing);

    const metadata = new Metadata();
    metadata.set("x-text", "one, two");
    metadata.set("x-bin-bin", Buffer.from([0, 1, 255]));
    const {
      status,
      messages,
      metadata: head,
    } = await client.unary("Echo", "hello", {}, metadata).over;
    assert.equal(status.code, 0, status.details);
    assert.deepEqual(messages, [Buffer.from("hello")]);
    assert.deepEqual(status.metadata.get("x-time"), ["now"]);
    assert.deepEqual(head.get("x-back-bin"), [Buffer.from([0, 1, 255])]);
    assert.deepEqual(server.seen.get("x-text"), ["one, two"]);
    assert.match(String(server.seen.get("x-forwarded-proto")), /^https?$/);

    const sum = client.sum();
    for (let at = 0; at < 100; at++) sum.call.write(Buffer.alloc(1000));
    sum.call.end();
    assert.equal(await sum.over, "100 100000");

    const counted = await client.count("200 0 500").over;
    assert.equal(counted.status.code, 0, counted.status.details);
    assert.equal(counted.messages.length, 200);
    assert.ok(counted.messages.every((each, at) => each.length === 500 && each[0] === at + 1));

    const { call, over } = client.chat();
    for (const word of ["one", "two", "three"]) {
      const answer = new Promise<Buffer>((resolve) => call.once("data", resolve));
      call.write(Buffer.from(word));
      assert.equal((await answer).latin1Slice(), word);
    }
    call.end();
    assert.equal((await over).status.code, 0);
  });

  test(`an error with its details, which has no messages: ${pairing.what}`, bounded, async () => {
    using client = stand.client(pairing);
    const { status } = await client.unary("Fail", "5").over;
    assert.equal(status.code, 5);
    assert.equal(status.details, "nicht da: 100 % ü");
    assert.deepEqual(status.metadata.get("x-why"), ["asked for"]);
    assert.deepEqual(status.metadata.get("grpc-status-details-bin"), [
      Buffer.from([8, 5, 18, 1, 120]),
    ]);
    const missing = await client.unary("Nothing", "").over;
    assert.equal(missing.status.code, 12);
  });
}

/** What a call to this host ends with. */
async function statusAt(host: string, message = "x") {
  using client = new GrpcClient(stand.program.port("inside"), host);
  const { status } = await client.unary("Echo", message).over;
  return `${status.code} ${status.details}`;
}

test("what is wrong with us is a status, and not a page", bounded, async () => {
  assert.match(await statusAt("down.test"), /^14 CONNECT_REFUSED: The backend refused/);
  assert.match(await statusAt("nobody.test"), /^12 NO_ROUTE: No route is configured/);
  assert.match(await statusAt("limited.test"), /^14 CONNECT_REFUSED/);
  assert.match(await statusAt("limited.test"), /^14 RATE_LIMITED: Too many requests/);
  assert.match(await statusAt("shut.test"), /^16 UNAUTHENTICATED/);
  assert.match(await statusAt("inside.test"), /^7 ADDRESS_DENIED/);
});

test(
  "the log tells what was sent, our failure, and what the call ended with",
  bounded,
  async () => {
    await using own = await grpcStand((service) => ({
      routes: { "small.test": { service, maxBody: 10 } },
    }));
    using client = own.client(clear!);
    assert.equal((await client.unary("Fail", "7").over).status.code, 7);
    await client.echo("x");
    using other = new GrpcClient(own.program.port("inside"), "nobody.test");
    assert.equal((await other.unary("Echo", "x").over).status.code, 12);
    using small = new GrpcClient(own.program.port("inside"), "small.test");
    assert.equal((await small.unary("Echo", "x".repeat(1000)).over).status.code, 8);
    await own.program.stop();
    const entries = (await own.program.accessLog()).map((line) => JSON.parse(line) as LogLine);
    const shown = entries.map(({ target, status, failure, grpcStatus }) => {
      return `${target} ${status} ${failure} ${grpcStatus}`;
    });
    assert.deepEqual(shown, [
      "/test.Calls/Fail 200 null 7",
      "/test.Calls/Echo 200 null 0",
      "/test.Calls/Echo 200 NO_ROUTE 12",
      "/test.Calls/Echo 200 BODY_TOO_LARGE 8",
    ]);
  },
);

interface LogLine {
  readonly target: string;
  readonly status: number;
  readonly failure: string | null;
  readonly grpcStatus?: number;
}

test("calls of one channel spread over two backends", bounded, async () => {
  await using one = await grpcServer({ name: "one" });
  await using two = await grpcServer({ name: "two" });
  await using program = await startTidegate({
    config: {
      listeners: { web: { bind: "127.0.0.1:0", h2c: true } },
      routes: { "a.test": { service: "both" } },
      services: {
        both: {
          backends: [one, two].map(({ port }) => `h2c://127.0.0.1:${port}`),
          balance: "round-robin",
        },
      },
    },
  });
  using client = new GrpcClient(program.port(), "a.test");
  const names: string[] = [];
  for (let at = 0; at < 20; at++) {
    const { metadata } = await client.unary("Echo", "x").over;
    names.push(String(metadata.get("x-server")));
  }
  assert.deepEqual([one.calls, two.calls], [10, 10]);
  assert.ok(
    names.every((name, at) => at === 0 || name !== names[at - 1]),
    names.join(),
  );
  // A stream that runs holds up nobody else.
  const { call } = client.chat();
  call.write(Buffer.from("x"));
  await eventually("the stream", () =>
    Promise.resolve(one.running + two.running === 1 || undefined),
  );
  await Promise.all(Array.from({ length: 50 }, () => client.echo("y")));
  call.cancel();
});

test("by HTTP/1.1 between two of ours calls keep their status", bounded, async () => {
  await using server = await grpcServer({ name: "far" });
  await using inner = await startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: { "a.test": `h2c://127.0.0.1:${server.port}` },
    },
  });
  await using outer = await startTidegate({
    config: {
      listeners: { web: { bind: "127.0.0.1:0", h2c: true } },
      routes: { "a.test": `http://127.0.0.1:${inner.port()}` },
    },
  });
  using client = new GrpcClient(outer.port(), "a.test");
  const { status, messages } = await client.unary("Echo", "hello").over;
  assert.deepEqual(
    [status.code, String(messages), status.metadata.get("x-time")],
    [0, "hello", ["now"]],
  );
  const failed = await client.unary("Fail", "9").over;
  assert.deepEqual([failed.status.code, failed.status.details], [9, "nicht da: 100 % ü"]);
  const sum = client.sum();
  sum.call.write(Buffer.alloc(7));
  sum.call.end();
  assert.equal(await sum.over, "1 7");
  const counted = await client.count("50 0 100").over;
  assert.deepEqual([counted.status.code, counted.messages.length], [0, 50]);
  const { call, over } = client.chat();
  const answer = new Promise<Buffer>((resolve) => call.once("data", resolve));
  call.write(Buffer.from("both ways"));
  assert.equal((await answer).latin1Slice(), "both ways");
  call.end();
  assert.equal((await over).status.code, 0);
  await inner.stop();
  const gone = await client.unary("Echo", "x").over;
  assert.match(`${gone.status.code} ${gone.status.details}`, /^14 CONNECT_REFUSED/);
});
