// The backend dies after N bytes of its answer, for every N and every way an answer can be delimited. What
// the client gets must never look like a complete answer, unless it is one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../harness/client.ts";
import { readMessage } from "../harness/message.ts";
import { origin, type OriginConnection } from "../harness/origin.ts";
import { each, numbers, startPlane } from "./plane.ts";

const body = "hello world";
const answers = {
  length: `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  chunked:
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nSum: 1\r\n\r\n",
  close: `HTTP/1.1 200 OK\r\n\r\n${body}`,
  interim: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
} as const;

/** The path says which answer, after how many bytes it ends, and how. */
async function cut(connection: OriginConnection): Promise<void> {
  const { startLine } = await connection.readRequest();
  const [, kind, length, way] = /^GET \/(\w+)\/(\d+)\/(\w+)/.exec(startLine) ?? [];
  if (kind === undefined || !(kind in answers)) {
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nalive");
    return;
  }
  const answer = answers[kind as keyof typeof answers].slice(0, Number(length));
  await connection.send(answer);
  if (way === "reset") connection.reset();
  else connection.end();
}

interface Seen {
  readonly status: number;
  readonly isComplete: boolean;
  readonly body: string;
}

async function ask(port: number, path: string, version: string): Promise<Seen> {
  await using client = await connect(port);
  await client.send(`GET ${path} ${version}\r\nHost: a.test\r\nConnection: close\r\n\r\n`);
  const text = (await client.readToEnd()).replace(/^HTTP\/1\.1 103 [^]*?\r\n\r\n/, "");
  const reading = readMessage(text, { kind: "response", ended: true });
  assert.notEqual(reading.kind, "bad", `${path}: ${JSON.stringify(text)}`);
  if (reading.kind === "message") {
    assert.equal(reading.message.size, text.length, `${path}: bytes behind the answer`);
    return {
      status: Number(text.slice(9, 12)),
      isComplete: reading.message.framing !== "close",
      body: reading.message.body,
    };
  }
  assert.ok(
    text === "" || text.includes("\r\n\r\n"),
    `${path}: half a head: ${JSON.stringify(text)}`,
  );
  return { status: Number(text.slice(9, 12)), isComplete: false, body: "" };
}

for (const way of ["end", "reset"] as const) {
  for (const [kind, answer] of Object.entries(answers)) {
    const title = `${way === "end" ? "closing" : "a reset"} anywhere in an answer (${kind})`;
    test(`${title} is a 502 or a cut, never a wrong answer`, { timeout: 60_000 }, async () => {
      const scripts: Promise<void>[] = [];
      await using back = await origin({ onConnection: (each) => void scripts.push(cut(each)) });
      await using proxy = await startPlane({ routes: { "a.test": back.url } });
      const headLength =
        answer.lastIndexOf("HTTP/1.1 200") +
        answer.slice(answer.lastIndexOf("HTTP/1.1 200")).indexOf("\r\n\r\n") +
        4;
      await each(numbers(answer.length + 1), async (length) => {
        const {
          status,
          isComplete,
          body: got,
        } = await ask(proxy.port, `/${kind}/${length}/${way}`, "HTTP/1.1");
        const where = `${kind} cut after ${length}: ${status} ${JSON.stringify(got)}`;
        if (length < headLength) {
          assert.equal(status, 502, where);
          assert.ok(isComplete, where);
        } else if (way === "end" && kind === "close") {
          // It cannot be told from an answer that ends here.
          assert.deepEqual(
            [status, isComplete, got],
            [200, true, body.slice(0, length - headLength)],
            where,
          );
        } else if (status === 200 && isComplete) {
          assert.equal(got, body, where);
          assert.ok(length === answer.length && !(way === "reset" && kind === "close"), where);
        } else if (way === "end") {
          assert.ok(length < answer.length, where);
          assert.equal(status, 200, where);
        } else {
          // A reset may overtake what was sent before it.
          assert.ok(status === 200 || status === 502, where);
        }
      });
      await proxy.assertServes();
      for (const { socket } of back.connections) socket.destroy();
      await Promise.all(scripts);
      await proxy.assertNothingLeft();
      const lines = (await proxy.end()).filter(({ target }) => target !== "/alive");
      assert.equal(lines.length, answer.length + 1);
      const names = new Set(lines.map(({ failure }) => failure ?? ""));
      for (const name of names) {
        assert.ok(
          ["", "UPSTREAM_CLOSED", "UPSTREAM_TRUNCATED", "BAD_RESPONSE"].includes(name),
          name,
        );
      }
    });
  }
}

test(
  "an HTTP/1.0 client sees a cut answer by a connection that is reset or too short",
  { timeout: 60_000 },
  async () => {
    const scripts: Promise<void>[] = [];
    await using back = await origin({ onConnection: (each) => void scripts.push(cut(each)) });
    await using proxy = await startPlane({ routes: { "a.test": back.url } });
    const { length } = answers.chunked;
    // A chunked answer goes to HTTP/1.0 until the close: only a reset can say that it was not all.
    await using client = await connect(proxy.port);
    await client.send(`GET /chunked/${length - 9}/end HTTP/1.0\r\nHost: a.test\r\n\r\n`);
    await client.closed;
    assert.ok(client.error !== undefined, `a clean end after ${JSON.stringify(client.pending)}`);
    for (const { socket } of back.connections) socket.destroy();
    await Promise.all(scripts);
  },
);
