import assert from "node:assert/strict";
import { test } from "node:test";
import { Chunk, ChunkedReader } from "./chunked.ts";

interface Outcome {
  readonly data: string;
  readonly end: "done" | "more" | "bad" | "too large";
  readonly trailers: string;
  /** Bytes used up, when it is done. */
  readonly used: number;
}

/** Reads the pieces one after the other, each at an offset in a buffer of its own. */
function read(pieces: readonly string[], maxTrailerBytes = 64): Outcome {
  const reader = new ChunkedReader(maxTrailerBytes);
  let data = "";
  let before = 0;
  for (const piece of pieces) {
    const buffer = Buffer.from(`##${piece}##`, "latin1");
    const end = 2 + piece.length;
    reader.position = 2;
    for (;;) {
      const event = reader.next(buffer, end);
      if (event === Chunk.MORE) break;
      if (event === Chunk.DATA) {
        assert.ok(reader.dataEnd > reader.dataStart, "data without bytes");
        data += buffer.latin1Slice(reader.dataStart, reader.dataEnd);
        continue;
      }
      const used = before + reader.position - 2;
      if (event === Chunk.DONE) return { data, end: "done", trailers: reader.trailers, used };
      return { data: "", end: event === Chunk.BAD ? "bad" : "too large", trailers: "", used: 0 };
    }
    assert.equal(reader.position, end, "bytes were left");
    before += piece.length;
  }
  return { data, end: "more", trailers: "", used: before };
}

const good = [
  ["0\r\n\r\n", "", ""],
  ["5\r\nhello\r\n0\r\n\r\n", "hello", ""],
  ["000A\r\n0123456789\r\nb\r\n01234567\r\n9\r\n00\r\n\r\n", "012345678901234567\r\n9", ""],
  ["1;a\r\nx\r\n0;b=c\r\n\r\n", "x", ""],
  ['1;a="b\\"; c"\r\nx\r\n0\r\n\r\n', "x", ""],
  ["1\r\n\n\r\n0\r\nA: b\r\nC: d\r\n\r\n", "\n", "A: b\r\nC: d\r\n"],
  ["0000000000001\r\n\r\r\n0\r\n\r\n", "\r", ""],
] as const;

const bad = [
  "\r\n",
  "x",
  " 5\r\n",
  "5 \r\n",
  "-5\r\n",
  "+5\r\n",
  "0x5\r\n",
  "5\n",
  "5\r5",
  "5\rx",
  "5\r\nhello\n",
  "5\r\nhello0",
  "5\r\nhello\r0",
  "5\r\nhello!\r\n",
  "00000000000000\r\n\r\n",
  "ffffffffffffff\r\n",
  "5;\r\n",
  "5; a\r\n",
  "5;a =b\r\n",
  "5;a=\r\n",
  "5;a\nb\r\n",
  "5;a\x00\r\n",
  '5;a="b\r\n',
  "5,a\r\n",
  "0\r\n\n",
  "0\r\nA: b\n\r\n",
  `1;${"a".repeat(300)}\r\n`,
];

test("a chunked body gives its data, its trailers, and where it ends", () => {
  for (const [text, data, trailers] of good) {
    const wanted = { data, end: "done", trailers, used: text.length };
    assert.deepEqual(read([`${text}GET / HTTP/1.1\r\n`]), wanted, JSON.stringify(text));
  }
});

test("what is malformed is refused as soon as it is seen", () => {
  for (const text of bad) assert.equal(read([text]).end, "bad", JSON.stringify(text));
});

test("split at every byte, and byte by byte, a body is read the same", () => {
  for (const text of [...good.map(([each]) => `${each}rest`), ...bad]) {
    const whole = read([text]);
    assert.deepEqual(read(text.split("")), whole, `byte by byte ${JSON.stringify(text)}`);
    for (let at = 0; at <= text.length; at++) {
      const parts = [text.slice(0, at), text.slice(at)];
      assert.deepEqual(read(parts), whole, JSON.stringify(parts));
    }
  }
});

test("a body that is cut off anywhere is not complete", () => {
  for (const [text] of good) {
    for (let end = 0; end < text.length; end++) {
      assert.equal(read([text.slice(0, end)]).end, "more", JSON.stringify(text.slice(0, end)));
    }
  }
});

test("the trailer section has a limit", () => {
  assert.equal(read([`0\r\nA: ${"b".repeat(40)}\r\n\r\n`]).end, "done");
  assert.equal(read([`0\r\nA: ${"b".repeat(80)}\r\n\r\n`]).end, "too large");
  assert.equal(read(`0\r\nA: ${"b".repeat(80)}`.split("")).end, "too large");
});

test("sizes are counted exactly up to 13 digits", () => {
  const reader = new ChunkedReader(64);
  const head = Buffer.from("fffffffffffff\r\nx");
  assert.equal(reader.next(head, head.length), Chunk.DATA);
  assert.equal(reader.dataEnd - reader.dataStart, 1);
  assert.equal(read(["10000000000000\r\nx"]).end, "bad");
});

test("a reader can be used for the next body, wherever the last one stopped", () => {
  const reader = new ChunkedReader(64);
  const whole = "3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n";
  for (let stop = 0; stop <= whole.length; stop++) {
    const first = Buffer.from(whole.slice(0, stop));
    reader.reset();
    reader.position = 0;
    let event = reader.next(first, first.length);
    while (event === Chunk.DATA) event = reader.next(first, first.length);
    reader.reset();
    const second = Buffer.from("2\r\nok\r\n0\r\n\r\n");
    reader.position = 0;
    assert.equal(reader.next(second, second.length), Chunk.DATA);
    assert.equal(second.latin1Slice(reader.dataStart, reader.dataEnd), "ok");
    assert.equal(reader.next(second, second.length), Chunk.DONE);
    assert.equal(reader.trailers, "");
  }
});
