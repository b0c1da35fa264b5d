import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, plainJson, plainLines } from "./plain.ts";

test("what a terminal would obey is shown instead", () => {
  assert.equal(plain("a\u001b[2Jb\nc\u009bd\u007f"), "a\\x1b[2Jb\\x0ac\\x9bd\\x7f");
  assert.equal(plain("abc\u202egnp.exe\u2066"), "abc\\u202egnp.exe\\u2066");
  assert.equal(plain("half \ud83d, whole 🙂, ü 人"), "half \\ud83d, whole 🙂, ü 人");
  assert.equal(plainLines("a\n\u001bb"), "a\n\\x1bb");
});

test("JSON that is made harmless is the same JSON", () => {
  const value = { "\u202ename": ["\u001b[31m", "\u009b", "\u007f", "\n", "\ud800", "ü"] };
  const text = plainJson(JSON.stringify(value, null, 2));
  assert.deepEqual(JSON.parse(text), value);
  assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\u202e]/u);
});
