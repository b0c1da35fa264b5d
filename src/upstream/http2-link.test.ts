// One connection to a backend that speaks HTTP/2, on a real socket, against a peer that sends frames by hand.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import { mock, test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import { H2Peer } from "../../test/harness/h2-peer.ts";
import { http2BackendLimits as bounds } from "../config/http2-backend-limits.ts";
import { Wheel } from "../lib/wheel.ts";
import type { BackendConnection, ResponseSink } from "./backend-connection.ts";
import { Http2Link } from "./http2-link.ts";

const limits = { headBytes: 16_384, headerCount: 50, trailerBytes: 512 };
const head = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";

class Notes implements ResponseSink {
  readonly told: string[] = [];
  onInterim(): void {}
  onResponseHead({ status }: { readonly status: number }): void {
    this.told.push(`${status}`);
  }
  onResponseData(): void {}
  onResponseEnd(): void {
    this.told.push("end");
  }
  onResponseFlush(): void {}
  onUpstreamDrain(): void {}
  onResponseFailed(code: string, cause = ""): void {
    this.told.push(`${code} ${cause}`);
  }
  onErrorText(): void {}
  onBackendData(): void {}
  onBackendEnd(): void {}
  onBackendClosed(): void {}
}

/** As `eventually`, while the clock stands still. */
async function turns(isThere: () => boolean): Promise<void> {
  for (let left = 10_000; left > 0 && !isThere(); left--) await nextTurn();
  assert.ok(isThere());
}

/** @param isGreeted the peer says at once what it takes */
async function stand(wheel: Wheel, isGreeted = true) {
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [other] = (await accepted) as [Socket];
  const peer = new H2Peer(other, { role: "server", isAckManual: !isGreeted });
  if (isGreeted) await peer.greet();
  const log: string[] = [];
  const idle: BackendConnection[] = [];
  const link = new Http2Link({
    ...{ socket, address: "127.0.0.1", isSecure: false, wheel, limits, bufferBytes: 65_536 },
    owner: {
      onReusable: (connection) => void idle.push(connection),
      onClosed: () => void log.push("closed"),
    },
    multiplexing: { learn: () => {}, onRoom: () => {}, drop: () => {} },
  });
  socket.on("data", (bytes: Buffer) => link.onBytes(bytes, 0, bytes.length));
  socket.on("end", () => link.onEnd());
  socket.on("close", () => link.onClosed());
  socket.on("drain", () => link.onDrain());
  socket.on("error", () => {});
  const ask = (responseTimeout = 0) => {
    const notes = new Notes();
    const connection = link.first ?? link.take();
    connection.begin(notes, head, "GET", false, responseTimeout, 0);
    connection.endRequest("");
    connection.flush();
    return { notes, connection };
  };
  return {
    ...{ link, peer, log, idle, ask },
    async [Symbol.asyncDispose]() {
      socket.destroy();
      other.destroy();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

test("until its settings are known it has one request, then as many as it takes", async () => {
  await using one = await stand(new Wheel(10), false);
  one.ask();
  assert.equal(one.link.hasRoom, false);
  await one.peer.greet([[3, 3]]);
  await eventually("the settings", () => one.link.isSettled);
  assert.equal(one.link.hasRoom, true);
  one.ask();
  one.ask();
  assert.equal(one.link.hasRoom, false);
  assert.equal(one.link.runningCount, 3);
});

test("a backend that answers in HTTP/1 is said to do so", async () => {
  await using one = await stand(new Wheel(10), false);
  const { notes } = one.ask();
  one.peer.socket.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  await eventually("the failure", () => notes.told.length > 0);
  assert.match(notes.told[0] ?? "", /what it sent is no HTTP\/2: it answers in HTTP\/1$/);
});

test("who is silent is asked for a sign of life, and lost without one", async () => {
  const wheel = new Wheel(1000);
  let now = performance.now();
  mock.timers.enable({ apis: ["setInterval"] });
  const clock = mock.method(performance, "now", () => now);
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 1000) {
      now += 1000;
      mock.timers.tick(1000);
      if (left % 10_000 === 0) await nextTurn();
    }
    // Bytes need turns of the loop, and no clock of ours.
    for (let each = 0; each < 500; each++) await nextTurn();
  };
  const pings = (peer: H2Peer) => peer.log.filter((each) => /PING/.test(each)).length;
  try {
    await using one = await stand(wheel);
    const { notes, connection } = one.ask();
    await turns(() => one.link.isSettled);
    // Our own settings are acknowledged too, or time would be up for that.
    await pass(1000);
    await pass(bounds.pingAfter + 5000);
    await turns(() => pings(one.peer) > 0);
    // It was answered: so nothing happens, and it is not asked again so soon.
    const before = pings(one.peer);
    await pass(100_000);
    assert.equal(pings(one.peer), before);
    assert.deepEqual(notes.told, []);
    one.peer.isAckManual = true;
    await pass(bounds.pingAgain);
    await pass(bounds.pong + 5000);
    assert.match(
      notes.told.join(),
      /^UPSTREAM_CLOSED it is silent, and does not answer to a ping$/,
    );
    assert.equal(connection.isOpen, false);
    assert.deepEqual(one.log, ["closed"]);
  } finally {
    clock.mock.restore();
    mock.timers.reset();
  }
});

test("a request that waited in vain where nothing came keeps others away, until something does", async () => {
  await using one = await stand(new Wheel(10));
  await eventually("the settings", () => one.link.isSettled);
  const pings = () => one.peer.log.filter((each) => /PING/.test(each)).length;
  // So that the clock has gone on since the settings came.
  await pause(50);
  one.peer.isAckManual = true;
  const lasting = one.ask();
  const { notes } = one.ask(100);
  assert.equal(one.link.hasRoom, true);
  await eventually("the time limit", () => notes.told.length > 0);
  assert.deepEqual(notes.told, ["RESPONSE_TIMEOUT "]);
  assert.equal(one.link.hasRoom, false);
  assert.equal(one.link.isClosed, false);
  await eventually("the question", () => pings() === 1);
  await one.peer.send(answerTo1);
  await eventually("the answer", () => lasting.notes.told.includes("end"));
  assert.deepEqual(lasting.notes.told, ["200", "end"]);
  assert.equal(one.link.isClosed, false);
  assert.equal(one.idle.length, 1);

  one.ask(100);
  await eventually("the end of who is alone there", () => one.link.isClosed);
});

test("a time limit of one request means nothing while others are answered", async () => {
  await using one = await stand(new Wheel(10));
  await eventually("the settings", () => one.link.isSettled);
  await pause(50);
  one.ask();
  const { notes } = one.ask(200);
  await pause(100);
  await one.peer.send(answerTo1);
  await eventually("the time limit", () => notes.told.length > 0);
  assert.equal(one.link.isClosed, false);
});

/** HEADERS with END_STREAM and END_HEADERS: `:status: 200`. */
const answerTo1 = Buffer.from("00000101050000000188", "hex");

test("after GOAWAY an idle connection is closed, and one in use when it is done", async () => {
  await using one = await stand(new Wheel(10));
  await using two = await stand(new Wheel(10));
  await eventually("both", () => one.link.isSettled && two.link.isSettled);
  const { connection } = two.ask();
  await eventually("the request", () => two.peer.streams.size === 1);
  for (const each of [one, two]) await each.peer.send(goaway);
  await eventually("the end", () => one.log.length === 1);
  assert.equal(two.link.isClosed, false);
  assert.equal(two.link.hasRoom, false);
  connection.destroy();
  assert.deepEqual(two.log, ["closed"]);
});

/** Of the first stream, without an error. */
const goaway = Buffer.from("0000080700000000000000000100000000", "hex");

test("a deadline, a request or a place is not left behind", async () => {
  const wheel = new Wheel(10);
  await using one = await stand(wheel);
  await eventually("the settings", () => one.link.isSettled);
  const all = [one.ask(), one.ask(), one.ask()];
  all[0]!.connection.destroy();
  one.peer.socket.destroy();
  await eventually("the end", () => one.log.length === 1);
  assert.deepEqual(all[0]!.notes.told, []);
  for (const { notes } of all.slice(1)) assert.deepEqual(notes.told, ["UPSTREAM_CLOSED "]);
  assert.equal(one.link.runningCount, 0);
  await eventually("the wheel is empty", () => wheel.size === 0);
});
