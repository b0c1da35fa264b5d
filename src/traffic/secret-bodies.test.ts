import assert from "node:assert/strict";
import { test } from "node:test";
import { shownBody } from "./secret-bodies.ts";
import { noNames } from "./secrets.ts";

const shown = (type: string, text: string, coding = "") =>
  shownBody(
    Buffer.from(text),
    [
      ["content-type", type],
      ["Content-Encoding", coding],
    ],
    noNames,
  ).toString();

test("passwords in forms and JSON are left out, also where the body was cut, and the rest stays", () => {
  const json = "application/json; charset=utf-8";
  const cases = [
    ["application/x-www-form-urlencoded", "user=ä&password=1", "user=ä&password=(not shown)"],
    [json, '{"user":"ä","password" : "1\\"2"}', '{"user":"ä","password" : "(not shown)"}'],
    [json, '{"n":1,"accessToken":"cut', '{"n":1,"accessToken":"(not shown)"'],
    [json, '{"token":"cut\\', '{"token":"(not shown)"'],
    ["application/problem+json", '{"pin":1234,"code":404}', '{"pin":"(not shown)","code":404}'],
    [json, '{"token":{"password":"x","a":1}}', '{"token":{"password":"(not shown)","a":1}}'],
    ["", ' {"token":"1"}', ' {"token":"(not shown)"}'],
    ["text/plain", "password=1", "password=1"],
  ] as const;
  for (const [type, text, expected] of cases) assert.equal(shown(type, text), expected);
  assert.equal(shown(json, '{"token":"1"}', "gzip"), '{"token":"1"}');
});

test("a body of any bytes stays what it is", () => {
  const bytes = Buffer.from(Array.from({ length: 512 }, (_, at) => at % 256));
  assert.equal(shownBody(bytes, [["Content-Type", "application/json"]], noNames), bytes);
});

test("a long text without an end is looked through in time", () => {
  const text = `{"token":"${"\\\\a".repeat(300_000)}`;
  assert.equal(shown("application/json", text), '{"token":"(not shown)"');
});
