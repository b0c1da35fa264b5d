// What a middleware of somebody's own warns of, as the log can write it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { warningOf } from "./own-fault.ts";

test("whatever it warns of is text, and short", () => {
  assert.deepEqual(warningOf("a", { b: "c" }), ["a", { b: "c" }]);
  assert.deepEqual(warningOf(5n, { at: 10n, none: undefined }), [
    "5",
    { at: "10", none: "undefined" },
  ]);
  for (const fields of [undefined, null, 5])
    assert.deepEqual(warningOf({}, fields), ["[object Object]", {}]);
  const [message, fields] = warningOf(
    "x".repeat(1e6),
    Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`f${at}`, "x".repeat(1e5)])),
  );
  assert.ok(JSON.stringify([message, fields]).length < 25_000);
});
