// Streams that begin with TLS, or ask for it as PostgreSQL's do: passed on, or ended here.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { AddressInfo, Server, Socket } from "node:net";
import { test } from "node:test";
import {
  connect as connectTls,
  type ConnectionOptions,
  createServer as createTlsServer,
  type TLSSocket,
} from "node:tls";
import { eventually, within } from "../../test/harness/barrier.ts";
import { certificates } from "../../test/harness/certificates.ts";
import { type Client, connect } from "../../test/harness/client.ts";
import { madeHello, nodeHello } from "../../test/harness/hello.ts";
import { needs } from "../../test/harness/needs.ts";
import { type Origin, type OriginConnection, origin } from "../../test/harness/origin.ts";
import { echo, streamStand } from "../../test/harness/stream-stand.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { sslRequest } from "./postgres.ts";

const options = { timeout: 20_000, skip: needs("openssl") };

async function listening(server: Server): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A TLS server with a certificate for this name, which says its name and then gives back what it gets. */
async function secureEcho(name: string) {
  const { ca, cert, key } = await certificates(name);
  const server = createTlsServer({ cert, key, ALPNProtocols: ["x", "h2"] }, (socket) => {
    socket.on("error", () => {});
    socket.write(`${name}\n`);
    socket.pipe(socket);
  });
  return { ca, ...(await listening(server)) };
}

/** Waits for a line, over TLS; the handshake must have succeeded. */
async function lineOf(socket: TLSSocket): Promise<string> {
  let text = "";
  while (!text.includes("\n")) {
    const [bytes] = (await within(once(socket, "data"), 5000, "a line")) as [Buffer];
    text += bytes.toString();
  }
  return text.trimEnd();
}

function byName(...backends: readonly (readonly [name: string, port: number])[]) {
  return {
    tcpRoutes: Object.fromEntries(backends.map(([name]) => [name, { sni: name, service: name }])),
    services: Object.fromEntries(
      backends.map(([name, port]) => [name, { backends: [`tcp://127.0.0.1:${port}`] }]),
    ),
    listeners: { tcp: { timeouts: { head: "400ms" } } },
  };
}

test("the name says where TLS goes that is passed on", options, async () => {
  await using a = await secureEcho("a.test");
  await using b = await secureEcho("b.test");
  await using stand = streamStand(byName(["a.test", a.port], ["*.test", b.port]));
  for (const [servername, ca, wanted] of [
    ["a.test", a.ca, "a.test"],
    ["b.test", b.ca, "b.test"],
  ] as const) {
    // The client checks the backend's own certificate: nobody has looked into it on the way.
    const client = connectTls({
      port: stand.port,
      host: "127.0.0.1",
      servername,
      ca,
      ALPNProtocols: ["h2"],
    });
    strictEqual(await lineOf(client), wanted);
    strictEqual(client.alpnProtocol, "h2");
    client.end();
    const record = await stand.record();
    deepStrictEqual([record.serverName, record.failure], [servername, undefined]);
  }
});

test("a hello that comes in pieces is waited for, and arrives whole", options, async () => {
  await using backend = await origin();
  await using stand = streamStand(byName(["a.test", backend.port]));
  const hello = await nodeHello({ servername: "a.test" });
  for (const at of [1, 5, 6, 60, hello.length - 1]) {
    await using client = await connect(stand.port);
    await client.sendSplit(hello.latin1Slice(), at);
    await client.send("and more");
    await (await backend.accept()).expect(`${hello.latin1Slice()}and more`);
  }
});

const alert = (description: number) => `\x15\x03\x03\0\x02\x02${String.fromCharCode(description)}`;

test("a name that nobody serves is told so in TLS", options, async () => {
  await using backend = await echo();
  await using stand = streamStand(byName(["a.test", backend.port]));
  await using client = await connect(stand.port);
  await client.send(madeHello({ names: ["c.test"] }));
  strictEqual(await client.readToEnd(), alert(112));
  deepStrictEqual((await stand.record()).failure, "NO_ROUTE");
  const { ca } = await certificates("a.test");
  const real = connectTls({ port: stand.port, host: "127.0.0.1", servername: "c.test", ca });
  const [error] = (await within(once(real, "error"), 5000, "the alert")) as [Error];
  match(error.message, /unrecognized.name/);
});

test(
  "a malformed or endless hello is closed, and no more than its limit is kept",
  options,
  async () => {
    await using backend = await echo();
    await using stand = streamStand(byName(["a.test", backend.port]));
    const endless = madeHello({ extensions: [[0x1234, Buffer.alloc(16_000)]], recordBytes: 1 });
    for (const bytes of [Buffer.of(22, 3, 1, 0, 0), endless]) {
      await using client = await connect(stand.port);
      await client.send(bytes);
      strictEqual(await client.readToEnd(), alert(50));
      strictEqual((await stand.record()).failure, "CLIENT_HELLO_INVALID");
    }
    strictEqual(stand.problems.filter((each) => each.includes("malformed")).length, 1);
    strictEqual(backend.connections.length, 0);
  },
);

test("a hello that does not come to its end is waited for, but not for ever", options, async () => {
  await using backend = await echo();
  await using stand = streamStand(byName(["a.test", backend.port]));
  for (const bytes of ["", "\x16\x03\x01"]) {
    await using client = await connect(stand.port);
    await client.send(bytes);
    strictEqual(await client.readToEnd(), "");
    strictEqual((await stand.record()).failure, "HEAD_TIMEOUT");
  }
  await using leaving = await connect(stand.port);
  await leaving.send("\x16\x03");
  leaving.end();
  strictEqual(await leaving.readToEnd(), "");
  strictEqual((await stand.record()).failure, "CLIENT_CLOSED");
});

test(
  "beside routes by name, other protocols go to the listener's service, silent ones after a while",
  options,
  async () => {
    await using named = await echo();
    await using other = await origin({ onConnection: (each) => void each.send("220 ready\r\n") });
    const config = byName(["a.test", named.port]);
    const services = { ...config.services, other: { backends: [`tcp://127.0.0.1:${other.port}`] } };
    const listeners = { tcp: { service: "other", timeouts: { head: "400ms" } } };
    await using stand = streamStand({ ...config, services, listeners });
    await using speaking = await connect(stand.port);
    await speaking.send("SSH-2.0-x\r\n");
    await (await other.accept()).expect("SSH-2.0-x\r\n");
    await using silent = await connect(stand.port);
    strictEqual(await silent.readBytes(11), "220 ready\r\n");
  },
);

// --- TLS that ends here --------------------------------------------------------------------------

interface Ended extends AsyncDisposable {
  readonly port: number;
  readonly ca: string;
  readonly stand: ReturnType<typeof streamStand>;
}

async function ended(backend: string, route: object = {}, service: object = {}): Promise<Ended> {
  const { ca, cert, key } = await certificates("a.test");
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  await writeFile(folder.file("cert.pem"), cert);
  await writeFile(folder.file("key.pem"), key, { mode: 0o600 });
  const tls = { cert: folder.file("cert.pem"), key: folder.file("key.pem") };
  const stand = stack.use(
    streamStand({
      tcpRoutes: { ended: { sni: "a.test", service: "db", tls, ...route } },
      services: { db: { backends: [backend], ...service } },
      listeners: { tcp: { timeouts: { head: "400ms" } } },
    }),
  );
  const held = stack.move();
  return { port: stand.port, ca, stand, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function secure({ port, ca }: Ended, more: ConnectionOptions = {}): TLSSocket {
  const all: ConnectionOptions & { allowHalfOpen: boolean } = {
    port,
    host: "127.0.0.1",
    servername: "a.test",
    ca,
    allowHalfOpen: true,
    ...more,
  };
  return connectTls(all);
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`TLS can end here, the backend gets what was in it (${version})`, options, async () => {
    await using backend = await origin();
    await using stand = await ended(`tcp://127.0.0.1:${backend.port}`);
    const client = secure(stand, { minVersion: version, maxVersion: version });
    client.write("question");
    const connection = await backend.accept();
    await connection.expect("question");
    strictEqual(client.getProtocol(), version);
    client.end();
    await connection.waitClose();
    await connection.send("a late answer\n");
    strictEqual(await lineOf(client), "a late answer");
    connection.end();
    await within(once(client, "close"), 5000, "the end");
    const record = await stand.stand.record();
    deepStrictEqual(
      [record.route, record.serverName, record.bytesIn, record.bytesOut, record.failure],
      ["ended", "a.test", 8, 14, undefined],
    );
  });
}

test("much goes through TLS that ends here, whole and at the reader's speed", options, async () => {
  await using backend = await echo();
  await using stand = await ended(`tcp://127.0.0.1:${backend.port}`);
  const client = secure(stand);
  const sent = randomBytes(4 * 1024 * 1024);
  const received: Buffer[] = [];
  client.on("data", (bytes: Buffer) => received.push(bytes));
  client.end(sent);
  await within(once(client, "end"), 15_000, "the end of the echo");
  ok(Buffer.concat(received).equals(sent));
});

test("a backend that breaks off leaves TLS without its proper end", options, async () => {
  await using backend = await origin();
  await using stand = await ended(`tcp://127.0.0.1:${backend.port}`);
  const client = secure(stand);
  client.write("question");
  const connection = await backend.accept();
  await connection.expect("question");
  const failed = once(client, "error");
  connection.reset();
  const [error] = (await within(failed, 5000, "the reset")) as [NodeJS.ErrnoException];
  strictEqual(error.code, "ECONNRESET");
  strictEqual((await stand.stand.record()).failure, "UPSTREAM_CLOSED");
});

for (const [name, route, offered, wanted] of [
  [
    "one that the route is for",
    { sni: undefined, rule: "HostSNI(`a.test`) && (ALPN(`y`) || ALPN(`x`))" },
    ["h2", "x"],
    "x",
  ],
  ["the only one, where the route does not say", {}, ["postgresql"], "postgresql"],
  ["none of several, where the route does not say", {}, ["h2", "http/1.1"], false],
] as const) {
  test(`of the protocols a client offers, TLS that ends here takes ${name}`, options, async () => {
    await using backend = await origin({ onConnection: (each) => void each.send("ready\n") });
    await using stand = await ended(`tcp://127.0.0.1:${backend.port}`, route);
    const client = secure(stand, { ALPNProtocols: [...offered] });
    strictEqual(await lineOf(client), "ready");
    strictEqual(client.alpnProtocol, wanted);
    client.destroy();
  });
}

test("the backend learns name and protocol of TLS that ended here", options, async () => {
  await using backend = await origin();
  await using stand = await ended(`tcp://127.0.0.1:${backend.port}`, {}, { proxyProtocol: "v2" });
  const client = secure(stand, { ALPNProtocols: ["x"] });
  client.write("hello");
  const text = await (await backend.accept()).expect(/[^]*hello$/);
  ok(text.endsWith("\x01\0\x01x\x02\0\x06a.testhello"), JSON.stringify(text));
  client.destroy();
});

test("a handshake that fails or stops is the client's failure", options, async () => {
  await using backend = await echo();
  await using stand = await ended(`tcp://127.0.0.1:${backend.port}`);
  const old = secure(stand, {
    minVersion: "TLSv1.1",
    maxVersion: "TLSv1.1",
    ciphers: "DEFAULT@SECLEVEL=0",
  });
  await within(once(old, "error"), 5000, "the refusal");
  strictEqual((await stand.stand.record()).failure, "CLIENT_TLS_FAILED");
  await using stopping = await connect(stand.port);
  await stopping.send(await nodeHello({ servername: "a.test" }));
  await stopping.waitClose();
  strictEqual((await stand.stand.record()).failure, "HEAD_TIMEOUT");
  strictEqual(backend.connections.length, 0);
});

// --- PostgreSQL ----------------------------------------------------------------------------------

const startup = "\0\0\0\x10\0\x03\0\0user\0a\0\0";
const gssRequest = Buffer.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30);

/** What PostgreSQL's clients do before TLS. */
async function askForTls(client: Client): Promise<void> {
  await client.send(sslRequest);
  strictEqual(await client.readBytes(1), "S");
}

/** A server that speaks as PostgreSQL does until it speaks TLS. */
async function postgres(answer: string): Promise<Origin> {
  return origin({
    onConnection: (each) => {
      void each.expect(sslRequest.latin1Slice()).then(() => each.send(answer));
    },
  });
}

async function afterRequest(backend: Origin): Promise<OriginConnection> {
  const connection = await backend.accept();
  await eventually("the request to be answered", () =>
    connection.received.length >= sslRequest.length ? true : undefined,
  );
  return connection;
}

test(
  "PostgreSQL over TLS goes by name: both ends are asked what they expect",
  options,
  async () => {
    await using backend = await postgres("S");
    await using stand = streamStand(byName(["a.test", backend.port]));
    await using client = await connect(stand.port);
    await askForTls(client);
    const hello = madeHello({ names: ["a.test"] }).latin1Slice();
    await client.send(hello);
    const connection = await afterRequest(backend);
    await connection.expect(hello);
    await connection.send("server hello");
    // The backend's own answer to our request is not the client's.
    strictEqual(await client.readBytes(12), "server hello");
  },
);

test("GSSAPI is declined, and TLS asked for after that", options, async () => {
  await using backend = await postgres("S");
  await using stand = streamStand(byName(["a.test", backend.port]));
  await using client = await connect(stand.port);
  await client.send(gssRequest);
  strictEqual(await client.readBytes(1), "N");
  await askForTls(client);
  const hello = madeHello({ names: ["a.test"] }).latin1Slice();
  await client.send(hello);
  await (await afterRequest(backend)).expect(hello);
});

test("PostgreSQL's TLS can end here", options, async () => {
  await using backend = await origin();
  await using stand = await ended(`tcp://127.0.0.1:${backend.port}`);
  const plain = await connect(stand.port);
  await askForTls(plain);
  const { ca } = stand;
  const client = connectTls({ socket: plain.socket, servername: "a.test", ca });
  client.write(startup);
  await (await backend.accept()).expect(startup);
  client.destroy();
});

test(
  "a session in the clear goes to the route without a name, or is told that there is none",
  options,
  async () => {
    await using backend = await origin();
    const config = byName(["a.test", backend.port]);
    await using strict = streamStand(config);
    await using refused = await connect(strict.port);
    await refused.send(startup);
    match(await refused.readToEnd(), /^E[^]{4}SFATAL\0VFATAL\0C08004\0M/);
    await using stand = streamStand({ ...config, listeners: { tcp: { service: "a.test" } } });
    await using client = await connect(stand.port);
    await client.send(gssRequest);
    strictEqual(await client.readBytes(1), "N");
    await client.send(startup);
    // Our answer was given: the backend need not hear the question.
    await (await backend.accept()).expect(startup);
  },
);

for (const [name, answer, failure] of [
  ["does not speak TLS", "N", "TLS_FAILED"],
  ["says more than it was asked", "Sx", "TLS_FAILED"],
] as const) {
  test(
    `a PostgreSQL backend that ${name} gets nothing of what the client says`,
    options,
    async () => {
      await using backend = await postgres(answer);
      await using stand = streamStand(byName(["a.test", backend.port]));
      await using client = await connect(stand.port);
      await askForTls(client);
      await client.send(madeHello({ names: ["a.test"] }));
      strictEqual(await client.readToEnd(), alert(80));
      strictEqual((await stand.record()).failure, failure);
      strictEqual(backend.connections[0]?.received, sslRequest.latin1Slice());
    },
  );
}

test("what comes together with a request for TLS is not believed", options, async () => {
  await using backend = await postgres("S");
  await using stand = streamStand(byName(["a.test", backend.port]));
  await using client = await connect(stand.port);
  await client.send(Buffer.concat([sslRequest, madeHello({ names: ["a.test"] })]));
  match(await client.readToEnd(), /^(?!S)/);
  strictEqual((await stand.record()).failure, "CLIENT_HELLO_INVALID");
  await using other = await connect(stand.port);
  await askForTls(other);
  await other.send(startup);
  await other.readToEnd();
  strictEqual((await stand.record()).failure, "CLIENT_HELLO_INVALID");
});
