import assert from "node:assert/strict";
import { test } from "node:test";
import { equalsIgnoringCase, hexValue, isToken, isTokenCharacter, listHas } from "./characters.ts";

// RFC 9110 section 5.6.2: tchar, written out independently of the table under test.
const isTchar = (code: number): boolean =>
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]$/.test(String.fromCharCode(code));

test("the token table is RFC 9110's, for each of the 256 characters", () => {
  for (let code = 0; code < 256; code++) {
    assert.equal(isTokenCharacter[code] === 1, isTchar(code), `character ${code}`);
  }
});

test("a token has at least one character, and none beyond latin1", () => {
  assert.equal(isToken("GET", 0, 3), true);
  assert.equal(isToken("a GET b", 2, 5), true);
  assert.equal(isToken("GET", 1, 1), false);
  assert.equal(isToken("G T", 0, 3), false);
  // U+0147 has the low byte of "G": a table looked up by it alone would take it.
  assert.equal(isToken("\u0147ET", 0, 3), false);
});

test("hexadecimal digits have their values and nothing else has one", () => {
  for (let code = 0; code < 256; code++) {
    const digit = String.fromCharCode(code);
    const value = /^[0-9a-fA-F]$/.test(digit) ? Number.parseInt(digit, 16) : 255;
    assert.equal(hexValue[code], value, JSON.stringify(digit));
  }
});

test("case is ignored for letters only", () => {
  assert.equal(equalsIgnoringCase("x: CHUNKED", 3, "chunked"), true);
  assert.equal(equalsIgnoringCase("chunkeD", 0, "chunked"), true);
  // 0x0d is "m" without bit 6, "@" is "`" without bit 5: neither is another case of anything.
  assert.equal(equalsIgnoringCase("@", 0, "`"), false);
  assert.equal(equalsIgnoringCase("\x0d", 0, "m"), false);
  assert.equal(equalsIgnoringCase("chunk", 0, "chunked"), false);
});

test("a list names a token whole, in any case, with any space around it", () => {
  assert.equal(listHas("close", "close"), true);
  assert.equal(listHas("Keep-Alive,\t CLOSE ", "close"), true);
  assert.equal(listHas(", ,close", "close"), true);
  assert.equal(listHas("closed, not-close", "close"), false);
  assert.equal(listHas("", "close"), false);
});
