// A connection of HTTP/2 for one check: over TLS where ALPN chose it, else without being agreed.

import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { defaultLimits } from "../config/limits.ts";
import { Wheel } from "../lib/wheel.ts";
import type { BackendConnection } from "../upstream/backend-connection.ts";
import { Http2Link } from "../upstream/http2-link.ts";
import { type Attempt, maxAnswerBytes } from "./attempt.ts";
import { openSocket } from "./open-socket.ts";

/** The attempt has a time limit of its own; what the connection waits for is less than that. */
const wheel = new Wheel(1000);
const limits = { ...defaultLimits, headBytes: maxAnswerBytes };
const nobody = {
  onReusable: (connection: BackendConnection) => connection.destroy(),
  onClosed() {},
};
const alone = { learn() {}, onRoom() {}, drop() {} };

/** @param onOpen told once; the connection ends with the attempt */
export function openHttp2(attempt: Attempt, onOpen: (connection: BackendConnection) => void): void {
  openSocket(attempt, ["h2"], (socket) => {
    if (socket instanceof TLSSocket && socket.alpnProtocol !== "h2") {
      return attempt.bad("does not speak HTTP/2: it did not choose h2 by ALPN");
    }
    useHttp2(attempt, socket, onOpen);
  });
}

/** @param socket open, and of the attempt */
export function useHttp2(
  attempt: Attempt,
  socket: Socket,
  onOpen: (connection: BackendConnection) => void,
): void {
  attempt.waitsFor = "answer";
  const link = linkOn(socket);
  attempt.onEnd(() => link.close());
  socket.on("data", (bytes: Buffer) => {
    link.onBytes(bytes, 0, bytes.length);
    // Whatever it is: pings and interim answers without end, say.
    if (socket.bytesRead > maxAnswerBytes) attempt.bad("sent 64 KiB that are not the answer");
  });
  socket.on("end", () => link.onEnd());
  socket.on("close", () => link.onClosed());
  socket.on("drain", () => link.onDrain());
  onOpen(link.first ?? link.take());
}

function linkOn(socket: Socket): Http2Link {
  return new Http2Link({
    ...{ socket, wheel, limits, address: "", isSecure: socket instanceof TLSSocket },
    ...{ owner: nobody, bufferBytes: defaultLimits.bufferBytes, multiplexing: alone },
  });
}
