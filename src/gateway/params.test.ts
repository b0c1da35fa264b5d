import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeParams, paramsFault } from "./params.ts";
import { decodePairs, paramsRecords } from "./fastcgi-records.ts";

const params = ["REQUEST_METHOD", "POST", "CONTENT_LENGTH", "27", "EMPTY", ""];

test("SCGI: a netstring with the length first", () => {
  // The example of the specification, with its body of 27 bytes.
  const example = ["CONTENT_LENGTH", "27", "REQUEST_METHOD", "POST", "REQUEST_URI", "/deepthought"];
  assert.equal(
    encodeParams("scgi", example),
    "70:CONTENT_LENGTH\x0027\x00SCGI\x001\x00REQUEST_METHOD\0POST\0REQUEST_URI\0/deepthought\0,",
  );
  const shown = (params: string[]) => encodeParams("scgi", params).replaceAll("\0", "|");
  assert.equal(shown(["A", "b"]), "28:CONTENT_LENGTH|0|SCGI|1|A|b|,");
  assert.equal(shown(["CONTENT_LENGTH", ""]), "24:CONTENT_LENGTH|0|SCGI|1|,");
  assert.equal(shown(["SCGI", "2"]), "24:CONTENT_LENGTH|0|SCGI|1|,");
});

test("SCGI: nothing that holds a NUL is said", () => {
  for (const bad of [
    ["PATH_INFO", "/a\0REMOTE_USER\0root"],
    ["HTTP_X\0", "a"],
  ]) {
    assert.equal(paramsFault("scgi", bad), "BAD_TARGET");
    assert.throws(() => encodeParams("scgi", bad), RangeError);
  }
});

test("uwsgi: one packet with lengths of 16 bits, the low byte first", () => {
  const text = encodeParams("uwsgi", params);
  const bytes = Buffer.from(text, "latin1");
  assert.deepEqual([bytes[0], bytes[3], bytes.readUInt16LE(1)], [0, 0, bytes.length - 4]);
  const found: string[] = [];
  for (let at = 4; at < bytes.length;) {
    const length = bytes.readUInt16LE(at);
    found.push(bytes.latin1Slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  assert.deepEqual(found, params);
});

test("uwsgi: what does not fit into a packet is refused, to the byte", () => {
  const room = 65_535 - 4 - 1;
  assert.equal(paramsFault("uwsgi", ["A", "b".repeat(room)]), undefined);
  assert.equal(encodeParams("uwsgi", ["A", "b".repeat(room)]).length, 65_535 + 4);
  assert.equal(paramsFault("uwsgi", ["A", "b".repeat(room + 1)]), "HEAD_TOO_LARGE");
  assert.throws(() => encodeParams("uwsgi", ["A", "b".repeat(room + 1)]), RangeError);
});

test("FastCGI: pairs with lengths of one byte or four", () => {
  assert.equal(encodeParams("fastcgi", ["A", "b"]), "\x01\x01Ab");
  const long = "b".repeat(128);
  assert.equal(encodeParams("fastcgi", ["A", long]), `\x01\x80\0\0\x80A${long}`);
  for (const length of [0, 127, 128, 255, 256, 65_535, 65_536, 1_000_000]) {
    const pairs = ["A".repeat(Math.max(1, length % 300)), "v".repeat(length), "B", ""];
    const decoded = decodePairs(encodeParams("fastcgi", pairs));
    assert.deepEqual([...(decoded ?? [])].flat(), pairs);
  }
});

test("FastCGI: records end where pairs do, unless a pair is longer than one", () => {
  const many = Array.from({ length: 30 }, (_, at) => [`N${at}`, "v".repeat(9000)]).flat();
  const cases = [many, ["A", "1", "HUGE", "h".repeat(200_000), "B", "2", ...many], ["A", "1"], []];
  for (const pairs of cases) {
    const text = encodeParams("fastcgi", pairs);
    const contents = recordsOf(paramsRecords(1, text));
    assert.equal(contents.at(-1), "", "an empty record ends them");
    assert.equal(contents.join(""), text);
    for (const content of contents.slice(0, -1)) {
      assert.ok(content.length > 0 && content.length <= 65_535);
      if (!pairs.includes("HUGE")) assert.ok(decodePairs(content) !== undefined);
    }
  }
});

test("FastCGI: pairs that are cut are none", () => {
  const text = encodeParams("fastcgi", ["NAME", "value", "LONG", "v".repeat(200)]);
  const ends = new Set([0, 11, text.length]);
  for (let cut = 0; cut <= text.length; cut++) {
    assert.equal(decodePairs(text.slice(0, cut)) !== undefined, ends.has(cut), `cut at ${cut}`);
  }
});

function recordsOf(text: string): string[] {
  const bytes = Buffer.from(text, "latin1");
  const contents: string[] = [];
  for (let at = 0; at < bytes.length;) {
    assert.deepEqual([...bytes.subarray(at, at + 4)], [1, 4, 0, 1]);
    const length = bytes.readUInt16BE(at + 4);
    contents.push(bytes.latin1Slice(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return contents;
}
