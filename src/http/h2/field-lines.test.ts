import assert from "node:assert/strict";
import { test } from "node:test";

import { priorityOf, writeAnswerFields } from "./answer-fields.ts";
import { readLines, writeLines } from "./field-lines.ts";
import { FieldSection } from "./field-section.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { HpackEncoder } from "./hpack-encoder.ts";

/** What a peer reads of what is encoded. */
function decoded(encode: (encoder: HpackEncoder) => void): FieldSection {
  const encoder = new HpackEncoder(4096);
  const section = new FieldSection();
  encoder.begin();
  encode(encoder);
  const { bytes, length } = encoder;
  assert.equal(new HpackDecoder(4096).decode(bytes, 0, length, section, 100_000, 100), true);
  return section;
}

function pairs({ count, names, values }: FieldSection): string[] {
  return Array.from({ length: count }, (_, at) => `${names[at]}=${values[at]}`);
}

test("the head of an answer leaves without what is about one connection", () => {
  const head =
    "HTTP/1.1 200 OK\r\nContent-Type:  text/plain \t\r\nConnection: close, x\r\nKeep-Alive: timeout=5\r\n" +
    "Proxy-Connection: x\r\nTransfer-Encoding: chunked\r\nUPGRADE: h2c\r\nX-Empty:\r\nX-A: \xe4:b\r\n\r\n";
  const section = decoded((encoder) => writeAnswerFields(encoder, 200, head, "x-a"));
  assert.deepEqual(pairs(section), [":status=200", "content-type=text/plain", "x-empty="]);
  const all = decoded((encoder) => writeAnswerFields(encoder, 404, head));
  assert.deepEqual(pairs(all).at(-1), "x-a=\xe4:b");
});

test("TE leaves only where it says that trailers are welcome", () => {
  const sent = (lines: string) =>
    pairs(decoded((encoder) => writeLines(encoder, lines, 0, lines.length)));
  assert.deepEqual(sent("TE: Trailers\r\nA: b\r\n"), ["te=Trailers", "a=b"]);
  assert.deepEqual(sent("TE: gzip, trailers\r\nA: b\r\n"), ["a=b"]);
});

test("what was written is read as the same lines", () => {
  const lines = "a: b\r\nset-cookie: x=1\r\nset-cookie: y=2\r\nc: \r\n";
  const section = decoded((encoder) => writeLines(encoder, lines, 0, lines.length));
  assert.equal(readLines(section, 0, false), lines);
  assert.equal(readLines(section, 3, false), "c: \r\n");
});

test("an answer may say how urgent it is", () => {
  assert.equal(priorityOf("HTTP/1.1 200 OK\r\nA: b\r\nPriority:  u=1, i\r\nC: d\r\n"), "u=1, i");
  assert.equal(priorityOf("HTTP/1.1 200 OK\r\nX-Priority: u=1\r\nA: priority:\r\n"), "");
});
