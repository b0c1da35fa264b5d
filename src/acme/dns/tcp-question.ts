// One message to a name server and its answer, over TCP (RFC 7766): each behind its length. A connection for each; they are rare.

import { connect } from "node:net";
import { dnsChangeLimits as limits } from "../../config/acme-limits.ts";
import { DnsTrouble } from "./tries.ts";

export interface NameServer {
  readonly host: string;
  readonly port: number;
  /** For messages. */
  readonly who: string;
  readonly place: string;
}

/** Rejects with a DnsTrouble, unless the signal is aborted. */
export async function tcpAnswer(
  { host, port, who, place }: NameServer,
  message: Buffer,
  signal: AbortSignal,
): Promise<Buffer> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const fail = (why: string) => reject(new DnsTrouble(`${who} ${why}`, { isPassing: true }));
  const socket = connect({ host, port, signal });
  const timer = setTimeout(() => {
    fail(`has not answered within ${limits.timeout / 1000} s; is it up, and is its TCP port open?`);
  }, limits.timeout);
  // A length has two bytes, so there is no more than 64 KiB to come.
  let received = Buffer.alloc(0);
  socket.on("data", (bytes) => {
    received = Buffer.concat([received, bytes]);
    const end = received.length < 2 ? Infinity : 2 + received.readUInt16BE(0);
    if (received.length >= end) resolve(received.subarray(2, end));
  });
  socket.on("error", (error) => fail(explain(error, place)));
  socket.on("close", () => fail("ended the connection without an answer"));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  socket.write(Buffer.concat([length, message]));
  try {
    return await promise;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function explain(error: NodeJS.ErrnoException, place: string): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "cannot be reached: nobody listens there; is it running?";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `cannot be reached: its name is not known; see ${place}`;
    default:
      return `cannot be reached: ${error.message}`;
  }
}
