// Two gigabytes down and two gigabytes up over HTTP/2, in constant memory, with fifty streams beside them on the same
// connection: what flows through must not pile up, and must not make the others wait. The content is a repeating pattern
// that is checked to the last byte.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2, createServer, type ClientHttp2Session } from "node:http2";
import { type AddressInfo } from "node:net";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { checkBody, sendBody } from "../harness/big-body.ts";
import { within } from "../harness/barrier.ts";
import { growthDuring } from "../harness/growth.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const total = 2 * 1024 ** 3;
const mebibyte = 1024 ** 2;
const maxGrowth = 150 * mebibyte;
const quickStreams = 50;

interface Backend extends AsyncDisposable {
  readonly url: string;
}

type Serve = (
  path: string,
  method: string,
  body: AsyncIterable<Buffer>,
  answer: NodeJS.WritableStream,
) => void;

/** `/down` gives all, `/up` says how much came, and everything else is small. */
const serve: Serve = (path, method, body, answer) => {
  // A reader that leaves early ends the stream; that is not this test's affair.
  answer.on("error", () => {});
  if (path.startsWith("/down")) {
    void sendBody(answer, path === "/down" ? total : 50 * mebibyte).catch(() => {});
  } else if (method === "PUT") {
    void checkBody(body).then(
      (size) => answer.end(String(size)),
      (error: unknown) => answer.end(String(error)),
    );
  } else {
    answer.end("quick");
  }
};

async function http1Backend(): Promise<Backend> {
  const origin = await httpOrigin((incoming, response) => {
    serve(incoming.url ?? "", incoming.method ?? "", incoming, response);
  });
  return { url: origin.url, [Symbol.asyncDispose]: () => origin[Symbol.asyncDispose]() };
}

async function http2Backend(): Promise<Backend> {
  const server = createServer((incoming, response) => {
    serve(incoming.url, incoming.method, incoming, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  return {
    url: `h2c://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}

function start(url: string): Promise<Tidegate> {
  return startTidegate({
    config: {
      listeners: { web: { bind: "127.0.0.1:0", tls: true } },
      routes: { "app.test": url },
    },
  });
}

async function bodyOf(client: ClientHttp2Session, path: string): Promise<string> {
  const stream = client.request({ ":authority": "app.test", ":path": path });
  stream.setEncoding("utf8");
  let text = "";
  for await (const piece of stream) text += String(piece);
  return text;
}

async function up(client: ClientHttp2Session, path: string, size: number): Promise<void> {
  const stream = client.request({ ":authority": "app.test", ":path": path, ":method": "PUT" });
  await sendBody(stream, size);
  let text = "";
  for await (const piece of stream.setEncoding("utf8")) text += String(piece);
  assert.equal(text, String(size));
}

async function down(client: ClientHttp2Session, path: string, size: number): Promise<void> {
  const stream = client.request({ ":authority": "app.test", ":path": path });
  assert.equal(await checkBody(stream), size);
}

/** Fifty at once, again and again until the work is done. @returns how long each took, ms */
async function quickBeside(client: ClientHttp2Session, work: Promise<void>): Promise<number[]> {
  const times: number[] = [];
  const over = new AbortController();
  const settled = work.finally(() => over.abort());
  const lane = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const begun = performance.now();
      assert.equal(await bodyOf(client, "/quick"), "quick");
      times.push(performance.now() - begun);
      await pause(20); // they are beside the big one, not instead of it
    }
  };
  await Promise.all([settled, ...Array.from({ length: quickStreams }, lane)]);
  return times.toSorted((a, b) => a - b);
}

// Each way with another kind of backend: what a stream of HTTP/2 costs shows on either side.
for (const [way, carry, kind, backend] of [
  ["down", down, "HTTP/1", http1Backend],
  ["up", up, "HTTP/2", http2Backend],
] as const) {
  const title = `2 GB go ${way} in constant memory beside ${quickStreams} quick streams, ${kind} backend`;
  test(title, { timeout: 170_000 }, async (t) => {
    await using origin = await backend();
    await using program = await start(origin.url);
    const client = connectHttp2(`https://127.0.0.1:${program.port()}`, {
      // Nobody signed what it shows.
      rejectUnauthorized: false,
      settings: { initialWindowSize: mebibyte },
    });
    try {
      await within(once(client, "connect"), 5000, "the connection");
      await carry(client, `/${way}-warm`, 50 * mebibyte);
      let times: number[] = [];
      const growth = await growthDuring(program.pid, async () => {
        times = await quickBeside(client, carry(client, `/${way}`, total));
      });
      const median = times[Math.floor(times.length / 2)] ?? 0;
      const worst = times.at(-1) ?? 0;
      const grown = (growth / mebibyte).toFixed();
      t.diagnostic(
        `${times.length} quick ones, median ${median.toFixed()} ms, worst ${worst.toFixed()} ms; ${grown} MiB`,
      );
      assert.ok(growth < maxGrowth, `grew by ${grown} MiB`);
      // A stream that waits for the big one to end would wait for seconds; the client itself is busy, too.
      assert.ok(times.length > 500 && median < 500, `${times.length}, median ${median} ms`);
    } finally {
      client.destroy();
    }
  });
}
