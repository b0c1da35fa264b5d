// Clients that speak HTTP/2: what is agreed on, what backends of HTTP/1 get and what comes back, and that whatever becomes of one
// request is no other one's affair.

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { nameOfError } from "../../src/http/h2/codes.ts";
import { eventually, signal, within } from "../harness/barrier.ts";
import { certificates } from "../harness/certificates.ts";
import { connect } from "../harness/client.ts";
import { askHttp2, type Http2Asker } from "../harness/http2-asker.ts";
import { needs } from "../harness/needs.ts";
import { httpOrigin, origin } from "../harness/origin.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const secure = { bind: "127.0.0.1:0", tls: true };
/** A body that breaks off is nobody's concern here. */
function withBody(request: IncomingMessage, then: (body: string) => void): void {
  text(request).then(then, () => {});
}

const plain = { bind: "127.0.0.1:0", h2c: true };

describe("exchanges over HTTP/2", () => {
  const stack = new AsyncDisposableStack();
  let program: Tidegate;
  let asker: Http2Asker;
  /** Of the request that came last. */
  let seen: IncomingMessage;
  let respond: (request: IncomingMessage, response: ServerResponse) => void;

  before(async () => {
    const backend = stack.use(
      await httpOrigin((request, response) => {
        seen = request;
        respond(request, response);
      }),
    );
    program = stack.use(
      await startTidegate({
        config: {
          listeners: { secure, plain, old: { ...secure, http2: false }, http1: "127.0.0.1:0" },
          routes: { "app.test": { service: backend.url, maxBody: 1000, timeouts: { body: "1s" } } },
        },
      }),
    );
    asker = stack.use(await askHttp2(`http://127.0.0.1:${program.port("plain")}`, "app.test"));
  });
  after(() => stack.disposeAsync());

  const lastLine = async (target: string): Promise<Record<string, unknown>> =>
    JSON.parse(await program.waitForLog(new RegExp(`"target":"${target}"`)));

  test("TLS agrees on it where both can, and a listener can leave it out", async () => {
    const agreed = async (listener: string, protocols: string[]) => {
      const socket = connectTls({
        ...{ host: "127.0.0.1", port: program.port(listener), rejectUnauthorized: false },
        ALPNProtocols: protocols,
      });
      await within(once(socket, "secureConnect"), 5000, "a handshake");
      const { alpnProtocol } = socket;
      socket.destroy();
      return alpnProtocol;
    };
    assert.equal(await agreed("secure", ["http/1.1", "h2"]), "h2");
    assert.equal(await agreed("secure", ["http/1.1"]), "http/1.1");
    assert.equal(await agreed("old", ["h2", "http/1.1"]), "http/1.1");
    respond = (_request, response) => response.end("hello");
    await using over = await askHttp2(`https://127.0.0.1:${program.port("secure")}`, "app.test");
    assert.equal(String((await over.ask()).body), "hello");
  });

  test("in the clear it is spoken where the listener says so, beside HTTP/1.1", async () => {
    respond = (_request, response) => response.end("hello");
    await using one = await connect(program.port("plain"));
    await one.send("P");
    await one.send("OST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n");
    assert.equal((await one.readResponse()).status, 200);
    await using other = await connect(program.port("http1"));
    await other.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert.equal((await other.readResponse()).status, 505);
  });

  test("a backend gets what it would get from HTTP/1.1", async () => {
    respond = (_request, response) => {
      response.setHeader("X-Back", "1");
      response.setHeader("Connection", "close");
      response.end("hello");
    };
    const { status, fields, body } = await asker.ask({
      path: "/plain?a=b",
      fields: { cookie: ["a=1", "b=2"], te: "trailers", "x-one": "1" },
    });
    assert.deepEqual([status, String(body), fields["x-back"]], [200, "hello", "1"]);
    assert.equal(fields["connection"], undefined);
    assert.deepEqual([seen.method, seen.url, seen.httpVersion], ["GET", "/plain?a=b", "1.1"]);
    const { headers } = seen;
    assert.deepEqual(
      [headers.host, headers["cookie"], headers["x-one"], headers["x-forwarded-proto"]],
      ["app.test", "a=1; b=2", "1", "http"],
    );
    const line = await lastLine("/plain\\?a=b");
    assert.deepEqual(
      [line["request"], line["version"], line["status"], line["bodyBytes"]],
      ["GET /plain?a=b HTTP/2.0", "HTTP/2.0", 200, 5],
    );
  });

  test("bodies and trailers go both ways", async () => {
    respond = (request, response) => {
      withBody(request, (body) => {
        response.writeHead(200, { Trailer: "X-Sum" });
        response.write(body);
        response.addTrailers({ "X-Sum": request.trailers["x-count"] ?? "none" });
        response.end();
      });
    };
    const question = { method: "POST", body: "12345", trailers: { "x-count": "5" } };
    const unknown = await asker.ask(question);
    assert.equal(seen.headers["transfer-encoding"], "chunked");
    assert.deepEqual([String(unknown.body), unknown.trailers["x-sum"]], ["12345", "5"]);
    const known = await asker.ask({ method: "PUT", body: "123", fields: { "content-length": 3 } });
    assert.equal(seen.headers["content-length"], "3");
    assert.deepEqual([String(known.body), known.reset], ["123", "NO_ERROR"]);
  });

  test("answers without a body have none", async () => {
    respond = (request, response) => {
      const status = Number(request.url?.slice(1));
      response.writeHead(status, status === 200 ? { "Content-Length": 7 } : { ETag: '"x"' });
      response.end();
    };
    const head = await asker.ask({ method: "HEAD", path: "/200" });
    assert.deepEqual([head.status, head.fields["content-length"], head.body.length], [200, "7", 0]);
    for (const status of [204, 304]) {
      const { body, reset, ...answer } = await asker.ask({ path: `/${status}` });
      assert.deepEqual([answer.status, body.length, reset], [status, 0, "NO_ERROR"]);
    }
  });

  test("interim answers come first", async () => {
    respond = (request, response) => {
      if (request.headers["expect"] !== undefined) response.writeContinue();
      response.writeEarlyHints({ link: "</a.css>; rel=preload" });
      withBody(request, (body) => response.end(body));
    };
    const { interim, body } = await asker.ask({ path: "/hints" });
    assert.deepEqual([interim, String(body)], [[[103, "</a.css>; rel=preload"]], ""]);
    const stream = asker.open({ method: "POST", fields: { expect: "100-continue" } });
    const answer = asker.answer(stream);
    await within(once(stream, "continue"), 5000, "100 Continue");
    stream.end("body");
    assert.deepEqual([(await answer).status, String((await answer).body)], [200, "body"]);
  });

  test("a fault of a request is that request's alone", async () => {
    respond = (_request, response) => setTimeout(() => response.end("slow"), 300);
    const slow = asker.ask({ path: "/slow" });
    const tooLarge = await asker.ask({ fields: { "x-large": "x".repeat(40_000) } });
    assert.deepEqual([tooLarge.status, tooLarge.reset], [431, "NO_ERROR"]);
    const tooLong = await asker.ask({ path: `/${"x".repeat(20_000)}` });
    assert.equal(tooLong.status, 414);
    const malformed = await asker.ask({ path: "/bad path" });
    assert.deepEqual([malformed.status, malformed.reset], [400, "PROTOCOL_ERROR"]);
    const line = await program.waitForLog(/"GET \/bad path HTTP\/2.0","status":400/);
    assert.match(line, /"failure":"BAD_TARGET"/);
    const tunnel = asker.session.request({ ":method": "CONNECT", ":authority": "app.test:443" });
    assert.equal((await asker.answer(tunnel)).status, 501);
    assert.equal((await asker.ask({ host: "nobody.test" })).status, 404);
    assert.equal((await asker.ask({ host: "no host" })).status, 400);
    assert.equal(String((await slow).body), "slow");
  });

  test("a body that is too large is answered while the client goes on sending", async () => {
    respond = (request, response) => withBody(request, () => response.end());
    const large = asker.open({ method: "POST", fields: { "content-length": 2000 } });
    const said = await asker.answer(large);
    assert.equal(said.status, 413);
    const stream = asker.open({ method: "POST" });
    const answer = asker.answer(stream);
    const sending = setInterval(() => !stream.closed && stream.write("x".repeat(400)), 5);
    try {
      assert.deepEqual([(await answer).status, (await answer).reset], [413, "NO_ERROR"]);
    } finally {
      clearInterval(sending);
    }
    assert.equal((await asker.ask({ method: "POST", body: "few" })).status, 200);
  });

  test("a body that stops is given up", async () => {
    respond = (request, response) => withBody(request, () => response.end());
    const stream = asker.open({ method: "POST" });
    stream.write("x");
    const { status } = await asker.answer(stream);
    assert.equal(status, 408);
  });

  test("who resets a stream ends that exchange, and no other", async () => {
    const gone = signal();
    respond = (request, response) => {
      if (request.url !== "/left") response.end("hello");
      else response.on("close", () => gone.fire());
    };
    const stream = asker.open({ path: "/left" });
    stream.end();
    await eventually("the request to arrive", () => seen.url === "/left");
    stream.close(8);
    await within(gone.promise, 5000, "the backend's connection to be closed");
    const line = await lastLine("/left");
    assert.deepEqual([line["status"], line["failure"]], [499, "CLIENT_CLOSED"]);
    assert.equal(String((await asker.ask()).body), "hello");
  });

  test("an answer that breaks off is reset", async () => {
    respond = (request, response) => {
      if (request.url !== "/broken") response.end("hello");
      else {
        response.writeHead(200, { "Content-Length": 1000 });
        response.write("part", () => setTimeout(() => request.socket.destroy(), 50));
      }
    };
    const broken = await asker.ask({ path: "/broken" });
    assert.deepEqual([broken.status, broken.reset], [200, "INTERNAL_ERROR"]);
    assert.equal(String((await asker.ask()).body), "hello");
  });

  test("who does not read one answer gets the others, and all of it in the end", async () => {
    const size = 3_000_000;
    respond = (request, response) => {
      response.end(request.url === "/large" ? Buffer.alloc(size, "x") : "quick");
    };
    const stream = asker.open({ path: "/large" });
    stream.end();
    await within(once(stream, "response"), 5000, "the head of the large answer");
    for (let count = 0; count < 50; count++) {
      assert.equal(String((await asker.ask({ path: "/quick" })).body), "quick");
    }
    assert.equal((await asker.answer(stream)).body.length, size);
  });

  test("a hundred at once are all answered", async () => {
    respond = (request, response) => setTimeout(() => response.end(request.url), 20);
    const all = Array.from({ length: 100 }, (_, n) => asker.ask({ path: `/n${n}` }));
    const bodies = (await Promise.all(all)).map(({ body }) => String(body));
    assert.deepEqual(
      bodies,
      Array.from({ length: 100 }, (_, n) => `/n${n}`),
    );
  });
});

test(
  "a host that the certificate is not for is to be asked for elsewhere",
  {
    skip: needs("openssl"),
  },
  async () => {
    const { cert, key } = await certificates("one.test", "*.two.test");
    await using backend = await httpOrigin((_request, response) => response.end("hello"));
    const routes = Object.fromEntries(
      ["one.test", "a.two.test", "other.test"].map((host) => [host, backend.url]),
    );
    await using folder = await tempFolder();
    await writeFile(folder.file("one.pem"), `${cert}${key}`);
    await using program = await startTidegate({
      config: { listeners: { secure }, routes, tls: { certificates: folder.file("one.pem") } },
    });
    await using asker = await askHttp2(`https://127.0.0.1:${program.port("secure")}`, "one.test", {
      servername: "one.test",
    });
    assert.equal((await asker.ask()).status, 200);
    assert.equal((await asker.ask({ host: "a.two.test" })).status, 200);
    const { status } = await asker.ask({ host: "other.test" });
    assert.equal(status, 421);
    const line = await program.waitForLog(/MISDIRECTED/);
    assert.match(line, /"status":421/);
  },
);

test("a stop lets what runs finish, and takes no more", async () => {
  const arrived = signal();
  await using backend = await origin();
  await using program = await startTidegate({
    config: { listeners: { plain }, routes: { "app.test": backend.url } },
  });
  await using asker = await askHttp2(`http://127.0.0.1:${program.port("plain")}`, "app.test");
  const going = signal<number>();
  asker.session.on("goaway", (code: number) => going.fire(code));
  const answer = asker.ask();
  const connection = await backend.accept();
  await connection.readRequest();
  arrived.fire();
  program.signal("SIGTERM");
  assert.equal(await within(going.promise, 5000, "GOAWAY"), 0);
  await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  assert.equal(String((await answer).body), "hello");
  assert.equal((await within(program.exited, 10_000, "the end")).code, 0);
});

test("a connection without requests is closed after a while", async () => {
  await using program = await startTidegate({
    config: { listeners: { plain: { ...plain, timeouts: { idle: "300ms" } } }, routes: {} },
  });
  const began = Date.now();
  await using asker = await askHttp2(`http://127.0.0.1:${program.port("plain")}`, "app.test");
  assert.equal((await asker.ask()).status, 404);
  await within(once(asker.session, "close"), 5000, "the end of the connection");
  assert.ok(Date.now() - began >= 300);
});

test("a PROXY header may come before it", async () => {
  await using backend = await httpOrigin((request, response) => {
    response.end(request.headers["x-forwarded-for"]);
  });
  await using program = await startTidegate({
    config: {
      listeners: { plain: { ...plain, proxyProtocol: true, trustedProxies: "loopback" } },
      routes: { "app.test": backend.url },
    },
  });
  const socket = connectTcp(program.port("plain"), "127.0.0.1");
  socket.write("PROXY TCP4 192.0.2.7 192.0.2.8 1000 2000\r\n");
  await using asker = await askHttp2("http://app.test", "app.test", {
    createConnection: () => socket,
  });
  assert.equal(String((await asker.ask()).body), "192.0.2.7");
});

test("TLS that is too weak for it is told so", async () => {
  await using program = await startTidegate({
    config: { listeners: { secure: { ...secure, tls: { profile: "old" } } }, routes: {} },
  });
  const url = `https://127.0.0.1:${program.port("secure")}`;
  const ended = async (ciphers: string) => {
    const session = connectHttp2(url, {
      ...{ rejectUnauthorized: false, ciphers, maxVersion: "TLSv1.2" },
    });
    session.on("error", () => {});
    const goaway = signal<number>();
    session.on("goaway", (code: number) => goaway.fire(code));
    session.on("remoteSettings", () => setTimeout(() => goaway.fire(0), 500));
    const code = await within(goaway.promise, 5000, "an end or a beginning");
    session.destroy();
    return nameOfError(code);
  };
  assert.equal(await ended("ECDHE-ECDSA-AES128-SHA"), "INADEQUATE_SECURITY");
  assert.equal(await ended("ECDHE-ECDSA-AES128-GCM-SHA256"), "NO_ERROR");
});
