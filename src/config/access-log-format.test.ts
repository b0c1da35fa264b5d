// Checks of the access log's template language.

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFormat, parseFormat } from "./access-log-format.ts";

test("combined, json and templates of known variables are right", () => {
  for (const format of ["combined", "json", "$status", "[${time_iso8601}] $request_time!"]) {
    assert.equal(checkFormat(format), undefined, format);
  }
});

test("a misspelt variable is named, with the nearest known one", () => {
  assert.equal(
    checkFormat("$remote_addr $stauts"),
    "unknown access log variable $stauts, did you mean $status?",
  );
  assert.equal(checkFormat("$zzzzzzzz"), "unknown access log variable $zzzzzzzz");
});

test("a lonely $, a line end and a text without variables are refused", () => {
  assert.match(checkFormat("$status 5 $") ?? "", /followed by a variable/);
  assert.match(checkFormat("$status\n$host") ?? "", /line ends/);
  assert.match(checkFormat("combinde") ?? "", /combined, json, hipache, or/);
});

test("a template is split into text and variables", () => {
  assert.deepEqual(parseFormat("a${host}b$status"), {
    kind: "template",
    parts: [
      { kind: "text", text: "a" },
      { kind: "variable", name: "host" },
      { kind: "text", text: "b" },
      { kind: "variable", name: "status" },
    ],
  });
});
