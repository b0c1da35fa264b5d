import assert from "node:assert/strict";
import { test } from "node:test";
import { multipartOf } from "./multipart.ts";
import { readRanges } from "./ranges.ts";

test("ranges are read as the standard has them", () => {
  assert.deepEqual(readRanges("bytes=0-0", 10), [{ start: 0, end: 1 }]);
  assert.deepEqual(readRanges("bytes=2-", 10), [{ start: 2, end: 10 }]);
  assert.deepEqual(readRanges("bytes=-3", 10), [{ start: 7, end: 10 }]);
  assert.deepEqual(readRanges("bytes=-30", 10), [{ start: 0, end: 10 }]);
  assert.deepEqual(readRanges("bytes=5-999999999999999999999999", 10), [{ start: 5, end: 10 }]);
  assert.deepEqual(readRanges("BYTES = 0-1 , , 4-5", 10), [
    { start: 0, end: 2 },
    { start: 4, end: 6 },
  ]);
  assert.deepEqual(readRanges("bytes=5-6,0-1", 10), [
    { start: 5, end: 7 },
    { start: 0, end: 2 },
  ]);
});

test("of several, those that are nowhere are left out", () => {
  assert.deepEqual(readRanges("bytes=0-1,50-60,-0", 10), [{ start: 0, end: 2 }]);
});

test("what cannot be read, or is nowhere, is bad", () => {
  const fields = ["bytes=", "bytes=-", "bytes=a-b", "bytes=3-2", "bytes=10-", "bytes=-0"];
  for (const field of [...fields, "bytes=0-1-2", "bytes=0x1-", "bytes=,", "bytes=1", "bytes=--1"]) {
    assert.equal(readRanges(field, 10), "bad", field);
  }
  assert.equal(readRanges("bytes=99999999999999999999-", 10), "bad");
  assert.equal(readRanges("bytes=0-", 0), "bad");
});

test("other units, too many ranges and the same bytes twice give the whole file", () => {
  assert.equal(readRanges("lines=1-2", 10), "whole");
  assert.equal(readRanges("bytes", 10), "whole");
  assert.equal(readRanges("bytes=-5", 0), "whole");
  assert.equal(readRanges("bytes=0-5,5-9", 10), "whole");
  assert.equal(readRanges("bytes=0-,0-,0-", 10), "whole");
  const many = Array.from({ length: 17 }, (_, at) => `${at * 2}-${at * 2}`).join(",");
  assert.equal(readRanges(`bytes=${many}`, 100), "whole");
  assert.equal(readRanges(`bytes=${"0-,".repeat(10_000)}`, 100), "whole");
});

test("parts of several ranges say what they are, and how long all of it is", () => {
  const ranges = [
    { start: 0, end: 2 },
    { start: 4, end: 6 },
  ];
  const { contentType, pieces, length } = multipartOf(ranges, 10, "text/plain");
  const boundary = /^multipart\/byteranges; boundary=([\w-]+)$/.exec(contentType)?.[1];
  const file = "0123456789";
  const body = pieces
    .map((each) => (typeof each === "string" ? each : file.slice(each.start, each.end)))
    .join("");
  assert.equal(body.length, length);
  assert.equal(
    body,
    `\r\n--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01` +
      `\r\n--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 4-5/10\r\n\r\n45` +
      `\r\n--${boundary}--\r\n`,
  );
  assert.notEqual(multipartOf(ranges, 10, "text/plain").contentType, contentType);
});
