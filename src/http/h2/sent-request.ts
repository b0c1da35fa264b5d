// A request's head, in the words of HTTP/1.1, as the fields of an HTTP/2 request (RFC 9113 section 8.3.1). A WebSocket's upgrade
// becomes an extended CONNECT (RFC 8441 section 4).

import { webSocketAccept } from "../websocket.ts";
import { writeLines } from "./field-lines.ts";
import type { HpackEncoder } from "./hpack-encoder.ts";

const usualHost = "\r\nHost: ";
const hostLine = /^host:[ \t]*([^\r\n]*?)[ \t]*\r$/im;
const keyLine = /^sec-websocket-key:[ \t]*([^\r\n]*?)[ \t]*\r\n/gim;
/** A length of 0, which a tunnel would outgrow, and the key: it proves nothing here (RFC 8441 section 5). */
const notOfTunnels = /^(?:content-length|sec-websocket-key):[^\r\n]*\r\n/gim;
const bodyLine = /^(?:transfer-encoding:|content-length:[ \t]*0*[1-9])/im;

/** @param head request line and lines, each with its CR LF, and the empty line */
export function writeRequest(encoder: HpackEncoder, head: string, isSecure: boolean): void {
  const lineEnd = head.indexOf("\r\n");
  const methodEnd = head.indexOf(" ");
  const targetEnd = head.lastIndexOf(" ", lineEnd);
  encoder.field(":method", head.slice(0, methodEnd));
  writePseudo(encoder, head, [methodEnd + 1, targetEnd], isSecure);
  writeLines(encoder, head, lineEnd + 2, head.length - 2, "host");
}

/** As `writeRequest`, of a request that asks for a WebSocket. */
export function writeWebSocket(encoder: HpackEncoder, head: string, isSecure: boolean): void {
  const lineEnd = head.indexOf("\r\n");
  const target = [head.indexOf(" ") + 1, head.lastIndexOf(" ", lineEnd)] as const;
  encoder.field(":method", "CONNECT");
  encoder.field(":protocol", "websocket");
  writePseudo(encoder, head, target, isSecure);
  const text = head.replace(notOfTunnels, "");
  writeLines(encoder, text, text.indexOf("\r\n") + 2, text.length - 2, "host");
}

function writePseudo(
  encoder: HpackEncoder,
  head: string,
  [start, end]: readonly [number, number],
  isSecure: boolean,
): void {
  encoder.field(":scheme", isSecure ? "https" : "http");
  const host = hostOf(head);
  if (host !== "") encoder.field(":authority", host);
  encoder.field(":path", head.slice(start, end));
}

/** "" = there is none. */
function hostOf(head: string): string {
  const at = head.indexOf(usualHost);
  if (at < 0) return hostLine.exec(head)?.[1] ?? "";
  return head.slice(at + usualHost.length, head.indexOf("\r\n", at + 2)).trim();
}

/**
 * What the client of a WebSocket expects as `Sec-WebSocket-Accept`; "" = this is no request for one that can be understood. Of
 * another method, or with a body, it is none (RFC 6455 section 4.1): CONNECT would make another request of it.
 */
export function expectedAccept(head: string): string {
  if (!head.startsWith("GET ") || bodyLine.test(head)) return "";
  const keys = [...head.matchAll(keyLine)];
  const key = keys[0]?.[1] ?? "";
  const isWebSocket = /^upgrade:[ \t]*websocket[ \t]*\r$/im.test(head);
  if (key === "" || keys.length > 1 || !isWebSocket) return "";
  return webSocketAccept(key);
}
