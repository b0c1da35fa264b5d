import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { issued, issuer, trustedRoot } from "../../test/harness/issued.ts";
import { webAnswer, type WebCall, WebError, webStream } from "./web-call.ts";

/** A server that is given each connection when its first bytes have come. */
async function server(serve: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const listening = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("data", () => serve(socket));
  });
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  return {
    port: (listening.address() as AddressInfo).port,
    sockets,
    async [Symbol.asyncDispose]() {
      listening.close();
      for (const socket of sockets) socket.destroy();
      await once(listening, "close");
    },
  };
}

function callTo(port: number, changes: Partial<WebCall> = {}): WebCall {
  return {
    url: new URL(`http://127.0.0.1:${port}/path?key=s3cret`),
    method: "GET",
    headers: { Authorization: "s3cret" },
    tls: undefined,
    who: "the place",
    place: "t.yaml:1",
    signal: AbortSignal.timeout(10_000),
    timeout: 300,
    ...changes,
  };
}

async function failure(promise: Promise<unknown>): Promise<WebError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof WebError, String(error));
  assert.doesNotMatch(error.message, /s3cret/);
  return error;
}

const head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";

test(
  "whoever never answers, or a byte at a time, is not waited for",
  { timeout: 10_000 },
  async () => {
    for (const begin of ["", head]) {
      await using slow = await server((socket) => {
        socket.write(begin);
        const drip = setInterval(() => socket.write(begin === "" ? "" : "x"), 20);
        socket.on("close", () => clearInterval(drip));
      });
      const startedAt = performance.now();
      const { kind, message } = await failure(webAnswer(callTo(slow.port), 1000));
      assert.equal(kind, "slow");
      assert.equal(
        message,
        "the place has not answered within 0.3 s; it hangs, or has too much to do",
      );
      assert.ok(performance.now() - startedAt < 3000);
    }
  },
);

test("an answer is whole or none", { timeout: 10_000 }, async () => {
  await using cutting = await server((socket) => socket.end(`${head}half`));
  assert.equal((await failure(webAnswer(callTo(cutting.port), 1000))).kind, "unreachable");
  await using large = await server((socket) => socket.write(head + "x".repeat(100_000)));
  const call = callTo(large.port, { timeout: 5000 });
  assert.equal((await failure(webAnswer(call, 99_999))).kind, "large");
  const { body } = await webAnswer(call, 100_000);
  assert.equal(body.length, 100_000);
});

test("what cannot be asked is said with what to do", { timeout: 10_000 }, async () => {
  await using odd = await server((socket) => socket.end("SSH-2.0-x\r\n"));
  const { message } = await failure(webAnswer(callTo(odd.port), 1000));
  assert.match(message, /^cannot ask the place: what it sends is not HTTP/);
  const secure = { url: new URL(`https://127.0.0.1:${odd.port}/`) };
  const plain = await failure(webAnswer(callTo(odd.port, secure), 1000));
  assert.match(plain.message, /it does not speak TLS; write http:\/\//);
  const { port } = odd;
  await odd[Symbol.asyncDispose]();
  const gone = await failure(webAnswer(callTo(port), 1000));
  assert.match(gone.message, /nobody listens there; is it running\?/);
});

test(
  "a stream may be silent for ever once it has begun, and ends with its reader",
  { timeout: 10_000 },
  async () => {
    await using quiet = await server((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      setTimeout(() => socket.write("5\r\nlate!\r\n"), 600);
    });
    const read = webStream(callTo(quiet.port), {
      opened: () => {},
      bytes: (bytes) => {
        throw new Error(`read ${bytes.toString()}`);
      },
    });
    await assert.rejects(read, { message: "read late!" });
    const [socket] = quiet.sockets;
    if (socket?.closed === false) await once(socket, "close");
  },
);

test("a certificate that is not valid now may be ours or the clock's fault, and no authority's", async () => {
  const day = 86_400_000;
  for (const begins of [Date.now() - 9 * day, Date.now() + 9 * day]) {
    const { cert, key } = issued(["127.0.0.1"], { now: begins, days: 1 });
    const tls = createTlsServer({ cert: cert + issuer, key }).on("tlsClientError", () => {});
    tls.listen(0, "127.0.0.1");
    await once(tls, "listening");
    const { port } = tls.address() as AddressInfo;
    const url = new URL(`https://127.0.0.1:${port}/`);
    const trust = { ca: trustedRoot, certificate: undefined, key: undefined };
    const { message } = await failure(webAnswer(callTo(port, { url, tls: trust }), 100));
    assert.match(message, /not valid now .*unless the clock of this machine is wrong/);
    assert.doesNotMatch(message, /tls\.ca/);
    tls.close();
    await once(tls, "close");
  }
});
