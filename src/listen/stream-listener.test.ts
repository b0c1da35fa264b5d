import { deepStrictEqual, strictEqual } from "node:assert";
import { spawnSync } from "node:child_process";
import { connect as openSocket, createServer } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import { Client, connect } from "../../test/harness/client.ts";
import { madeHello } from "../../test/harness/hello.ts";
import { origin } from "../../test/harness/origin.ts";
import { echo, streamStand } from "../../test/harness/stream-stand.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";

const timeout = 20_000;

function configOf(port: number, listener: object = {}, more: object = {}) {
  return {
    listeners: { tcp: { service: "db", ...listener } },
    services: { db: { backends: [`tcp://127.0.0.1:${port}`] } },
    ...more,
  };
}

async function assertEchoes(client: Client): Promise<void> {
  await client.send("hello");
  strictEqual(await client.readBytes(5), "hello");
}

test("streams count as tunnels, and give their places back", { timeout }, async () => {
  await using backend = await echo();
  await using stand = streamStand(configOf(backend.port));
  await using one = await connect(stand.port);
  await using two = await connect(stand.port);
  await assertEchoes(one);
  await assertEchoes(two);
  const { listener } = stand;
  deepStrictEqual(
    [listener.connectionCount, listener.tunnelCount, listener.exchangeCount],
    [2, 2, 0],
  );
  strictEqual(stand.counted, 2);
  one.end();
  two.reset();
  await eventually("both to be gone", () => (stand.counted === 0 ? true : undefined));
  strictEqual(listener.connectionCount, 0);
});

test("limits hold for streams", { timeout }, async () => {
  await using backend = await echo();
  const limits = { connectionsPerAddress: 1 };
  await using stand = streamStand(configOf(backend.port, {}, { limits }));
  await using first = await connect(stand.port);
  await assertEchoes(first);
  await using second = await connect(stand.port);
  strictEqual(await second.readToEnd(), "");
  await using other = await connect(stand.port, { from: "127.0.0.2" });
  await assertEchoes(other);
});

for (const proxyProtocol of [false, true]) {
  test(
    `a connection that was reset before it is accepted leaves no trace (behind a proxy: ${proxyProtocol})`,
    { timeout },
    async () => {
      await using backend = await echo();
      const listener = proxyProtocol ? { proxyProtocol, trustedProxies: ["127.0.0.1"] } : {};
      await using stand = streamStand(configOf(backend.port, listener));
      const script = `
        const socket = require("node:net").connect(${stand.port}, "127.0.0.1");
        socket.on("connect", () => socket.resetAndDestroy());
      `;
      // Nothing is accepted in this process meanwhile.
      const { status } = spawnSync(process.execPath, ["-e", script], { timeout });
      strictEqual(status, 0);
      await using client = await connect(stand.port);
      if (proxyProtocol) await client.send("PROXY UNKNOWN\r\n");
      await assertEchoes(client);
      // Those who came first were accepted first.
      deepStrictEqual([stand.records, stand.problems, stand.counted], [[], [], 1]);
      strictEqual(backend.connections.length, 1);
    },
  );
}

test(
  "the client is who the PROXY header says, for limits, rules, the log and the backend",
  { timeout },
  async () => {
    await using backend = await origin();
    const inside = { clientIp: ["192.0.2.0/24"], service: "db" };
    await using stand = streamStand({
      listeners: { tcp: { proxyProtocol: true, trustedProxies: ["127.0.0.1"] } },
      tcpRoutes: { inside },
      services: { db: { backends: [`tcp://127.0.0.1:${backend.port}`], proxyProtocol: "v1" } },
    });
    const header = "PROXY TCP4 192.0.2.7 198.51.100.1 50000 3306\r\n";
    await using client = await connect(stand.port);
    // Header and first bytes in one segment.
    await client.send(`${header}hello`);
    await (await backend.accept()).expect(`${header}hello`);
    client.end();
    await using outside = await connect(stand.port);
    await outside.send(header.replace("192.0.2.7", "192.0.3.7"));
    strictEqual(await outside.readToEnd(), "");
    const record = await stand.record();
    deepStrictEqual([record.failure, record.clientIp], ["NO_ROUTE", "192.0.3.7"]);
    await using stranger = await connect(stand.port, { from: "127.0.0.2" });
    await stranger.send(header);
    strictEqual(await stranger.readToEnd(), "");
    await using rubbish = await connect(stand.port);
    await rubbish.send("PROXY rubbish\r\n");
    strictEqual(await rubbish.readToEnd(), "");
    strictEqual(backend.connections.length, 1);
  },
);

test("a listener on a unix socket carries streams, and breaks them off", { timeout }, async () => {
  await using backend = await origin();
  await using folder = await tempFolder();
  const path = folder.file("tcp.sock");
  await using stand = streamStand(configOf(backend.port, { bind: `unix:${path}` }));
  const socket = openSocket({ path, allowHalfOpen: true });
  await using client = new Client(socket, 5000);
  await once(socket, "connect");
  await client.send("hello");
  const connection = await backend.accept();
  await connection.expect("hello");
  connection.reset();
  await client.waitClose();
  const record = await stand.record();
  deepStrictEqual([record.failure, record.clientIp], ["UPSTREAM_CLOSED", "unix:"]);
});

test("a backend on a unix socket is as good as any", { timeout }, async () => {
  await using folder = await tempFolder();
  const path = folder.file("db.sock");
  const server = createServer((socket) => void socket.pipe(socket)).listen(path);
  try {
    await using stand = streamStand({
      listeners: { tcp: { service: "db" } },
      services: { db: { backends: [`tcp://unix:${path}`] } },
    });
    await using client = await connect(stand.port);
    await assertEchoes(client);
  } finally {
    server.close();
  }
});

test(
  "draining lets streams go on and closes who has not said yet where to go",
  { timeout },
  async () => {
    await using backend = await echo();
    const config = {
      ...configOf(backend.port, { service: undefined }),
      tcpRoutes: { named: { sni: "a.test", service: "db" } },
    };
    await using stand = streamStand(config);
    await using carried = await connect(stand.port);
    const hello = madeHello({ names: ["a.test"] });
    await carried.send(hello);
    strictEqual(await carried.readBytes(hello.length), hello.latin1Slice());
    await using waiting = await connect(stand.port);
    await waiting.send(hello.subarray(0, 5));
    await eventually("both to be there", () =>
      stand.listener.connectionCount === 2 ? true : undefined,
    );
    strictEqual(stand.listener.tunnelCount, 1);
    stand.listener.drain({ isPatient: true });
    strictEqual(stand.listener.connectionCount, 2);
    stand.listener.drain();
    await waiting.waitClose();
    await assertEchoes(carried);
    stand.listener.cut((each) => !each.isTunnel);
    await assertEchoes(carried);
    stand.listener.cut((each) => each.isTunnel);
    await carried.waitClose();
    deepStrictEqual(
      [(await stand.record()).failure, (await stand.record()).failure],
      ["SHUT_DOWN", "SHUT_DOWN"],
    );
  },
);

test("a reload changes where new streams go, and leaves those that run", { timeout }, async () => {
  await using one = await origin({ onConnection: (each) => void each.send("one") });
  await using two = await origin({ onConnection: (each) => void each.send("two") });
  await using stand = streamStand(configOf(one.port));
  await using before = await connect(stand.port);
  strictEqual(await before.readBytes(3), "one");
  stand.update(configOf(two.port));
  await using after = await connect(stand.port);
  strictEqual(await after.readBytes(3), "two");
  await before.send("still");
  await (await one.accept()).expect("still");
});
