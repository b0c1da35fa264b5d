// The key that a WebSocket's handshake has in HTTP/1, and what a server must answer to it (RFC 6455 section 4). HTTP/2 has neither
// (RFC 8441 section 5): where one protocol meets the other, one of us makes them up and looks at them.

import { createHash, randomBytes } from "node:crypto";

/** Section 4.1. */
const keyBytes = 16;
/** Section 1.3. */
const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export function newWebSocketKey(): string {
  return randomBytes(keyBytes).toString("base64");
}

/** Value of Sec-WebSocket-Accept. */
export function webSocketAccept(key: string): string {
  return createHash("sha1").update(key).update(guid).digest("base64");
}
