import assert from "node:assert/strict";
import { test } from "node:test";
import { formatSize, parseSize } from "./size.ts";

test("sizes are read to the byte", () => {
  const cases = [
    ["0", 0],
    ["4096", 4096],
    ["1k", 1024],
    ["64KiB", 65_536],
    ["10MB", 10_000_000],
    ["1.5 GiB", 1_610_612_736],
    ["1m", 1_048_576],
  ] as const;
  for (const [text, bytes] of cases) {
    assert.deepEqual(parseSize(text), { kind: "bytes", bytes }, text);
  }
});

test("what is no size is refused", () => {
  for (const text of ["", "-1", "k", "1x", "1KiBs", "99999999TiB", "1e3"]) {
    assert.equal(parseSize(text).kind, "bad", text);
  }
});

test("sizes are written the shortest way that reads back", () => {
  for (const bytes of [0, 1, 1000, 1024, 65_536, 1_048_576]) {
    assert.deepEqual(parseSize(formatSize(bytes)), { kind: "bytes", bytes });
  }
  assert.equal(formatSize(65_536), "64KiB");
});
