import assert from "node:assert/strict";
import { test } from "node:test";
import { LogRing } from "./log-ring.ts";
import type { LogRecord } from "./log.ts";

const record = (text: string): LogRecord => ({
  time: "2026-11-21T06:00:00.000Z",
  level: "info",
  text,
  pid: 1,
  fields: {},
});

const texts = (records: readonly LogRecord[]) => records.map(({ text }) => text);

test("the latest lines come oldest first, as many as there are", () => {
  const ring = new LogRing();
  for (const text of ["a", "b", "c"]) ring.push(record(text));
  assert.deepEqual(texts(ring.recent(2)), ["b", "c"]);
  assert.deepEqual(texts(ring.recent(10)), ["a", "b", "c"]);
  assert.deepEqual(texts(ring.recent(0)), []);
});

test("beyond its count the oldest line goes", () => {
  const ring = new LogRing({ records: 3, bytes: 1_000_000 });
  for (let i = 0; i < 10; i += 1) ring.push(record(String(i)));
  assert.deepEqual(texts(ring.recent(10)), ["7", "8", "9"]);
});

test("beyond its bytes the oldest lines go, but never the newest", () => {
  const bytes = Buffer.byteLength(JSON.stringify(record("x".repeat(100))));
  const ring = new LogRing({ records: 1000, bytes: bytes * 2 });
  for (let i = 0; i < 5; i += 1) ring.push(record(String(i).repeat(100)));
  assert.equal(ring.recent(10).length, 2);
  ring.push(record("y".repeat(bytes * 5)));
  assert.equal(ring.recent(10).length, 1);
  ring.push(record("z"));
  assert.deepEqual(texts(ring.recent(10)), ["z"]);
});

test("who follows is told each line until they end it, also the same function twice", () => {
  const ring = new LogRing();
  const heard: string[] = [];
  const listener = ({ text }: LogRecord) => heard.push(text);
  const end = ring.follow(listener);
  ring.follow(listener);
  ring.push(record("a"));
  end();
  end();
  ring.push(record("b"));
  assert.deepEqual(heard, ["a", "a", "b"]);
});
