// Streams on real sockets: a real listener, real services, and clients and backends that follow a script.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { eventually, within } from "../../test/harness/barrier.ts";
import { connect } from "../../test/harness/client.ts";
import { origin } from "../../test/harness/origin.ts";
import { echo, nobody, streamStand } from "../../test/harness/stream-stand.ts";

const timeout = 20_000;

function toService(backends: readonly unknown[], more: object = {}, listener: object = {}) {
  return {
    listeners: { tcp: { service: "db", ...listener } },
    services: { db: { backends, ...more } },
  };
}

test("bytes go both ways, and an end on one side leaves the other open", { timeout }, async () => {
  await using backend = await origin();
  await using stand = streamStand(toService([`tcp://127.0.0.1:${backend.port}`]));
  await using client = await connect(stand.port);
  await client.send("question");
  const connection = await backend.accept();
  await connection.expect("question");
  client.end();
  await connection.waitClose();
  await connection.send("a late answer");
  strictEqual(await client.readBytes(13), "a late answer");
  connection.end();
  strictEqual(await client.readToEnd(), "");
  const record = await stand.record();
  deepStrictEqual(
    { ...record, ms: 0 },
    {
      listener: "tcp",
      route: "",
      service: "db",
      backend: `tcp://127.0.0.1:${backend.port}`,
      clientIp: "127.0.0.1",
      serverName: "",
      bytesIn: 8,
      bytesOut: 13,
      ms: 0,
      failure: undefined,
    },
  );
  await eventually("everything to be closed", () => (stand.counted === 0 ? true : undefined));
});

test("a backend that ends first is still written to", { timeout }, async () => {
  await using backend = await origin();
  await using stand = streamStand(toService([`tcp://127.0.0.1:${backend.port}`]));
  await using client = await connect(stand.port);
  const connection = await backend.accept();
  await connection.send("greeting");
  connection.end();
  strictEqual(await client.readToEnd(), "greeting");
  await client.send("still here");
  await connection.expect("still here");
  client.end();
  strictEqual((await stand.record()).failure, undefined);
});

test("a server that speaks first is heard at once", { timeout }, async () => {
  await using backend = await origin({ onConnection: (each) => void each.send("220 ready\r\n") });
  await using stand = streamStand(toService([`tcp://127.0.0.1:${backend.port}`]));
  await using client = await connect(stand.port);
  strictEqual(await client.readBytes(11), "220 ready\r\n");
});

test("much goes through whole in both directions at once", { timeout }, async () => {
  await using backend = await echo();
  await using stand = streamStand(toService([`tcp://127.0.0.1:${backend.port}`]));
  await using client = await connect(stand.port, { timeoutMs: timeout });
  const sent = randomBytes(8 * 1024 * 1024);
  const hash = createHash("sha256");
  let received = 0;
  client.socket.removeAllListeners("data");
  client.socket.on("data", (bytes: Buffer) => {
    hash.update(bytes);
    received += bytes.length;
  });
  client.socket.end(sent);
  await within(once(client.socket, "end"), timeout, "the end of the echo");
  strictEqual(received, sent.length);
  strictEqual(hash.digest("hex"), createHash("sha256").update(sent).digest("hex"));
  const record = await stand.record();
  deepStrictEqual([record.bytesIn, record.bytesOut], [sent.length, sent.length]);
});

for (const slow of ["client", "backend"] as const) {
  test(`a slow ${slow} makes the other side wait, and gets everything`, { timeout }, async () => {
    await using backend = await origin();
    await using stand = streamStand(toService([`tcp://127.0.0.1:${backend.port}`]));
    await using client = await connect(stand.port, { timeoutMs: timeout });
    const { socket: far } = await backend.accept();
    const [reader, writer] = slow === "client" ? [client.socket, far] : [far, client.socket];
    reader.pause();
    const piece = Buffer.alloc(256 * 1024, "x");
    let sent = 0;
    // The kernel's buffers and ours fill up, and then nothing moves any more.
    for (let stuck = 0; stuck < 20; stuck++) {
      while (writer.writableLength === 0 && sent < 1024 * 1024 * 1024) {
        writer.write(piece);
        sent += piece.length;
        stuck = 0;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    ok(sent < 64 * 1024 * 1024, `${sent} bytes were taken while nobody read`);
    let received = 0;
    reader.removeAllListeners("data");
    reader.on("data", (bytes: Buffer) => (received += bytes.length));
    writer.end();
    reader.resume();
    await within(once(reader, "end"), timeout, "the end");
    strictEqual(received, sent);
  });
}

test(
  "a backend that breaks off is a client's connection that breaks off",
  { timeout },
  async () => {
    await using backend = await origin();
    await using stand = streamStand(toService([`tcp://127.0.0.1:${backend.port}`]));
    await using client = await connect(stand.port);
    const connection = await backend.accept();
    await connection.send("half of");
    strictEqual(await client.readBytes(7), "half of");
    connection.reset();
    await client.waitClose();
    match(String(client.error), /ECONNRESET/);
    strictEqual((await stand.record()).failure, "UPSTREAM_TRUNCATED");
  },
);

test(
  "a client that breaks off is a connection to the backend that breaks off",
  { timeout },
  async () => {
    await using backend = await origin();
    await using stand = streamStand(toService([`tcp://127.0.0.1:${backend.port}`]));
    await using client = await connect(stand.port);
    await client.send("half of");
    const connection = await backend.accept();
    await connection.expect("half of");
    const failed = once(connection.socket, "error");
    client.reset();
    const [error] = (await within(failed, 5000, "the reset")) as [NodeJS.ErrnoException];
    strictEqual(error.code, "ECONNRESET");
    strictEqual((await stand.record()).failure, "CLIENT_CLOSED");
  },
);

test("silence on both sides ends a stream, traffic on one keeps it", { timeout }, async () => {
  await using backend = await origin();
  const config = toService([`tcp://127.0.0.1:${backend.port}`], { timeouts: { tunnel: "300ms" } });
  await using stand = streamStand(config);
  await using client = await connect(stand.port);
  const connection = await backend.accept();
  const started = performance.now();
  for (let sent = 0; sent < 10; sent++) {
    await client.send(".");
    await connection.expect(".");
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  ok(performance.now() - started > 500);
  await client.waitClose();
  await connection.waitClose();
  strictEqual((await stand.record()).failure, "TUNNEL_TIMEOUT");
});

test("another backend is asked when one does not accept, and told of", { timeout }, async () => {
  await using backend = await echo();
  const dead = await nobody();
  const config = toService([`tcp://127.0.0.1:${dead}`, `tcp://127.0.0.1:${backend.port}`]);
  await using stand = streamStand(config);
  for (let count = 0; count < 4; count++) {
    await using client = await connect(stand.port);
    await client.send("hello");
    strictEqual(await client.readBytes(5), "hello");
  }
  // A dead one is left alone after the first attempt.
  strictEqual(stand.problems.filter((each) => each.includes("CONNECT_REFUSED")).length, 1);
});

for (const how of ["ends", "is reset"]) {
  test(
    `a backend at which every stream ${how} without a word stays alive: a client may have deserved it`,
    { timeout },
    async () => {
      await using backend = await origin({
        onConnection: (each) => {
          each.socket.on("data", (bytes: Buffer) => {
            if (String(bytes) === "GOOD") void each.send("fine");
            else if (how === "ends") each.end();
            else each.reset();
          });
        },
      });
      const passive = { failures: 3, ratio: "50%", minRequests: 5, deadFor: "60s" };
      const url = `tcp://127.0.0.1:${backend.port}`;
      await using stand = streamStand(toService([url], { passive, whenAllDown: "refuse" }));
      for (let count = 0; count < 12; count++) {
        await using client = await connect(stand.port);
        await client.send("BAD");
        if (how === "ends") {
          await client.readToEnd();
          client.end();
        }
        await client.waitClose();
        await stand.record();
      }
      await using client = await connect(stand.port);
      await client.send("GOOD");
      strictEqual(await client.readBytes(4), "fine");
    },
  );
}

test(
  "when no backend accepts, the client is closed and the log says why",
  { timeout },
  async () => {
    const dead = await nobody();
    await using stand = streamStand(toService([`tcp://127.0.0.1:${dead}`]));
    await using client = await connect(stand.port);
    strictEqual(await client.readToEnd(), "");
    const record = await stand.record();
    deepStrictEqual([record.failure, record.service], ["CONNECT_REFUSED", "db"]);
  },
);

test(
  "streams wait for a place, and one whose client goes leaves the queue",
  { timeout },
  async () => {
    await using backend = await echo();
    const config = toService([`tcp://127.0.0.1:${backend.port}`], { pool: { maxConnections: 1 } });
    await using stand = streamStand(config);
    await using first = await connect(stand.port);
    await first.send("1");
    strictEqual(await first.readBytes(1), "1");
    const second = await connect(stand.port);
    await using third = await connect(stand.port);
    await third.send("3");
    const load = () => stand.destinations.services[0]?.loadRow.backends[0];
    await eventually("two to wait", () => (load()?.waiting === 2 ? true : undefined));
    second.reset();
    await eventually("one to wait", () => (load()?.waiting === 1 ? true : undefined));
    first.end();
    strictEqual(await third.readBytes(1), "3");
    strictEqual(backend.connections.length, 2);
  },
);

test(
  "a stream is held until a backend is up, with no more than a little of what it says",
  { timeout },
  async () => {
    const port = await nobody();
    const config = toService([`tcp://127.0.0.1:${port}`], { holdFor: "15s" });
    await using stand = streamStand(config);
    await using client = await connect(stand.port, { timeoutMs: timeout });
    const sent = 64 * 1024 * 1024;
    client.socket.end(Buffer.alloc(sent, "x"));
    const service = stand.destinations.services[0];
    await eventually("the stream to be held", () =>
      service?.loadRow.held === 1 ? true : undefined,
    );
    await eventually("the client to be stopped", async () => {
      const before = client.socket.bytesWritten - client.socket.writableLength;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return client.socket.writableLength > 0 &&
        client.socket.bytesWritten - client.socket.writableLength === before
        ? true
        : undefined;
    });
    let received = 0;
    // There may be a connection that only looks whether the backend is up.
    const late = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (bytes: Buffer) => (received += bytes.length));
    });
    late.listen(port, "127.0.0.1");
    try {
      const record = await stand.record();
      deepStrictEqual([record.failure, record.bytesIn, received], [undefined, sent, sent]);
    } finally {
      late.close();
    }
  },
);

test("who is held too long is closed, and who goes is no longer held", { timeout }, async () => {
  const port = await nobody();
  const config = toService([`tcp://127.0.0.1:${port}`], { holdFor: "400ms", maxHeld: 1 });
  await using stand = streamStand(config);
  await using first = await connect(stand.port);
  const service = stand.destinations.services[0];
  await eventually("the stream to be held", () => (service?.loadRow.held === 1 ? true : undefined));
  await using second = await connect(stand.port);
  await second.waitClose();
  strictEqual((await stand.record()).failure, "HOLD_FULL");
  await first.waitClose();
  strictEqual((await stand.record()).failure, "HOLD_TIMEOUT");
  const third = await connect(stand.port);
  await eventually("the third to be held", () => (service?.loadRow.held === 1 ? true : undefined));
  third.end();
  strictEqual((await stand.record()).failure, "CLIENT_CLOSED");
  strictEqual(service?.loadRow.held, 0);
});

test("a paused service holds its streams until it is resumed", { timeout }, async () => {
  await using backend = await echo();
  await using stand = streamStand(toService([`tcp://127.0.0.1:${backend.port}`]));
  const pause = (isPaused: boolean) =>
    stand.destinations.learn({
      backends: [],
      services: [{ service: "db", isPaused, isInMaintenance: false }],
      marks: [],
    });
  pause(true);
  await using client = await connect(stand.port);
  await client.send("hello");
  const service = stand.destinations.services[0];
  await eventually("the stream to be held", () => (service?.loadRow.held === 1 ? true : undefined));
  strictEqual(backend.connections.length, 0);
  pause(false);
  strictEqual(await client.readBytes(5), "hello");
});

test("a service that is being worked on takes no streams", { timeout }, async () => {
  await using backend = await echo();
  await using stand = streamStand(toService([`tcp://127.0.0.1:${backend.port}`]));
  const services = [{ service: "db", isPaused: false, isInMaintenance: true }];
  stand.destinations.learn({ backends: [], services, marks: [] });
  await using client = await connect(stand.port);
  strictEqual(await client.readToEnd(), "");
  strictEqual((await stand.record()).failure, "MAINTENANCE");
  strictEqual(backend.connections.length, 0);
});

for (const version of ["v1", "v2"] as const) {
  test(`the backend is told whose connection it gets (${version})`, { timeout }, async () => {
    await using backend = await origin();
    const config = toService([`tcp://127.0.0.1:${backend.port}`], { proxyProtocol: version });
    await using stand = streamStand(config);
    await using client = await connect(stand.port, { from: "127.0.0.3" });
    await client.send("hello");
    const connection = await backend.accept();
    const { localPort } = client.socket;
    if (version === "v1") {
      await connection.expect(`PROXY TCP4 127.0.0.3 127.0.0.1 ${localPort} ${stand.port}\r\nhello`);
    } else {
      const numbers = Buffer.from([127, 0, 0, 3, 127, 0, 0, 1, 0, 0, 0, 0]);
      numbers.writeUInt16BE(localPort ?? 0, 8);
      numbers.writeUInt16BE(stand.port, 10);
      const start = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c";
      await connection.expect(`${start}${numbers.latin1Slice()}hello`);
    }
  });
}

test(
  "a pool's connection that a server greets before anybody has it is not lent",
  { timeout },
  async () => {
    await using backend = await origin({ onConnection: (each) => void each.send("greeting") });
    const config = toService([`tcp://127.0.0.1:${backend.port}`]);
    await using stand = streamStand(config);
    for (let count = 0; count < 5; count++) {
      // Gone before the connection to the backend is there.
      const gone = await connect(stand.port);
      gone.reset();
    }
    await using client = await connect(stand.port);
    strictEqual(await client.readBytes(8), "greeting");
  },
);
