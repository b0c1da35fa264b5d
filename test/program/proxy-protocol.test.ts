// Listeners behind a proxy that speaks the PROXY protocol: who is believed, what backends and logs see, and
// what becomes of connections that do not keep to it.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { connect as openSocket } from "node:net";
import { test } from "node:test";
import { promisify } from "node:util";
import { eventually } from "../harness/barrier.ts";
import { Client, connect } from "../harness/client.ts";
import { needs } from "../harness/needs.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate } from "../harness/tidegate.ts";

/** Answers with the fields it got, so that the client sees what the backend saw. */
const mirror = () =>
  httpOrigin((request, response) => {
    response.end(JSON.stringify(request.headers));
  });

function configOf(backend: string, listener: Record<string, unknown> = {}, more: object = {}) {
  const web = {
    bind: "127.0.0.1:0",
    proxyProtocol: true,
    trustedProxies: ["127.0.0.1/32"],
    ...listener,
  };
  return { listeners: { web }, routes: { "*": backend }, ...more };
}

const request = "GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n";
const textHeader = "PROXY TCP4 192.0.2.7 198.51.100.1 50000 8443\r\n";
const binaryStart = "\r\n\r\n\0\r\nQUIT\n";
const localHeader = `${binaryStart}\x20\x00\x00\x00`;
/** From [2001:db8::7]:50000 to [2001:db8::1]:8443, with a no-op behind the addresses. */
const binaryHeader =
  `${binaryStart}\x21\x21\x00\x27` +
  `\x20\x01\x0d\xb8${"\0".repeat(11)}\x07\x20\x01\x0d\xb8${"\0".repeat(11)}\x01` +
  "\xc3\x50\x20\xfb\x04\x00\x00";

async function connectUnix(path: string): Promise<Client> {
  const socket = openSocket({ path, allowHalfOpen: true });
  const client = new Client(socket, 5000);
  await once(socket, "connect");
  return client;
}

async function fieldsSeen(client: Client): Promise<Record<string, string>> {
  const response = await client.readResponse();
  strictEqual(response.status, 200);
  return JSON.parse(response.body) as Record<string, string>;
}

test("backends, the port and the access log know the client that a version 1 header names", async () => {
  await using backend = await mirror();
  await using tidegate = await startTidegate({ config: configOf(backend.url) });
  await using client = await connect(tidegate.port());
  // Header and request in one segment.
  await client.send(textHeader + request);
  const seen = await fieldsSeen(client);
  strictEqual(seen["x-forwarded-for"], "192.0.2.7");
  strictEqual(seen["x-real-ip"], "192.0.2.7");
  strictEqual(seen["x-forwarded-port"], "8443");
  const line = JSON.parse(await tidegate.waitForLog(/"status":200/)) as Record<string, unknown>;
  strictEqual(line["remoteAddress"], "192.0.2.7");
  // It holds for every request of the connection.
  await client.send(request + request);
  strictEqual((await fieldsSeen(client))["x-forwarded-for"], "192.0.2.7");
  strictEqual((await fieldsSeen(client))["x-forwarded-for"], "192.0.2.7");
});

test("a version 2 header in pieces names an IPv6 client", async () => {
  await using backend = await mirror();
  await using tidegate = await startTidegate({ config: configOf(backend.url) });
  await using client = await connect(tidegate.port());
  await client.sendParts((binaryHeader + request).split(""));
  const seen = await fieldsSeen(client);
  strictEqual(seen["x-forwarded-for"], "2001:db8::7");
  strictEqual(seen["x-forwarded-port"], "8443");
});

test("a request body behind the header arrives whole", async () => {
  await using backend = await httpOrigin((received, response) => void received.pipe(response));
  await using tidegate = await startTidegate({ config: configOf(backend.url) });
  await using client = await connect(tidegate.port());
  const body = "0123456789".repeat(20_000);
  await client.send(
    `${binaryHeader}POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const response = await client.readResponse();
  ok(response.body === body, `${response.body.length} bytes came back`);
});

test("with LOCAL and UNKNOWN the connection's own address counts", async () => {
  await using backend = await mirror();
  await using tidegate = await startTidegate({ config: configOf(backend.url) });
  for (const header of [localHeader, "PROXY UNKNOWN\r\n"]) {
    await using client = await connect(tidegate.port());
    await client.send(header + request);
    const seen = await fieldsSeen(client);
    strictEqual(seen["x-forwarded-for"], "127.0.0.1");
    strictEqual(seen["x-forwarded-port"], String(tidegate.port()));
  }
});

test("X-Forwarded-For is believed when the address in the header is a trusted proxy, and else not", async () => {
  await using backend = await mirror();
  const config = configOf(backend.url, { trustedProxies: ["127.0.0.1", "203.0.113.0/24"] });
  await using tidegate = await startTidegate({ config });
  const claim = request.replace("\r\n\r\n", "\r\nX-Forwarded-For: 10.9.9.9\r\n\r\n");
  await using client = await connect(tidegate.port());
  await client.send(textHeader + claim);
  strictEqual((await fieldsSeen(client))["x-forwarded-for"], "192.0.2.7");
  await using other = await connect(tidegate.port());
  await other.send(textHeader.replace("192.0.2.7", "203.0.113.5") + claim);
  const seen = await fieldsSeen(other);
  strictEqual(seen["x-forwarded-for"], "10.9.9.9, 203.0.113.5");
  strictEqual(seen["x-real-ip"], "10.9.9.9");
});

test("a ClientIP rule sees the address in the header", async () => {
  await using backend = await mirror();
  const inside = { rule: "ClientIP(`192.0.2.0/24`)", service: "backend" };
  await using tidegate = await startTidegate({
    config: {
      ...configOf(backend.url),
      routes: { inside },
      services: { backend: { backends: [backend.url] } },
    },
  });
  await using client = await connect(tidegate.port());
  await client.send(textHeader + request);
  strictEqual((await client.readResponse()).status, 200);
  await using other = await connect(tidegate.port());
  await other.send(textHeader.replace("192.0.2.7", "192.0.3.7") + request);
  strictEqual((await other.readResponse()).status, 404);
});

test("a stranger is closed at once, and one warning stands for many", async () => {
  await using backend = await mirror();
  await using tidegate = await startTidegate({ config: configOf(backend.url) });
  for (let count = 0; count < 3; count += 1) {
    await using stranger = await connect(tidegate.port(), { from: "127.0.0.2" });
    await stranger.send(textHeader + request);
    strictEqual(await stranger.readToEnd(), "");
  }
  const line = await tidegate.waitForLog(/not a trusted proxy/);
  match(line, /"peer":"127\.0\.0\.2"/);
  match(line, /"listener":"web"/);
  await using client = await connect(tidegate.port());
  await client.send(textHeader + request);
  strictEqual((await fieldsSeen(client))["x-forwarded-for"], "192.0.2.7");
  await tidegate.stop();
  strictEqual(tidegate.stderr().split("not a trusted proxy").length - 1, 1);
});

for (const [name, bytes] of [
  ["no header", request],
  ["a malformed version 1 header", `PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n${request}`],
  ["a malformed version 2 header", `${binaryStart}\x21\x11\x00\x01\x00${request}`],
] as const) {
  test(`a connection with ${name} is closed without an answer and with a warning`, async () => {
    await using backend = await mirror();
    await using tidegate = await startTidegate({ config: configOf(backend.url) });
    await using client = await connect(tidegate.port());
    await client.send(bytes);
    strictEqual(await client.readToEnd(), "");
    const line = await tidegate.waitForLog(/PROXY_HEADER_INVALID/);
    match(line, /"peer":"127\.0\.0\.1"/);
    match(line, /"why":"[^"]+"/);
    await tidegate.stop();
    deepStrictEqual(await tidegate.accessLog(), []);
  });
}

test("a header that does not come within the head timeout closes the connection", async () => {
  await using backend = await mirror();
  const config = configOf(backend.url, { timeouts: { head: "300ms" } });
  await using tidegate = await startTidegate({ config });
  await using client = await connect(tidegate.port());
  await client.send(textHeader.slice(0, 20));
  strictEqual(await client.readToEnd(), "");
  match(await tidegate.waitForLog(/PROXY_HEADER_INVALID/), /in time/);
});

test("a header that ends in the middle closes the connection, with a warning", async () => {
  await using backend = await mirror();
  await using tidegate = await startTidegate({ config: configOf(backend.url) });
  await using client = await connect(tidegate.port());
  await client.send(binaryHeader.slice(0, 30));
  client.end();
  strictEqual(await client.readToEnd(), "");
  match(await tidegate.waitForLog(/PROXY_HEADER_INVALID/), /cut off/);
});

test("a trusted proxy that only looks whether the port is open is not warned of", async () => {
  await using backend = await mirror();
  const config = configOf(backend.url, { trustedProxies: ["127.0.0.0/8"] });
  await using tidegate = await startTidegate({ config });
  await using probe = await connect(tidegate.port(), { from: "127.0.0.3" });
  probe.end();
  strictEqual(await probe.readToEnd(), "");
  // The next one is: had the first been, this warning would have been held back.
  await using client = await connect(tidegate.port());
  await client.send(request);
  strictEqual(await client.readToEnd(), "");
  match(await tidegate.waitForLog(/PROXY_HEADER_INVALID/), /"peer":"127\.0\.0\.1"/);
});

test("connections count for the address in the header", async () => {
  await using backend = await mirror();
  const limits = { connectionsPerAddress: 2 };
  await using tidegate = await startTidegate({ config: configOf(backend.url, {}, { limits }) });
  const port = tidegate.port();
  await using one = await connect(port);
  await one.send(textHeader + request);
  await fieldsSeen(one);
  await using two = await connect(port);
  await two.send(textHeader + request);
  await fieldsSeen(two);
  await using three = await connect(port);
  await three.send(textHeader + request);
  strictEqual(await three.readToEnd(), "");
  // The proxy's own address is free again, and so is one client's place when it leaves.
  await using other = await connect(port);
  await other.send(binaryHeader + request);
  await fieldsSeen(other);
  await one[Symbol.asyncDispose]();
  await eventually("a place of the client that left", async () => {
    await using next = await connect(port);
    await next.send(textHeader + request);
    await next.waitHeadOrClose();
    return next.pending.startsWith("HTTP/1.1 200 ") ? true : undefined;
  });
});

test("before its header a connection counts for the proxy it comes from", async () => {
  await using backend = await mirror();
  const limits = { connectionsPerAddress: 1 };
  await using tidegate = await startTidegate({ config: configOf(backend.url, {}, { limits }) });
  // Every connection that fails gives its place back.
  for (const bytes of [request, "PROXY \r\n", binaryHeader.slice(0, 20), ""]) {
    await using failing = await connect(tidegate.port());
    await failing.send(bytes);
    failing.end();
    strictEqual(await failing.readToEnd(), "");
  }
  await using waiting = await connect(tidegate.port());
  await waiting.send("PROXY ");
  await using refused = await connect(tidegate.port());
  strictEqual(await refused.readToEnd(), "");
  await waiting.send(`${textHeader.slice(6)}${request}`);
  await fieldsSeen(waiting);
});

test("a reload switches the protocol on and off for connections that come afterwards", async () => {
  await using backend = await mirror();
  await using tidegate = await startTidegate({
    config: configOf(backend.url, { proxyProtocol: false }),
  });
  await using plain = await connect(tidegate.port());
  await plain.send(request);
  strictEqual((await fieldsSeen(plain))["x-forwarded-for"], "127.0.0.1");

  await tidegate.writeConfig(configOf(backend.url));
  await tidegate.waitForLog(/configuration reloaded.*"version":2|"version":2.*reloaded/);
  await using proxied = await connect(tidegate.port());
  await proxied.send(textHeader + request);
  strictEqual((await fieldsSeen(proxied))["x-forwarded-for"], "192.0.2.7");
  // The older connection goes on as it began.
  await plain.send(request);
  strictEqual((await fieldsSeen(plain))["x-forwarded-for"], "127.0.0.1");

  await tidegate.writeConfig(configOf(backend.url, { proxyProtocol: false }));
  await tidegate.waitForLog(/"version":3/);
  await using again = await connect(tidegate.port());
  await again.send(request);
  strictEqual((await fieldsSeen(again))["x-forwarded-for"], "127.0.0.1");
  await proxied.send(request);
  strictEqual((await fieldsSeen(proxied))["x-forwarded-for"], "192.0.2.7");
});

test("a connection that still waits for its header does not hold up the end", async () => {
  await using backend = await mirror();
  await using tidegate = await startTidegate({ config: configOf(backend.url) });
  await using waiting = await connect(tidegate.port());
  await waiting.send("PROXY ");
  await using client = await connect(tidegate.port());
  await client.send(textHeader + request);
  await fieldsSeen(client);
  deepStrictEqual(await tidegate.stop(), { code: 0, signal: null });
  strictEqual(await waiting.readToEnd(), "");
});

test("a connection that waits for its header is closed when its listener is taken out", async () => {
  await using backend = await mirror();
  const config = configOf(backend.url);
  await using tidegate = await startTidegate({ config });
  await using waiting = await connect(tidegate.port());
  await waiting.send("PROXY ");
  await tidegate.writeConfig({ ...config, listeners: { other: "127.0.0.1:0" } });
  // Long before the head timeout, which is half a minute.
  strictEqual(await waiting.readToEnd(), "");
});

test("whoever may open a unix socket is believed", async () => {
  await using backend = await mirror();
  await using tidegate = await startTidegate({
    config: JSON.stringify({
      accessLog: { format: "json", path: "{folder}/access.log" },
      ...configOf(backend.url, { bind: "unix:{folder}/web.sock" }),
    }),
  });
  await using client = await connectUnix(`${tidegate.folder}/web.sock`);
  await client.send(textHeader + request);
  strictEqual((await fieldsSeen(client))["x-forwarded-for"], "192.0.2.7");
});

test("curl's own header is understood", { skip: needs("curl") }, async () => {
  await using backend = await mirror();
  await using tidegate = await startTidegate({ config: configOf(backend.url) });
  const url = `http://127.0.0.1:${tidegate.port()}/`;
  const { stdout } = await promisify(execFile)(
    "curl",
    ["--silent", "--show-error", "--max-time", "10", "--haproxy-protocol", "--noproxy", "*", url],
    { timeout: 15_000 },
  );
  const seen = JSON.parse(stdout) as Record<string, string>;
  strictEqual(seen["x-forwarded-for"], "127.0.0.1");
  strictEqual(seen["x-forwarded-port"], String(tidegate.port()));
});
