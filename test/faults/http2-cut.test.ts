// Either side of HTTP/2 dies, or gives up, in the middle of anything. Afterwards no exchange has left a lease, an armed
// deadline or a socket, and the others were answered.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { H2Client } from "../harness/h2-client.ts";
import { flagBits, frame, frameTypes as types, uint32 } from "../harness/h2-frames.ts";
import { valueOf } from "../harness/h2-fields.ts";
import { section } from "../harness/h2-hpack.ts";
import { H2Peer, type PeerStream } from "../harness/h2-peer.ts";
import { type HttpOrigin, httpOrigin } from "../harness/origin.ts";
import { each, numbers, type Plane, startPlane } from "./plane.ts";

const bounded = { timeout: 60_000 };
const listeners = { web: { bind: "127.0.0.1:0", h2c: true } };

/** Exchanges hold nothing, whatever connections are still open. */
async function nothingHeld(proxy: Plane): Promise<void> {
  await eventually("no lease and nothing carried", () => {
    const { leases, carried } = proxy.usage;
    return leases === 0 && carried === 0 ? true : undefined;
  }).catch((error: unknown) => {
    throw new Error(`still held: ${JSON.stringify(proxy.usage)}`, { cause: error });
  });
}

interface Counts {
  begun: number;
  complete: number;
}

/** Answers /alive at once, /big with 1 MB, /never never, and anything else with what it was sent. */
function anOrigin(counts: Counts): Promise<HttpOrigin> {
  return httpOrigin((incoming, outgoing) => {
    if (incoming.url === "/alive") return void outgoing.end("alive");
    counts.begun++;
    incoming.resume();
    incoming.on("error", () => undefined); // a client that went
    incoming.on("end", () => {
      counts.complete++;
      if (incoming.url === "/big") outgoing.end("x".repeat(1_000_000));
      else if (incoming.url !== "/never") outgoing.end("done");
    });
  });
}

for (const way of ["closes", "resets"] as const) {
  test(`a client that ${way} anywhere in two requests leaves nothing behind`, bounded, async () => {
    const counts = { begun: 0, complete: 0 };
    await using back = await anOrigin(counts);
    await using proxy = await startPlane({ listeners, routes: { "a.test": back.url } });
    await using sample = await H2Client.open(proxy.port);
    const bytes = Buffer.concat([
      sample.request("/cut", { method: "POST", isOpen: true }),
      sample.request("/cut", { method: "POST", isOpen: true }),
      frame(types.DATA, 0, 1, Buffer.from("hello")),
      frame(types.DATA, flagBits.PADDED, 3, Buffer.from("\x02you\0\0")),
      frame(types.HEADERS, flagBits.END_HEADERS, 1, section([["x-sum", "1"]])),
    ]);
    await sample[Symbol.asyncDispose]();
    await each(numbers(bytes.length), async (length) => {
      // An acknowledgement would be the rest of half a frame.
      await using client = await H2Client.open(proxy.port, { isAckManual: true });
      await client.peer.send(bytes.subarray(0, length));
      if (way === "closes") client.peer.end();
      else {
        // Who has reset before it is accepted is nobody: let the proxy, in this process, read it.
        for (let turn = 0; turn < 6; turn++) await new Promise(setImmediate);
        client.peer.reset();
      }
      await client.peer.until("the end", () => (client.peer.ended ? true : undefined));
      for (const stream of client.peer.streams.values())
        assert.deepEqual(stream.sections, [], `answered after ${length} bytes`);
    });
    await proxy.assertServes();
    await proxy.assertNothingLeft();
    assert.equal(counts.complete, 0, "a cut body was taken for a whole one");
    const lines = (await proxy.end()).filter(({ target }) => target === "/cut");
    assert.ok(lines.length > bytes.length / 2, `${lines.length} lines`);
    for (const line of lines) assert.equal(line.failure, "CLIENT_CLOSED", JSON.stringify(line));
  });
}

test("RST_STREAM in every state of a stream ends that one alone", bounded, async () => {
  const counts = { begun: 0, complete: 0 };
  await using back = await anOrigin(counts);
  await using proxy = await startPlane({ listeners, routes: { "a.test": back.url } });
  await using client = await H2Client.open(proxy.port, { isWindowManual: true, window: 1000 });
  const { peer } = client;
  const states: Record<string, () => Promise<PeerStream>> = {
    "its head has come": async () => client.ask("/a", { method: "POST", isOpen: true }),
    "half of its body has come": async () => {
      const stream = client.ask("/b", { method: "POST", isOpen: true });
      await client.send(stream, "hello");
      await eventually("the origin to have it", () => counts.begun || undefined);
      return stream;
    },
    "it waits for its answer": async () => {
      const before = counts.complete;
      const stream = client.ask("/never");
      await eventually("the origin to have it", () => counts.complete > before || undefined);
      return stream;
    },
    "its answer waits for its window": async () => {
      const stream = client.ask("/big");
      await peer.until("1000 bytes", () => (stream.body.length === 1000 ? true : undefined));
      return stream;
    },
    "its answer has come": async () => {
      const stream = client.ask("/c");
      assert.equal(await client.answered(stream), 200);
      return stream;
    },
  };
  for (const [state, reach] of Object.entries(states)) {
    const stream = await reach();
    await client.cancel(stream);
    await peer.barrier();
    await nothingHeld(proxy);
    const other = client.ask("/alive");
    assert.equal(await client.answered(other), 200, `after a reset when ${state}`);
    assert.equal(stream.reset, undefined, `${state}: our reset was answered by one`);
  }
  assert.deepEqual(peer.problems, []);
  await client[Symbol.asyncDispose]();
  await proxy.assertNothingLeft();
});

test("windows that are never opened hold up nobody else, and end", bounded, async () => {
  const counts = { begun: 0, complete: 0 };
  await using back = await anOrigin(counts);
  await using proxy = await startPlane({ listeners, routes: { "a.test": back.url } });
  await using client = await H2Client.open(proxy.port, {
    isWindowManual: true,
    window: 0,
    timeoutMs: 15_000,
  });
  const streams = numbers(50).map(() => client.ask("/big"));
  for (const stream of streams)
    await client.peer.until("a head", () => (stream.sections.length > 0 ? true : undefined));
  await proxy.assertServes();
  for (const stream of streams) await client.answered(stream);
  assert.ok(streams.every(({ reset, body }) => reset !== undefined && body === ""));
  await nothingHeld(proxy);
  assert.deepEqual(client.peer.problems, []);
  await client[Symbol.asyncDispose]();
  await proxy.assertNothingLeft();
});

test("a client that dies with 50 answers held back leaves nothing", bounded, async () => {
  const counts = { begun: 0, complete: 0 };
  await using back = await anOrigin(counts);
  await using proxy = await startPlane({ listeners, routes: { "a.test": back.url } });
  await using client = await H2Client.open(proxy.port, { isWindowManual: true, window: 10 });
  const streams = numbers(50).map(() => client.ask("/big"));
  for (const stream of streams)
    await client.peer.until("10 bytes", () => (stream.body.length === 10 ? true : undefined));
  client.peer.reset();
  await proxy.assertServes();
  await proxy.assertNothingLeft();
});

test("a request that is whole before the client half-closes is answered", bounded, async () => {
  const counts = { begun: 0, complete: 0 };
  await using back = await anOrigin(counts);
  await using proxy = await startPlane({ listeners, routes: { "a.test": back.url } });
  await using client = await H2Client.open(proxy.port);
  assert.equal(await client.answered(client.ask("/a")), 200);
  client.peer.end();
  await client.peer.until("the end", () => (client.peer.ended ? true : undefined));
  await proxy.assertNothingLeft();
});

interface Backend extends AsyncDisposable {
  readonly url: string;
  readonly peers: readonly H2Peer[];
}

/** A backend in frames: what its streams get is up to the test. */
async function backend(onPeer: (peer: H2Peer) => void = () => undefined): Promise<Backend> {
  const peers: H2Peer[] = [];
  const server = createServer((socket) => {
    const peer: H2Peer = new H2Peer(socket, { role: "server", onChange: () => answerAlive(peer) });
    peers.push(peer);
    void peer.greet();
    onPeer(peer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `h2c://127.0.0.1:${(server.address() as AddressInfo).port}`,
    peers,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const { socket } of peers) socket.destroy();
      await once(server, "close");
    },
  };
}

function answer(peer: H2Peer, stream: PeerStream, text: string): void {
  stream.taken = 1;
  const head = section([[":status", "200"]]);
  const data = frame(types.DATA, flagBits.END_STREAM, stream.id, Buffer.from(text));
  void peer.send(
    Buffer.concat([frame(types.HEADERS, flagBits.END_HEADERS, stream.id, head), data]),
  );
}

function answerAlive(peer: H2Peer): void {
  for (const stream of peer.streams.values())
    if (stream.taken === 0 && valueOf(stream.sections[0] ?? [], ":path") === "/alive")
      answer(peer, stream, "alive");
}

/** 50 exchanges are with the backend, on one connection. */
async function fifty(proxy: Plane, back: Backend): Promise<[H2Client, PeerStream[], H2Peer]> {
  const client = await H2Client.open(proxy.port);
  const streams = numbers(50).map(() => client.ask("/work", { method: "POST" }));
  const peer = await eventually("50 streams", () =>
    back.peers.find(({ streams: at }) => at.size === 50),
  );
  return [client, streams, peer];
}

for (const way of ["closes", "resets"] as const) {
  test(
    `a backend that ${way} with 50 streams open fails those, and nothing else`,
    bounded,
    async () => {
      await using back = await backend();
      await using proxy = await startPlane({ listeners, routes: { "a.test": back.url } });
      const [client, streams, peer] = await fifty(proxy, back);
      const [first] = peer.streams.values();
      // One of them is in the middle of its answer.
      const head = section([[":status", "200"]]);
      await peer.send(frame(types.HEADERS, flagBits.END_HEADERS, first?.id ?? 0, head));
      await client.peer.until("a head", () =>
        streams.some(({ sections }) => sections.length > 0) ? true : undefined,
      );
      if (way === "closes") peer.end();
      else peer.reset();
      const statuses = await Promise.all(streams.map((stream) => client.answered(stream)));
      assert.equal(statuses.filter((status) => status === 502).length, 49, statuses.join());
      const cut = streams.filter(({ reset, isEnded }) => reset !== undefined && !isEnded);
      assert.equal(cut.length, 1, "an answer without its end was taken for a whole one");
      await nothingHeld(proxy);
      await proxy.assertServes();
      assert.deepEqual(client.peer.problems, []);
      await client[Symbol.asyncDispose]();
      await back[Symbol.asyncDispose]();
      await proxy.assertNothingLeft();
    },
  );
}

test(
  "GOAWAY in the middle: what was begun is finished, the rest is asked elsewhere",
  bounded,
  async () => {
    await using back = await backend();
    await using proxy = await startPlane({ listeners, routes: { "a.test": back.url } });
    const [client, streams, peer] = await fifty(proxy, back);
    await peer.send(frame(types.GOAWAY, 0, 0, Buffer.concat([uint32(39), uint32(0)])));
    const second = await eventually("30 streams elsewhere", () =>
      back.peers.find(({ streams: at }) => at.size === 30),
    );
    for (const stream of second.streams.values()) answer(second, stream, "second");
    for (const stream of peer.streams.values()) if (stream.id <= 39) answer(peer, stream, "first");
    const statuses = await Promise.all(streams.map((stream) => client.answered(stream)));
    assert.ok(
      statuses.every((status) => status === 200),
      statuses.join(),
    );
    assert.equal(streams.filter(({ body }) => body === "first").length, 20);
    assert.equal(streams.filter(({ body }) => body === "second").length, 30);
    await nothingHeld(proxy);
    assert.deepEqual([...peer.problems, ...second.problems, ...client.peer.problems], []);
    await client[Symbol.asyncDispose]();
    await back[Symbol.asyncDispose]();
    await proxy.assertNothingLeft();
  },
);

test(
  "a client that goes cancels its streams with the backend, not the connection",
  bounded,
  async () => {
    await using back = await backend();
    await using proxy = await startPlane({ listeners, routes: { "a.test": back.url } });
    const [client, , peer] = await fifty(proxy, back);
    client.peer.reset();
    await peer.until("50 resets", () =>
      [...peer.streams.values()].every(({ reset }) => reset === 8) ? true : undefined,
    );
    await proxy.assertServes();
    assert.equal(back.peers.length, 1, "the connection was not kept");
    assert.deepEqual(peer.problems, []);
    await back[Symbol.asyncDispose]();
    await proxy.assertNothingLeft();
  },
);
