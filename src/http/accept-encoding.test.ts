import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptedOf } from "./accept-encoding.ts";

const all = ["br", "zstd", "gzip"] as const;

test("a client gets what it takes, the best first", () => {
  assert.deepEqual(acceptedOf("gzip, deflate, br, zstd", all), ["br", "zstd", "gzip"]);
  assert.deepEqual(acceptedOf("gzip", all), ["gzip"]);
  assert.deepEqual(acceptedOf("GZIP", all), ["gzip"]);
  assert.deepEqual(acceptedOf("x-gzip", all), ["gzip"]);
  assert.deepEqual(acceptedOf("br;q=0.5, gzip;q=0.8", all), ["gzip", "br"]);
  assert.deepEqual(acceptedOf("*", all), ["br", "zstd", "gzip"]);
  assert.deepEqual(acceptedOf("*;q=0.5, br;q=0, gzip", all), ["gzip", "zstd"]);
});

test("what it does not take, or likes less than the plain file, it does not get", () => {
  for (const field of [undefined, "", "identity", "deflate", "br;q=0, *;q=0", "br;q=0.000"]) {
    assert.deepEqual(acceptedOf(field, all), [], field);
  }
  assert.deepEqual(acceptedOf("br;q=0.5, identity", all), []);
  assert.deepEqual(acceptedOf("br;q=x, gzip;q=1.5", all), []);
  assert.deepEqual(acceptedOf("br", []), []);
});
