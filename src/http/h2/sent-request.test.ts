import assert from "node:assert/strict";
import { test } from "node:test";
import { webSocketAccept } from "../websocket.ts";
import { FieldSection } from "./field-section.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { HpackEncoder } from "./hpack-encoder.ts";
import { expectedAccept, writeRequest, writeWebSocket } from "./sent-request.ts";

type Write = typeof writeRequest;

/** What a backend reads of it. */
function sent(write: Write, head: string): string[] {
  const encoder = new HpackEncoder(4096);
  encoder.begin();
  write(encoder, head, false);
  const section = new FieldSection();
  const { bytes, length } = encoder;
  assert.equal(new HpackDecoder(4096).decode(bytes, 0, length, section, 100_000, 100), true);
  const { count, names, values } = section;
  return Array.from({ length: count }, (_, at) => `${names[at]}=${values[at]}`);
}

const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const handshake = (method: string, lines: string) =>
  `${method} /ws HTTP/1.1\r\nHost: a.test\r\n${lines}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;

test("a request becomes pseudo-fields and fields, without its connection's", () => {
  const head =
    "POST /a?b HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\nConnection: TE\r\nTE: trailers\r\n\r\n";
  const pseudo = [":method=POST", ":scheme=http", ":authority=a.test", ":path=/a?b"];
  assert.deepEqual(sent(writeRequest, head), [...pseudo, "x-a=1", "te=trailers"]);
});

test("a WebSocket's handshake becomes an extended CONNECT, without key and length", () => {
  const head = handshake("GET", `${key}X-A: 1\r\nContent-Length: 0\r\n`);
  assert.deepEqual(sent(writeWebSocket, head), [
    ...[":method=CONNECT", ":protocol=websocket", ":scheme=http", ":authority=a.test"],
    ...[":path=/ws", "x-a=1"],
  ]);
  assert.equal(expectedAccept(head), webSocketAccept("dGhlIHNhbXBsZSBub25jZQ=="));
});

const none: readonly [why: string, head: string][] = [
  ["another method", handshake("POST", key)],
  ["HEAD", handshake("HEAD", key)],
  ["a body", handshake("GET", `${key}Content-Length: 5\r\n`)],
  ["a body whose length begins with 0", handshake("GET", `${key}content-length: 05\r\n`)],
  ["a body in chunks", handshake("GET", `${key}Transfer-Encoding: chunked\r\n`)],
  ["two keys", handshake("GET", key + key)],
  ["an empty key", handshake("GET", "Sec-WebSocket-Key: \r\n")],
  ["no key", handshake("GET", "")],
  ["another protocol", handshake("GET", key).replace(": websocket", ": websocket, other")],
];

for (const [why, head] of none) {
  test(`no handshake of a WebSocket: ${why}`, () => assert.equal(expectedAccept(head), ""));
}
