import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { certificates } from "../../test/harness/certificates.ts";
import { httpProbe, rudeServer, sampleTarget } from "../../test/harness/health-sample.ts";
import { needs } from "../../test/harness/needs.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { probe, type ProbeTarget } from "./probe.ts";

const never = new AbortController().signal;

async function outcome(target: ProbeTarget): Promise<string> {
  const { isGood, text, ms } = await probe(target, never);
  assert.ok(ms >= 0);
  return `${isGood ? "good" : "bad"}: ${text.replace(/in \d+ ms$/, "in N ms")}`;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function origin(handler: Handler, where?: string) {
  const server = createServer(handler);
  if (where === undefined) server.listen(0, "127.0.0.1");
  else server.listen(where);
  await once(server, "listening");
  const address = server.address() as AddressInfo | string;
  return {
    port: typeof address === "string" ? 0 : address.port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

test("the status decides, and a redirect is an answer like any other", async () => {
  let visits = 0;
  await using server = await origin((request, response) => {
    visits++;
    const status = Number(request.url?.slice(1));
    response.writeHead(status, { location: "/200" }).end("body");
  });
  const ask = (status: number, statuses: readonly [number, number][]) =>
    outcome(
      sampleTarget(`http://127.0.0.1:${server.port}`, {
        ...httpProbe,
        path: `/${status}`,
        statuses,
      }),
    );
  assert.equal(await ask(200, [[200, 399]]), "good: 200 in N ms");
  assert.equal(await ask(302, [[200, 399]]), "good: 302 in N ms");
  assert.equal(await ask(302, [[200, 299]]), "bad: answered 302");
  assert.equal(await ask(503, [[200, 399]]), "bad: answered 503");
  const several: [number, number][] = [
    [200, 204],
    [503, 503],
  ];
  assert.equal(await ask(503, several), "good: 503 in N ms");
  assert.equal(visits, 5);
});

test("what is asked is what the check says, on a connection that is closed", async () => {
  const seen: (readonly [string | undefined, string | undefined, IncomingMessage["headers"]])[] =
    [];
  await using server = await origin((request, response) => {
    seen.push([request.method, request.url, request.headers]);
    response.end();
  });
  const url = `http://127.0.0.1:${server.port}/app`;
  await outcome(sampleTarget(url, httpProbe));
  const headers = { "X-Key": "1", "User-Agent": "mine" };
  await outcome(sampleTarget(url, { ...httpProbe, method: "POST", host: "shop.test", headers }));
  await outcome(sampleTarget("http://127.0.0.1:1/app", httpProbe, { port: server.port }));
  const usual = { accept: "*/*", connection: "close", "user-agent": "Tidegate-Check" };
  const host = `127.0.0.1:${server.port}`;
  assert.deepEqual(seen, [
    ["GET", "/app/health", { ...usual, host }],
    [
      "POST",
      "/app/health",
      { ...usual, host: "shop.test", "x-key": "1", "user-agent": "mine", "content-length": "0" },
    ],
    ["GET", "/health", { ...usual, host }],
  ]);
});

test("a text is looked for in 64 KiB of the body, in pieces of any size", async () => {
  await using server = await origin((request, response) => {
    if (request.url === "/early") return void response.end(`all ok${"x".repeat(200_000)}`);
    if (request.url === "/late") return void response.end(`${"x".repeat(65_530)}all ok`);
    if (request.url === "/last") return void response.end(`${"x".repeat(65_530)}all ok`.slice(6));
    if (request.url === "/cut") {
      response.writeHead(200, { "content-length": "100" }).write("all");
      return void setImmediate(() => response.destroy());
    }
    response.write("all");
    setImmediate(() => response.end(" ok"));
  });
  const ask = (path: string, body = "all ok") =>
    outcome(sampleTarget(`http://127.0.0.1:${server.port}`, { ...httpProbe, path, body }));
  assert.equal(await ask("/pieces"), "good: 200 in N ms");
  assert.equal(await ask("/early"), "good: 200 in N ms");
  assert.equal(await ask("/last"), "good: 200 in N ms");
  assert.equal(
    await ask("/late", "not there"),
    'bad: answered 200 without "not there" in the first 64 KiB of its body',
  );
  assert.equal(await ask("/pieces", "OK"), 'bad: answered 200 without "OK" in its body');
  assert.equal(await ask("/cut"), "bad: closed the connection in the middle of its answer");
});

test("an answer that comes byte by byte is good, if it comes in time", async () => {
  const text = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";
  await using server = await rudeServer((socket) => {
    let at = 0;
    const next = () => {
      if (at < text.length) socket.write(text[at++] ?? "", () => setImmediate(next));
    };
    next();
  });
  const target = sampleTarget(`http://127.0.0.1:${server.port}`, { ...httpProbe, body: "fine" });
  assert.equal(await outcome(target), "good: 200 in N ms");
});

test("a unix socket is asked like any other", async () => {
  await using folder = await tempFolder();
  await using _server = await origin((request, response) => {
    response.statusCode = request.headers.host === "localhost" ? 200 : 400;
    response.end();
  }, folder.file("app.sock"));
  const target = sampleTarget(`unix:${folder.file("app.sock")}`, httpProbe);
  assert.equal(await outcome(target), "good: 200 in N ms");
});

test("settings that Node refuses make a bad answer, not an exception", async () => {
  await using server = await origin((_, response) => response.end());
  const url = `http://127.0.0.1:${server.port}`;
  const headers = { "x-bad": "a\r\nb" };
  assert.match(
    await outcome(sampleTarget(url, { ...httpProbe, headers })),
    /bad: cannot be checked/,
  );
  assert.match(
    await outcome(sampleTarget(url, { ...httpProbe, path: "/a b" })),
    /bad: cannot be checked/,
  );
});

test(
  "TLS is verified as the service says: authority, name, or not at all",
  { skip: needs("openssl") },
  async () => {
    const { key, cert, ca } = await certificates("app.test");
    const names: unknown[] = [];
    const server = createSecureServer({ key, cert }, (_, response) => response.end());
    server.on("secureConnection", (socket) => names.push(socket.servername));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const ask = (tls: Partial<ProbeTarget["tls"]>) => {
      const target = sampleTarget(`https://127.0.0.1:${port}`, httpProbe);
      return outcome({ ...target, tls: { ...target.tls, ...tls } });
    };
    try {
      assert.equal(await ask({ ca, serverName: "app.test" }), "good: 200 in N ms");
      assert.equal(await ask({ verify: false }), "good: 200 in N ms");
      assert.match(await ask({ ca }), /bad: TLS failed: .*127\.0\.0\.1/);
      assert.match(await ask({ serverName: "app.test" }), /bad: TLS failed: .*certificate/);
      const shown = new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" });
      const pin = createHash("sha256").update(shown).digest("base64");
      assert.equal(await ask({ verify: false, pins: [pin] }), "good: 200 in N ms");
      const stranger = `${"A".repeat(43)}=`;
      assert.equal(
        await ask({ verify: false, pins: [stranger] }),
        `bad: TLS failed: its key is none of tls.pins: it is sha256/${pin}`,
      );
      assert.ok(names.includes("app.test"));
    } finally {
      server.close();
      server.closeAllConnections();
    }
    await using plain = await rudeServer((socket) => socket.write("SSH-2.0-OpenSSH\r\n"));
    const target = sampleTarget(`https://127.0.0.1:${plain.port}`, httpProbe);
    assert.match(await outcome(target), /bad: TLS failed: /);
  },
);
