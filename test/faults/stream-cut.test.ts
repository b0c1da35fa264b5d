// A stream that is cut off in each of its phases, by either side or by us: nothing is left of it, neither a
// connection nor a deadline nor a count, the log has one line, and the next stream is served.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { eventually } from "../harness/barrier.ts";
import { certificates } from "../harness/certificates.ts";
import { type Client, connect } from "../harness/client.ts";
import { madeHello, nodeHello } from "../harness/hello.ts";
import { needs } from "../harness/needs.ts";
import { type Origin, type OriginConnection, origin } from "../harness/origin.ts";
import { type StreamStand, streamStand } from "../harness/stream-stand.ts";
import { tempFolder } from "../harness/temp-folder.ts";

const sslRequest = Buffer.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f);
const hello = madeHello({ names: ["a.test"] });

interface Scene {
  readonly stand: StreamStand;
  readonly backend: Origin;
  readonly client: Client;
  readonly ca: string;
}

/** Brings a stream so far; returns the backend's end, where there is one. */
const phases: Readonly<Record<string, (scene: Scene) => Promise<OriginConnection | undefined>>> = {
  async "it is accepted"() {
    return undefined;
  },
  async "half of its hello is here"({ client }) {
    await client.send(hello.subarray(0, 20));
    return undefined;
  },
  async "it was told that there is TLS"({ client }) {
    await client.send(sslRequest);
    assert.equal(await client.readBytes(1), "S");
    return undefined;
  },
  async "TLS is being established with it"({ client }) {
    await client.send(await nodeHello({ servername: "tls.test" }));
    await client.readBytes(10);
    return undefined;
  },
  async "it waits for a place"({ stand, client, backend }) {
    await fill(stand, backend);
    await client.send(hello);
    await eventually("it to wait", () => (rowOf(stand)?.waiting === 1 ? true : undefined));
    return undefined;
  },
  async "it is held"({ stand, client }) {
    pause(stand, true);
    await client.send(hello);
    const service = stand.destinations.services[0];
    await eventually("it to be held", () => (service?.loadRow.held === 1 ? true : undefined));
    return undefined;
  },
  async "the backend is asked for TLS"({ client, backend }) {
    await client.send(sslRequest);
    assert.equal(await client.readBytes(1), "S");
    await client.send(hello);
    const connection = await backend.accept();
    await connection.expect(sslRequest.latin1Slice());
    return connection;
  },
  async "bytes went both ways"({ client, backend }) {
    return carried(client, backend);
  },
  async "the client has ended"({ client, backend }) {
    const connection = await carried(client, backend);
    client.end();
    await connection.waitClose();
    return connection;
  },
  async "the backend has ended"({ client, backend }) {
    const connection = await carried(client, backend);
    connection.end();
    await client.waitClose();
    return connection;
  },
  async "the client reads nothing"({ client, backend }) {
    const connection = await carried(client, backend);
    client.socket.pause();
    connection.socket.write(Buffer.alloc(32 * 1024 * 1024));
    return connection;
  },
  async "the backend reads nothing"({ client, backend }) {
    const connection = await carried(client, backend);
    connection.socket.pause();
    client.socket.write(Buffer.alloc(32 * 1024 * 1024));
    return connection;
  },
  async "TLS ends here"({ client, backend, ca }) {
    const secure = connectTls({ socket: client.socket, servername: "tls.test", ca });
    secure.on("error", () => {});
    secure.write("question");
    const connection = await backend.accept();
    await connection.expect("question");
    return connection;
  },
};

async function carried(client: Client, backend: Origin): Promise<OriginConnection> {
  await client.send(hello);
  const connection = await backend.accept();
  await connection.expect(hello.latin1Slice());
  await connection.send("answer");
  await client.readBytes(6);
  return connection;
}

/** Takes the only place there is. */
async function fill(stand: StreamStand, backend: Origin): Promise<void> {
  const first = await connect(stand.port);
  const connection = await carried(first, backend);
  // Not for longer than the other one needs to be cut.
  first.socket.setTimeout(2000, () => connection.reset());
}

function pause(stand: StreamStand, isPaused: boolean): void {
  const services = [{ service: "db", isPaused, isInMaintenance: false }];
  stand.destinations.learn({ backends: [], services, marks: [] });
}

function rowOf(stand: StreamStand) {
  return stand.destinations.services[0]?.loadRow.backends[0];
}

type Cut = (scene: Scene, connection: OriginConnection | undefined) => void;

const cuts: Readonly<Record<string, Cut>> = {
  "the client ends": ({ client }) => {
    client.end();
    client.socket.destroy();
  },
  "the client breaks off": ({ client }) => client.reset(),
  "the backend ends": (_, connection) => {
    connection?.end();
    connection?.socket.destroy();
  },
  "the backend breaks off": (_, connection) => connection?.reset(),
  "we cut it": ({ stand }) => stand.listener.cut(() => true),
  "time is up": () => {},
};

for (const [phase, reach] of Object.entries(phases)) {
  for (const [name, cut] of Object.entries(cuts)) {
    const options = { skip: needs("openssl"), timeout: 20_000 };
    test(`when ${phase} and ${name}, nothing is left`, options, () => cutOff(reach, cut, name));
  }
}

async function cutOff(reach: (typeof phases)[string], cut: Cut, name: string): Promise<void> {
  const { ca, cert, key } = await certificates("tls.test");
  await using folder = await tempFolder();
  await writeFile(folder.file("cert.pem"), cert);
  await writeFile(folder.file("key.pem"), key, { mode: 0o600 });
  let isCut = false;
  await using backend = await origin({
    onConnection: (each) => void (isCut && endWithClient(each)),
  });
  // Time is only up where nothing else shall happen.
  const time = name === "time is up" ? "1s" : "60s";
  await using stand = streamStand({
    listeners: { tcp: { timeouts: { head: time } } },
    tcpRoutes: {
      named: { sni: "a.test", service: "db" },
      ended: {
        sni: "tls.test",
        service: "db",
        tls: { cert: folder.file("cert.pem"), key: folder.file("key.pem") },
      },
    },
    services: {
      db: {
        backends: [`tcp://127.0.0.1:${backend.port}`],
        pool: { maxConnections: 1, maxWait: time },
        pauseFor: time,
        timeouts: { tunnel: time, connect: time },
      },
    },
  });
  const client = await connect(stand.port);
  const scene = { stand, backend, client, ca };
  const connection = await reach(scene);
  cut(scene, connection);
  // Without a backend its ends are no cut: the client goes instead.
  if (name.startsWith("the backend")) client.socket.destroy();
  isCut = name !== "time is up";
  if (isCut) for (const each of backend.connections) endWithClient(each);
  else client.socket.resume();
  pause(stand, false);
  await eventually(
    "nothing to be left",
    () => (leftIn(stand) === "" ? true : undefined),
    15_000,
  ).catch(() => assert.fail(`left: ${leftIn(stand)}`));
  assert.equal(stand.records.length, phases["it waits for a place"] === reach ? 2 : 1);
  await using next = await connect(stand.port);
  await carried(next, { ...backend, accept: () => latest(backend, backend.connections.length) });
  await client[Symbol.asyncDispose]();
}

/** The connection after so many others. */
async function latest(backend: Origin, count: number): Promise<OriginConnection> {
  return eventually("a connection to the backend", () => backend.connections[count]);
}

/** As servers do. */
function endWithClient({ socket, ended }: OriginConnection): void {
  socket.resume();
  if (ended) socket.end();
  else socket.on("end", () => socket.end());
}

function leftIn(stand: StreamStand): string {
  const { listener, counted, deadlines } = stand;
  const service = stand.destinations.services[0]?.loadRow;
  const { inFlight = 0, waiting = 0 } = rowOf(stand) ?? {};
  const left = {
    connections: listener.connectionCount,
    counted,
    deadlines,
    inFlight,
    waiting,
    held: service?.held ?? 0,
  };
  return Object.entries(left)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${what} ${count}`)
    .join(", ");
}
