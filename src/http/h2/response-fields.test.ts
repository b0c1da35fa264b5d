import assert from "node:assert/strict";
import { test } from "node:test";
import { ResponseHead } from "../response-head.ts";
import { FieldSection } from "./field-section.ts";
import { readAnswer, readAnswerTrailers } from "./response-fields.ts";

type Pairs = readonly (readonly [string, string])[];

function sectionOf(fields: Pairs): FieldSection {
  const section = new FieldSection();
  // What stood there before is of no account.
  for (let each = 0; each < 20; each++) section.add("content-length", "5");
  section.clear();
  for (const [name, value] of fields) section.add(name, value);
  return section;
}

function read(fields: Pairs, more: { isHead?: boolean; accept?: string; isEnd?: boolean } = {}) {
  const { isHead = false, accept = "", isEnd = false } = more;
  const head = new ResponseHead();
  const wrong = readAnswer(sectionOf(fields), head, { isHead, accept, headerCount: 20 }, isEnd);
  return wrong ?? `${head.status} ${head.bodyLength} ${head.fields.serialise().trimEnd()}`;
}

const ok = [":status", "200"] as const;

test("an answer in the words of HTTP/1.1", () => {
  assert.equal(read([ok, ["x-a", "1"]]), "200 -1 x-a: 1");
  assert.equal(read([ok, ["content-length", "7"]]), "200 7 content-length: 7");
  assert.equal(read([[":status", "103"]]), "103 0 ");
  assert.equal(read([ok], { isEnd: true }), "200 0 Content-Length: 0");
  assert.equal(read([ok, ["content-length", "0"]], { isEnd: true }), "200 0 content-length: 0");
  assert.equal(read([[":status", "204"]], { isEnd: true }), "204 0 ");
  const asked = { isEnd: true, isHead: true };
  assert.equal(read([ok, ["content-length", "7"]], asked), "200 0 content-length: 7");
});

test("a WebSocket that was granted is a 101, and one that was not is not", () => {
  const accept = "xyz=";
  const lines = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: xyz=";
  assert.equal(read([ok], { accept }), `101 0 ${lines}`);
  const theirs = ["sec-websocket-accept", "abc="] as const;
  assert.equal(read([ok, theirs, ["x-a", "1"]], { accept }), `101 0 ${lines}\r\nx-a: 1`);
  assert.equal(read([[":status", "403"]], { accept }), "403 -1 ");
  assert.equal(read([ok], { accept, isEnd: true }), "BAD_RESPONSE");
});

const malformed: Pairs[] = [
  [],
  [["x-a", "1"]],
  [["x-a", "1"], ok],
  [ok, ok],
  [[":status", "20"]],
  [[":status", "2000"]],
  [[":status", "+20"]],
  [[":status", "099"]],
  [[":status", "101"]],
  [
    [":status", "103"],
    ["content-length", "5"],
  ],
  [[":status", "200 OK\r\nx: y"]],
  [ok, [":path", "/"]],
  [ok, ["X-A", "1"]],
  [ok, ["", "1"]],
  [ok, ["a b", "1"]],
  [ok, ["a:b", "1"]],
  [ok, ["x-a", "1\r\nx-b: 2"]],
  [ok, ["x-a", "1\n"]],
  [ok, ["x-a", "\0"]],
  [ok, ["x-a", " 1"]],
  [ok, ["x-a", "1\t"]],
  [ok, ["connection", "close"]],
  [ok, ["keep-alive", "timeout=5"]],
  [ok, ["proxy-connection", "close"]],
  [ok, ["transfer-encoding", "chunked"]],
  [ok, ["upgrade", "h2c"]],
  [ok, ["te", "trailers"]],
  [ok, ["content-length", "1"], ["content-length", "1"]],
  [ok, ["content-length", "1, 1"]],
  [ok, ["content-length", "-1"]],
];

for (const fields of malformed) {
  test(`malformed: ${JSON.stringify(fields)}`, () => {
    assert.equal(read(fields), "BAD_RESPONSE");
  });
}

test("an end that comes too soon", () => {
  assert.equal(read([ok, ["content-length", "7"]], { isEnd: true }), "BAD_RESPONSE");
  assert.equal(read([[":status", "103"]], { isEnd: true }), "BAD_RESPONSE");
});

test("more fields than are taken", () => {
  const many = Array.from({ length: 21 }, (_, each) => [`x-${each}`, "1"] as const);
  assert.equal(read([ok, ...many]), "RESPONSE_HEAD_TOO_LARGE");
});

test("trailers", () => {
  const trailers = (fields: Pairs, most = 100) => readAnswerTrailers(sectionOf(fields), most);
  assert.equal(trailers([["grpc-status", "0"]]), "grpc-status: 0\r\n");
  assert.equal(trailers([["content-length", "9"]]), "");
  assert.equal(trailers([ok]), undefined);
  assert.equal(trailers([["X", "0"]]), undefined);
  assert.equal(trailers([["x", "1\r\ny: 2"]]), undefined);
  assert.equal(trailers([["x", "1".repeat(100)]]), undefined);
});
