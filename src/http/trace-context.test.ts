import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTraceparent } from "./trace-context.ts";

const id = "0af7651916cd43dd8448eb211c80319c";
const parent = "b7ad6b7169203331";
const came = `00-${id}-${parent}-01`;

test("only what the standard allows is a trace", () => {
  for (const [value, expected] of [
    [came, { id, parent, flags: "01" }],
    [`00-${id}-${parent}-ff`, { id, parent, flags: "03" }],
    [`cc-${id}-${parent}-00-what-the-future-brings`, { id, parent, flags: "00" }],
    [`cc-${id}-${parent}-00.what`, undefined],
    [`00-${id}-${parent}-01-more`, undefined],
    [`ff-${id}-${parent}-01`, undefined],
    [`00-${id.toUpperCase()}-${parent}-01`, undefined],
    [`00-${"0".repeat(32)}-${parent}-01`, undefined],
    [`00-${id}-${"0".repeat(16)}-01`, undefined],
    [`00-${id}-${parent}-1`, undefined],
    [`${came}, ${came}`, undefined],
    [`00-${id}-${parent}`, undefined],
    ["", undefined],
    [undefined, undefined],
  ] as const) {
    assert.deepEqual(parseTraceparent(value), expected, value ?? "none");
  }
});
