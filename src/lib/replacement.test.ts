import assert from "node:assert/strict";
import { test } from "node:test";
import { javaScriptReplacement } from "./replacement.ts";

test("replacements of Go become those of JavaScript", () => {
  const cases = [
    ["https://$1/$2", "https://www./x/y"],
    ["https://${1}/${2}", "https://www./x/y"],
    ["${1}0", "www.0"],
    ["$$1", "$1"],
    ["${host}!$<host>", "www.!www."],
    ["$0!${0}!$&", "www./x/y!www./x/y!www./x/y"],
    ["b$`c$'d$", "b$`c$'d$"],
    ["$x ${ ${1", "$x ${ ${1"],
    ["", ""],
  ] as const;
  for (const [text, expected] of cases) {
    const made = "www./x/y".replace(/^(?<host>www\.)\/(.*)$/, javaScriptReplacement(text));
    assert.equal(made, expected, text);
    const once = javaScriptReplacement(text);
    assert.equal(javaScriptReplacement(once), once, text);
  }
});
