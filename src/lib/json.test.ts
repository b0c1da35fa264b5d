import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonTrouble } from "./json.ts";

test("what is no JSON is told of without a word of it", () => {
  for (const text of [
    "MIIEsecret",
    '{"key": MIIEsecret}',
    '{"a": "MIIEsecret\n"}',
    '"MIIEsecret',
  ]) {
    try {
      JSON.parse(text);
      assert.fail("it is JSON");
    } catch (error) {
      const told = jsonTrouble(error);
      assert.match(told, /^(Unexpected token 'M'|Bad control character|Unterminated string)/);
      assert.ok(!told.includes("MIIE"), told);
    }
  }
  assert.equal(jsonTrouble("nothing"), "");
});
