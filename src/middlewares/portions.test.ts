import assert from "node:assert/strict";
import { test } from "node:test";
import { Bucket, Buckets, Clock, type Flow } from "./portions.ts";

const flow = (portion: number, told: string[] = [], name = ""): Flow => ({
  portion,
  goOn: () => void told.push(name),
});

test("a bucket that is overdrawn makes everybody wait until it has filled", () => {
  const bucket = new Bucket(1_000_000, new Clock());
  assert.equal(bucket.isEmpty, false);
  bucket.spend(2_000_000);
  assert.equal(bucket.isEmpty, true);
  const told: string[] = [];
  bucket.wait(flow(1, told, "a"));
  assert.equal(bucket.turn(), true);
  assert.deepEqual(told, []);
});

test("those who waited longest go on first, and no more than there is for", () => {
  const bucket = new Bucket(1000, new Clock());
  const told: string[] = [];
  for (const name of ["a", "b", "c"]) bucket.wait(flow(60, told, name));
  // There are 100.
  assert.equal(bucket.turn(), true);
  assert.deepEqual(told, ["a", "b"]);
});

test("who leaves is not called", () => {
  const bucket = new Bucket(1000, new Clock());
  const told: string[] = [];
  const first = flow(1, told, "a");
  bucket.join();
  bucket.wait(first);
  bucket.leave(first);
  assert.equal(bucket.turn(), false);
  assert.deepEqual(told, []);
});

test("those with the same key share, and what is whole is forgotten unless it is in use", () => {
  const buckets = new Buckets(1_000_000, new Clock());
  const used = buckets.of("used");
  used.join();
  assert.equal(buckets.of("used"), used);
  assert.notEqual(buckets.of(undefined), buckets.of(undefined));
  for (let n = 0; n < 1000; n++) buckets.of(`key ${n}`);
  assert.ok(buckets.size < 10, String(buckets.size));
  assert.equal(buckets.of("used"), used);
});

test("buckets that are not whole are bounded", () => {
  const buckets = new Buckets(1024, new Clock());
  for (let n = 0; n < 120_000; n++) buckets.of(`key ${n}`).spend(1e9);
  assert.ok(buckets.size <= 100_001, String(buckets.size));
});
