import assert from "node:assert/strict";
import { test } from "node:test";
import { noteLines, translated } from "../../../test/harness/translated.ts";
import { hstsText } from "../../config/hsts.ts";

function sent(value: string) {
  const found = translated([{ name: "web", env: { VIRTUAL_HOST: "a.test", HSTS: value } }]);
  const hsts = found.discovery.routes[0]?.item.hsts;
  const notes = noteLines(found).filter((each) => each.includes("HSTS"));
  return { text: hsts === undefined ? "" : hstsText(hsts), notes: notes.length };
}

test("HSTS of nginx-proxy is sent as it was, as far as browsers take it", () => {
  const table: readonly (readonly [value: string, text: string, notes: number])[] = [
    ["off", "", 0],
    ["max-age=300", "max-age=300", 0],
    ["max-age=0", "max-age=0", 0],
    [
      "max-age=31536000; includeSubDomains; preload",
      "max-age=31536000; includeSubDomains; preload",
      0,
    ],
    ["max-age=300; preload", "max-age=300", 1],
    ["max-age=999999999999", "max-age=315360000", 0],
    ["max-age=1\r\nX: y", "", 1],
    ["yes", "", 1],
  ];
  for (const [value, text, notes] of table) assert.deepEqual(sent(value), { text, notes }, value);
});
