// What the body of a request goes through on its way to the backend: bytes that came while somebody was asked go through it too,
// a backend that does not read stops it, and nothing is left of an exchange that breaks off.

import assert from "node:assert/strict";
import { after, mock, test } from "node:test";
import { gzipSync } from "node:zlib";
import { Chain } from "../../src/proxy/chain.ts";
import { connect } from "../harness/client.ts";
import { httpOrigin, origin } from "../harness/origin.ts";
import { startPlane } from "./plane.ts";

const bounded = { timeout: 30_000 };
const { request } = Chain.prototype;
after(() => mock.restoreAll());

const configOf = (service: string) => ({
  routes: { "a.test": { service, middlewares: ["requestId", "decompress"] } },
});

const head = (length: number) =>
  `POST / HTTP/1.1\r\nHost: a.test\r\nContent-Encoding: gzip\r\nContent-Length: ${length}\r\n\r\n`;

test("what came before there was a filter goes through it", bounded, async () => {
  const asked = mock.method(
    Chain.prototype,
    "request",
    function (this: Chain, ...args: Parameters<typeof request>) {
      if (args[0].passed > 0) return request.apply(this, args);
      return new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 100));
    },
  );
  await using back = await httpOrigin((incoming, response) => {
    let body = "";
    incoming.on("data", (bytes: Buffer) => void (body += bytes.latin1Slice()));
    incoming.on("end", () => response.end(body));
  });
  await using proxy = await startPlane(configOf(back.url));
  await using client = await connect(proxy.port);
  const packed = gzipSync("all of it").latin1Slice();
  // Whole while it waits, and in two halves around it.
  await client.send(head(packed.length) + packed);
  assert.equal((await client.readResponse()).body, "all of it");
  await client.send(head(packed.length) + packed.slice(0, 9));
  await new Promise((resolve) => setTimeout(resolve, 200));
  await client.send(packed.slice(9));
  assert.equal((await client.readResponse()).body, "all of it");
  asked.mock.restore();
});

test("a backend that does not read stops it, however much would come out", bounded, async () => {
  await using back = await origin();
  await using proxy = await startPlane(configOf(back.url));
  // Ten copies, so that it unpacks for long; still below what is a bomb.
  const packed = gzipSync(Buffer.alloc(20 * 1024 * 1024, "some text that is packed "));
  const body = Buffer.concat(Array.from({ length: 10 }, () => packed));
  const client = await connect(proxy.port);
  const before = process.memoryUsage().rss;
  await client.send(head(body.length));
  client.socket.write(body);
  const backend = await back.accept();
  backend.socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 100 * 1024 * 1024, `${grown} bytes more`);
  client.reset();
  await client.closed;
  // Who is paused finds out late that its client has gone.
  backend.socket.destroy();
  await proxy.assertNothingLeft();
});
