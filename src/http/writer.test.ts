import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { buffer as readAll } from "node:stream/consumers";
import { test } from "node:test";
import { Writer } from "./writer.ts";

/** Two ends of one real connection. */
async function pair(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const near = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [far] = (await once(server, "connection")) as [Socket];
  server.close();
  return [near, far];
}

test(
  "bytes arrive in order and whole, however the buffer they came in is reused",
  { timeout: 20_000 },
  async () => {
    const [near, far] = await pair();
    const writer = new Writer(near);
    const received = readAll(far);
    const sizes = [0, 1, 10, 16 * 1024, 16 * 1024 + 1, 64 * 1024, 100_000, 3, 70_000];
    const wanted: Buffer[] = [];
    // As a shared read buffer does: the next bytes come where the last ones stood.
    const shared = Buffer.alloc(128 * 1024);
    for (let round = 0; round < 40; round++) {
      for (const [index, size] of sizes.entries()) {
        shared.fill(round * sizes.length + index);
        writer.text(`<${size}>`);
        writer.bytes(shared, 7, 7 + size);
        wanted.push(Buffer.from(`<${size}>`), Buffer.from(shared.subarray(7, 7 + size)));
        if (index % 3 === 0 && !writer.flush()) {
          await once(near, "drain");
          writer.isBlocked = false;
        }
      }
    }
    writer.flush();
    near.end();
    const got = await received;
    const all = Buffer.concat(wanted);
    assert.equal(got.length, all.length);
    assert.ok(got.equals(all), "the bytes differ");
    far.destroy();
  },
);

test(
  "bytes held back for a slow reader are kept, though the buffer is reused",
  { timeout: 20_000 },
  async () => {
    const [near, far] = await pair();
    far.pause();
    const writer = new Writer(near);
    const shared = Buffer.alloc(64 * 1024);
    let written = 0;
    // The kernel takes some megabytes first; then Node has to hold on to what is left.
    while (!writer.isBlocked) {
      shared.fill(written % 251);
      writer.bytes(shared, 0, shared.length);
      writer.flush();
      written++;
    }
    for (let more = 0; more < 3; more++) {
      shared.fill(written % 251);
      writer.bytes(shared, 0, shared.length);
      written++;
    }
    shared.fill(255);
    assert.equal(writer.flush(), false);
    near.end();
    const got = await readAll(far);
    assert.equal(got.length, written * shared.length);
    for (let piece = 0; piece < written; piece++) {
      const bytes = got.subarray(piece * shared.length, (piece + 1) * shared.length);
      assert.ok(
        bytes.every((byte) => byte === piece % 251),
        `piece ${piece} was overwritten`,
      );
    }
  },
);

test("a chunk is framed with its size in hexadecimal", { timeout: 20_000 }, async () => {
  const [near, far] = await pair();
  const writer = new Writer(near);
  const bytes = Buffer.alloc(20_000, "x");
  writer.chunk(bytes, 0, 26);
  writer.chunk(bytes, 0, 20_000);
  writer.flush();
  near.end();
  const wanted = `1a\r\n${"x".repeat(26)}\r\n4e20\r\n${"x".repeat(20_000)}\r\n`;
  assert.equal((await readAll(far)).toString("latin1"), wanted);
});

test("what is held waits, whoever writes is told to, and then it goes out in order", async () => {
  const [near, far] = await pair();
  const writer = new Writer(near);
  const received = readAll(far);
  assert.equal(writer.hold(true), false);
  writer.text("head ");
  assert.equal(writer.flush(), false);
  const shared = Buffer.alloc(40_000, "b");
  writer.bytes(shared, 0, shared.length);
  shared.fill("x");
  assert.equal(near.bytesWritten + near.writableLength, 0);
  const { promise, resolve } = Promise.withResolvers<void>();
  assert.equal(writer.flushAll(resolve), false);
  // Gone at once: whoever was told to wait is to hear of it. Otherwise it is told when it is gone.
  if (!writer.hold(false, resolve)) await promise;
  writer.isBlocked = false;
  writer.text(" end");
  writer.flush();
  near.end();
  assert.equal((await received).toString(), `head ${"b".repeat(40_000)} end`);
  far.destroy();
});

test("ending a hold that there is not tells nobody anything", async () => {
  const [near, far] = await pair();
  const writer = new Writer(near);
  writer.text("a");
  assert.equal(writer.hold(false), false);
  assert.equal(writer.hold(true), false);
  // Nobody wrote meanwhile.
  assert.equal(writer.hold(false), false);
  assert.equal(writer.isBlocked, false);
  near.end();
  assert.equal((await readAll(far)).toString(), "a");
  far.destroy();
});
