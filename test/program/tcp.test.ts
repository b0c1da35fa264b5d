// TCP through the real program: where connections go, what the log says of them, and what becomes of them
// when the configuration changes or the program ends.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from "node:tls";
import { type AddressInfo, createServer } from "node:net";
import { promisify } from "node:util";
import { eventually, within } from "../harness/barrier.ts";
import { certificates } from "../harness/certificates.ts";
import { connect } from "../harness/client.ts";
import { needs } from "../harness/needs.ts";
import { httpOrigin, origin } from "../harness/origin.ts";
import { echo, nobody } from "../harness/stream-stand.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

function configOf(backends: readonly unknown[], service: object = {}, more: object = {}) {
  return {
    listeners: { tcp: { bind: "127.0.0.1:0", protocol: "tcp", service: "db" } },
    services: { db: { backends, ...service } },
    ...more,
  };
}

async function lineOf(client: TLSSocket): Promise<string> {
  const [bytes] = (await within(once(client, "data"), 5000, "a line")) as [Buffer];
  return bytes.toString().trimEnd();
}

for (const workers of [0, 2]) {
  test(`connections are carried and logged (workers: ${workers})`, async () => {
    await using backend = await echo();
    const config = configOf([`tcp://127.0.0.1:${backend.port}`]);
    await using tidegate = await startTidegate({ config, workers });
    await using client = await connect(tidegate.port("tcp"));
    await client.send("hello");
    strictEqual(await client.readBytes(5), "hello");
    client.end();
    strictEqual(await client.readToEnd(), "");
    const line = JSON.parse(await tidegate.waitForLog(/"method":"TCP"/)) as Record<string, unknown>;
    deepStrictEqual(
      [line["remoteAddress"], line["status"], line["bodyBytes"]],
      ["127.0.0.1", 200, 5],
    );
  });
}

test("a server that speaks first is heard, and a dead one is left out", async () => {
  await using backend = await origin({ onConnection: (each) => void each.send("220 ready\r\n") });
  const dead = await nobody();
  const config = configOf([`tcp://127.0.0.1:${dead}`, `tcp://127.0.0.1:${backend.port}`]);
  await using tidegate = await startTidegate({ config });
  for (let count = 0; count < 6; count++) {
    await using client = await connect(tidegate.port("tcp"));
    strictEqual(await client.readBytes(11), "220 ready\r\n");
  }
  strictEqual(tidegate.stderr().split('"failure":"CONNECT_REFUSED"').length - 1, 1);
});

test(
  "TLS goes by name, through or to its end, and by protocol",
  { skip: needs("openssl") },
  async () => {
    const [inner, outer] = await Promise.all([certificates("in.test"), certificates("out.test")]);
    const server = createTlsServer({ cert: inner.cert, key: inner.key }, (socket) => {
      socket.on("error", () => {});
      socket.write("passed on\n");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    await using folder = await tempFolder();
    await writeFile(folder.file("cert.pem"), outer.cert);
    await writeFile(folder.file("key.pem"), outer.key, { mode: 0o600 });
    await using plain = await origin({ onConnection: (each) => void each.send("ended\n") });
    await using special = await origin();
    const { port } = server.address() as AddressInfo;
    try {
      await using tidegate = await startTidegate({
        config: {
          listeners: { tls: { bind: "127.0.0.1:0", protocol: "tcp" } },
          tcpRoutes: {
            inner: { listener: "tls", sni: "*.test", service: "inner" },
            special: { sni: "*.test", alpn: ["special"], service: "special" },
            outer: {
              rule: "HostSNI(`out.test`) && ClientIP(`127.0.0.0/8`)",
              service: "plain",
              tls: { cert: folder.file("cert.pem"), key: folder.file("key.pem") },
            },
          },
          services: {
            inner: { backends: [`tcp://127.0.0.1:${port}`] },
            plain: { backends: [`tcp://127.0.0.1:${plain.port}`] },
            special: { backends: [`tcp://127.0.0.1:${special.port}`] },
          },
        },
      });
      const at = { port: tidegate.port("tls"), host: "127.0.0.1" };
      const through = connectTls({ ...at, servername: "in.test", ca: inner.ca });
      strictEqual(await lineOf(through), "passed on");
      through.destroy();
      const here = connectTls({ ...at, servername: "out.test", ca: outer.ca });
      strictEqual(await lineOf(here), "ended");
      here.destroy();
      const other = connectTls({ ...at, servername: "in.test", ALPNProtocols: ["special"] });
      other.on("error", () => {});
      await (await special.accept()).expect(/special/);
      other.destroy();
      const nobodys = connectTls({ ...at, servername: "else.example" });
      const [error] = (await within(once(nobodys, "error"), 5000, "a refusal")) as [Error];
      match(error.message, /unrecognized.name/);
      match(await tidegate.waitForLog(/NO_ROUTE/), /else\.example/);
    } finally {
      server.close();
    }
  },
);

test("a failover leads to the next service, and no client can take a backend away", async () => {
  await using backend = await origin({
    onConnection: ({ socket }) => {
      socket.on("data", (bytes: Buffer) => socket.end(String(bytes) === "BAD" ? "" : "fine"));
    },
  });
  const services = {
    first: { backends: [`tcp://127.0.0.1:${await nobody()}`] },
    second: { backends: [`tcp://127.0.0.1:${backend.port}`], whenAllDown: "refuse" },
    db: { failover: ["first", "second"] },
  };
  await using tidegate = await startTidegate({ config: configOf([], {}, { services }) });
  for (const text of [...Array.from({ length: 12 }, () => "BAD"), "GOOD"]) {
    await using client = await connect(tidegate.port("tcp"));
    await client.send(text);
    strictEqual(await client.readToEnd(), text === "BAD" ? "" : "fine");
  }
  strictEqual(tidegate.stderr().split('"failure":"CONNECT_REFUSED"').length - 1, 1);
});

test("a connection waits for a backend to come up", async () => {
  const port = await nobody();
  const config = configOf([`tcp://127.0.0.1:${port}`], { holdFor: "15s" });
  await using tidegate = await startTidegate({ config });
  await using client = await connect(tidegate.port("tcp"), { timeoutMs: 15_000 });
  await client.send("hello");
  await tidegate.waitForLog(/CONNECT_REFUSED/);
  const late = createServer((socket) => void socket.on("error", () => {}).pipe(socket));
  late.listen(port, "127.0.0.1");
  try {
    strictEqual(await client.readBytes(5), "hello");
  } finally {
    late.close();
  }
});

test("curl's PROXY header comes in, and ours goes out", { skip: needs("curl") }, async () => {
  await using seen = await origin({
    onConnection: (each) =>
      void each
        .expect(/\r\n\r\n/)
        .then(() => each.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")),
  });
  const listeners = {
    tcp: {
      bind: "127.0.0.1:0",
      protocol: "tcp",
      service: "db",
      proxyProtocol: true,
      trustedProxies: ["127.0.0.1"],
    },
  };
  const config = configOf([`tcp://127.0.0.1:${seen.port}`], { proxyProtocol: "v1" }, { listeners });
  await using tidegate = await startTidegate({ config });
  const port = tidegate.port("tcp");
  const args = ["--silent", "--max-time", "10", "--noproxy", "*", "--haproxy-protocol"];
  await promisify(execFile)("curl", [...args, `http://127.0.0.1:${port}/`], { timeout: 15_000 });
  const received = seen.connections[0]?.received ?? "";
  match(
    received,
    new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${port}\\r\\nGET / `),
  );
});

test("a reload moves new connections, and leaves those that run", async () => {
  await using one = await origin({ onConnection: (each) => void each.send("one") });
  await using two = await origin({ onConnection: (each) => void each.send("two") });
  // The same address for both, so that it must stay open.
  const port = await nobody();
  const listeners = { tcp: { bind: `127.0.0.1:${port}`, protocol: "tcp", service: "db" } };
  const config = (backend: number) => configOf([`tcp://127.0.0.1:${backend}`], {}, { listeners });
  await using tidegate = await startTidegate({ config: config(one.port) });
  await using before = await connect(port);
  strictEqual(await before.readBytes(3), "one");
  await tidegate.writeConfig(config(two.port));
  await tidegate.waitForLog(/"version":2/);
  await using after = await connect(port);
  strictEqual(await after.readBytes(3), "two");
  await before.send("still");
  await (await one.accept()).expect("still");
});

test("at the end streams get the time that tunnels get, and no more", async () => {
  await using backend = await echo();
  const shutdown = { grace: "10s", tunnelGrace: "300ms" };
  const config = configOf([`tcp://127.0.0.1:${backend.port}`], {}, { shutdown });
  await using tidegate = await startTidegate({ config });
  await using client = await connect(tidegate.port("tcp"));
  await client.send("hello");
  strictEqual(await client.readBytes(5), "hello");
  const started = performance.now();
  deepStrictEqual(await tidegate.stop(), { code: 0, signal: null });
  ok(performance.now() - started < 5000);
  await client.waitClose();
  ok((await tidegate.accessLog()).some((line) => line.includes("SHUT_DOWN")));
});

test("a listener of each kind serves beside the others", async () => {
  await using web = await httpOrigin((_, response) => void response.end("web"));
  await using backend = await echo();
  await using tidegate = await startTidegate({
    config: {
      listeners: {
        web: "127.0.0.1:0",
        tcp: { bind: "127.0.0.1:0", protocol: "tcp", service: "db" },
      },
      routes: { "*": web.url },
      services: { db: { backends: [`tcp://127.0.0.1:${backend.port}`] } },
    },
  });
  await using http = await connect(tidegate.port("web"));
  await http.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  strictEqual((await http.readResponse()).body, "web");
  await using client = await connect(tidegate.port("tcp"));
  await client.send("hello");
  strictEqual(await client.readBytes(5), "hello");
  const port = tidegate.port("tcp");
  await tidegate.writeConfig({ listeners: { web: "127.0.0.1:0" }, routes: { "*": web.url } });
  await eventually("the listener to be gone", () =>
    connect(port).then(
      (each) => void each[Symbol.asyncDispose](),
      () => true,
    ),
  );
  await client.send("still");
  strictEqual(await client.readBytes(5), "still");
});
