import assert from "node:assert/strict";
import { test } from "node:test";
import { Copy } from "./recorder-copy.ts";

test("a body is copied up to its limit, in pieces of any size, and counted whole", () => {
  for (const size of [1, 7, 1000, 5000]) {
    const copy = new Copy(3000);
    const buffer = Buffer.alloc(size);
    for (let passed = 0; passed < 10_000; passed += size) {
      // As the buffer of a connection, which the next read overwrites.
      buffer.forEach((_, at) => (buffer[at] = (passed + at) % 251));
      copy.add(buffer, 0, size);
    }
    assert.equal(copy.total, Math.ceil(10_000 / size) * size);
    assert.deepEqual(copy.bytes, Buffer.from(Array.from({ length: 3000 }, (_, at) => at % 251)));
  }
  const none = new Copy(0);
  none.add(Buffer.from("abc"), 0, 3);
  assert.deepEqual([none.total, none.bytes.length], [3, 0]);
});
