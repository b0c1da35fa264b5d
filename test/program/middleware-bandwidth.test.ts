// `bandwidth` with real clients: what arrives is whole, takes its time, and keeps nobody's memory.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };
const kib = 1024;

const patternOf = (size: number) => {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
};

function configOf(bandwidth: unknown, url: string) {
  return {
    listeners: { web: { bind: "127.0.0.1:0", trustedProxies: ["127.0.0.1"] } },
    routes: { "a.test": { service: url, middlewares: [{ bandwidth }] } },
  };
}

async function timed<T>(work: Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const start = performance.now();
  return { value: await work, ms: performance.now() - start };
}

const get = (port: number, path = "/") => ask(port, { name: "a.test", path, timeoutMs: 30_000 });

test("an answer takes the time that its bytes take, and arrives whole", bounded, async () => {
  const body = patternOf(500 * kib);
  await using backend = await httpOrigin((_, response) => {
    response.writeHead(200, { "Content-Length": body.length }).end(body);
  });
  await using program = await startTidegate({ config: configOf("250KiB/s", backend.url) });
  const { value, ms } = await timed(get(program.port()));
  assert.ok(Buffer.from(value.body, "latin1").equals(body));
  assert.equal(field(value, "content-length"), String(body.length));
  // Of two seconds: what fits into one read comes first.
  assert.ok(ms > 1200, `${ms} ms`);
});

test("a chunked answer keeps its framing, and what comes first is free", bounded, async () => {
  const body = patternOf(300 * kib);
  await using chunked = await httpOrigin((_, response) => {
    for (let at = 0; at < body.length; at += 10 * kib)
      response.write(body.subarray(at, at + 10 * kib));
    response.end();
  });
  const config = configOf({ down: "10KiB/s", after: "1MiB" }, chunked.url);
  await using program = await startTidegate({ config });
  const { value, ms } = await timed(get(program.port()));
  assert.ok(Buffer.from(value.body, "latin1").equals(body));
  assert.ok(ms < 20_000, `${ms} ms`);
});

test("those who count together share what there is", bounded, async () => {
  const body = patternOf(100 * kib);
  await using backend = await httpOrigin((_, response) => void response.end(body));
  const config = configOf({ down: "200KiB/s", by: "address" }, backend.url);
  await using program = await startTidegate({ config });
  const all = Array.from({ length: 6 }, () => get(program.port()));
  const { value, ms } = await timed(Promise.all(all));
  for (const answer of value) assert.ok(Buffer.from(answer.body, "latin1").equals(body));
  // 600 KiB at 200 KiB a second.
  assert.ok(ms > 2000, `${ms} ms`);
});

test("small answers one after the other do not get around it", bounded, async () => {
  await using backend = await httpOrigin((_, response) => void response.end(patternOf(20 * kib)));
  const config = configOf({ down: "100KiB/s", by: "all" }, backend.url);
  await using program = await startTidegate({ config });
  const { ms } = await timed(
    (async () => {
      for (let n = 0; n < 15; n++) await get(program.port());
    })(),
  );
  assert.ok(ms > 2000, `${ms} ms`);
});

test("an upload takes its time, and arrives whole", bounded, async () => {
  const received: Buffer[] = [];
  await using backend = await httpOrigin((incoming, response) => {
    incoming.on("data", (bytes: Buffer) => received.push(bytes));
    incoming.on("end", () => response.end("thanks"));
  });
  await using program = await startTidegate({ config: configOf({ up: "250KiB/s" }, backend.url) });
  const body = patternOf(500 * kib);
  const send = async () => {
    const options = { port: program.port(), method: "POST", headers: { Host: "a.test" } };
    const sent = request({ host: "127.0.0.1", ...options });
    sent.end(body);
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    answer.resume();
    await once(answer, "end");
    return answer.statusCode;
  };
  const { value, ms } = await timed(send());
  assert.equal(value, 200);
  assert.ok(Buffer.concat(received).equals(body));
  assert.ok(ms > 1200, `${ms} ms`);
});

test("the backend is made to wait, not the memory", bounded, async () => {
  let given = 0;
  await using backend = await httpOrigin((_, response) => {
    response.writeHead(200, { "Content-Length": 500_000_000 });
    const more = () => {
      do given += 65_536;
      while (response.write(Buffer.alloc(65_536)) && given < 400_000_000);
    };
    response.on("drain", more);
    more();
  });
  await using program = await startTidegate({ config: configOf("64KiB/s", backend.url) });
  await using client = await connect(program.port());
  await client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await eventually("some of it", async () => client.pending.length > 200_000 || undefined, 30_000);
  // What sockets of the system hold is some MB.
  assert.ok(given < 30_000_000, `${given} bytes were taken`);
});

test("clients that leave in the middle are forgotten", bounded, async () => {
  await using backend = await httpOrigin((_, response) => void response.end(patternOf(400 * kib)));
  const config = configOf({ down: "100KiB/s", by: "all" }, backend.url);
  await using program = await startTidegate({ config });
  for (let n = 0; n < 20; n++) {
    await using client = await connect(program.port());
    await client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    await client.waitHeadOrClose();
    client.socket.destroy();
  }
  const { value } = await timed(get(program.port()));
  assert.equal(value.body.length, 400 * kib);
});
