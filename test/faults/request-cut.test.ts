// The client dies after N bytes of its request, for every N: by closing and by a reset.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../harness/client.ts";
import { httpOrigin } from "../harness/origin.ts";
import { each, numbers, startPlane } from "./plane.ts";

const head = "POST /cut HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";
const chunked = `${head}5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nSum: 1\r\n\r\n`;
const lengthHead = "POST /cut HTTP/1.1\r\nHost: a.test\r\nContent-Length: 11\r\n\r\n";
const lengthBody = `${lengthHead}hello world`;

for (const [framing, request, headLength] of [
  ["a chunked", chunked, head.length],
  ["a length-delimited", lengthBody, lengthHead.length],
] as const) {
  for (const way of ["closes", "resets"] as const) {
    test(
      `a client that ${way} anywhere in ${framing} request leaves nothing behind`,
      { timeout: 60_000 },
      async () => {
        let complete = 0;
        let aborted = 0;
        await using back = await httpOrigin((incoming, outgoing) => {
          if (incoming.url === "/alive") {
            outgoing.end("alive");
            return;
          }
          let received = "";
          incoming.on("data", (bytes: Buffer) => (received += bytes.toString("latin1")));
          incoming.on("end", () => {
            complete++;
            outgoing.end(received);
          });
          incoming.on("error", () => aborted++);
        });
        await using proxy = await startPlane({ routes: { "a.test": back.url } });
        await each(numbers(request.length), async (length) => {
          const client = await connect(proxy.port);
          await client.send(request.slice(0, length));
          if (way === "closes") client.end();
          else {
            // Who has reset before it is accepted is nobody: let the proxy, in this process, accept it.
            for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate);
            client.reset();
          }
          await client.waitClose();
          // Nothing that could be taken for an answer to a request that was never made.
          assert.equal(client.pending, "", `after ${length} bytes`);
          await client[Symbol.asyncDispose]();
        });
        await proxy.assertServes();
        await proxy.assertNothingLeft();
        assert.equal(complete, 0, "a cut body was taken for a whole one");
        const lines = (await proxy.end()).filter(({ target }) => target === "/cut");
        // A head that never came is no exchange; each that began is logged once.
        assert.ok(
          lines.length > 0 && lines.length <= request.length - headLength,
          `${lines.length} lines`,
        );
        if (way === "closes") assert.equal(lines.length, request.length - headLength);
        for (const line of lines) {
          assert.deepEqual(
            [line.status, line.failure],
            [499, "CLIENT_CLOSED"],
            JSON.stringify(line),
          );
        }
        assert.ok(aborted <= lines.length);
      },
    );
  }
}

test(
  "a client that dies while its answer comes takes the backend's connection with it",
  { timeout: 60_000 },
  async () => {
    const answer =
      "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n0123456789012345678901234567890123456789";
    const cut: Promise<unknown>[] = [];
    await using back = await httpOrigin((incoming, outgoing) => {
      if (incoming.url === "/alive") {
        outgoing.end("alive");
        return;
      }
      // Byte by byte, and never to the end.
      const { socket } = incoming;
      cut.push(new Promise((resolve) => socket.once("close", resolve)));
      const bytes = answer.slice(0, -1);
      let sent = 0;
      const go = (): void => {
        if (socket.destroyed || sent === bytes.length) return;
        socket.write(bytes.charAt(sent++), () => setImmediate(go));
      };
      go();
    });
    await using proxy = await startPlane({ routes: { "a.test": back.url } });
    // The proxy adds a Date field and Connection is its own business: count bytes of what comes.
    await each(numbers(70), async (length) => {
      const client = await connect(proxy.port);
      await client.send("GET /cut HTTP/1.1\r\nHost: a.test\r\n\r\n");
      await client.readBytes(length);
      client.reset();
      await client[Symbol.asyncDispose]();
    });
    await proxy.assertServes();
    await proxy.assertNothingLeft();
    await Promise.all(cut);
    const lines = (await proxy.end()).filter(({ target }) => target === "/cut");
    for (const line of lines) assert.equal(line.failure, "CLIENT_CLOSED", JSON.stringify(line));
  },
);
