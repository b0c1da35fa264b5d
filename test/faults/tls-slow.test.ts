// Clients that read slowly over TLS: what they were answered reaches them whole, though TLS does not say at once what has gone out.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { setTimeout as pause } from "node:timers/promises";
import { eventually, within } from "../harness/barrier.ts";
import { type Plane, startPlane } from "./plane.ts";
import { handshake } from "./tls-client.ts";
import { certificateFor, credentialsOf } from "./tls-credentials.ts";

const bounded = { timeout: 40_000 };
const body = "~".repeat(30_000);
const config = {
  listeners: { web: { bind: "127.0.0.1:0", tls: true } },
  routes: { "*": { respond: { body } } },
  timeouts: { idle: "1s", body: "10s" },
};

async function ask(plane: Plane, socket: TLSSocket, waitMs: number): Promise<boolean> {
  const before = plane.plane.counts.answered;
  socket.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  const isAnswered = () => plane.plane.counts.answered > before || undefined;
  return eventually("an answer", isAnswered, waitMs).catch(() => false);
}

/** How many answers are over though nobody reads them: as many as fit into the kernel, and a little more. */
async function roomOf(plane: Plane): Promise<number> {
  const socket = await handshake(plane);
  socket.pause();
  let room = 0;
  while (await ask(plane, socket, 1000)) room++;
  socket.destroy();
  return room;
}

/** Reads all there is; returns how many whole answers that were. */
async function count(socket: TLSSocket): Promise<number> {
  let bytes = 0;
  socket.on("data", (piece: Buffer) => (bytes += piece.filter((each) => each === tilde).length));
  socket.resume();
  await within(once(socket, "close"), 10_000, "the end of the connection");
  return bytes / body.length;
}

const tilde = 0x7e;

test("a connection is closed when all has been read, for whatever reason", bounded, async () => {
  await using plane = await startPlane(config, credentialsOf([certificateFor(["a.test"])]));
  const room = await roomOf(plane);
  for (const last of ["", "Connection: close\r\n"]) {
    const slow = await handshake(plane);
    slow.pause();
    // The kernel is full, and TLS holds less than what would keep an answer from being over.
    for (let count = 2; count < room; count++) await ask(plane, slow, 5000);
    slow.write(`GET / HTTP/1.1\r\nHost: a.test\r\n${last}\r\n`);
    await pause(3000); // longer than clients may linger, and than they may be idle
    assert.equal(await count(slow), room - 1, last);
  }
  await plane.assertNothingLeft();
});
