// The notation of the pages and the tests' own message reader: if these read wrongly, the wire cases
// would prove nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readMessage, type ReadOptions } from "../harness/message.ts";
import { expand, readPage } from "./case.ts";
import { mutate, random } from "./random.ts";

test("a line of a block ends with CR LF, a continued one does not", () => {
  assert.equal(expand("GET / HTTP/1.1\nHost: a\n"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal(expand("a\n\nhello\\"), "a\r\n\r\nhello");
  assert.equal(expand("a\\\nb"), "ab\r\n");
  assert.equal(expand("a\\\\"), "a\\\r\n");
});

test("escapes are bytes", () => {
  assert.equal(expand("\\r\\n\\t\\0\\xff\\\\\\{ab*3}\\"), "\r\n\t\0\xff\\ababab");
  assert.throws(() => expand("\\q", "x.md:1"), /x\.md:1: unknown escape/);
  assert.throws(() => expand("\u00e9", "x.md:1"), /x\.md:1: write bytes above/);
});

const page = (...blocks: readonly string[]) => `# T\n\n## One\n\nWhy.\n\n${blocks.join("\n")}\n`;
const block = (info: string, text: string) => `\`\`\`${info}\n${text}\n\`\`\``;

test("a refusal without an upstream block means that nothing may be forwarded", () => {
  const [first] = readPage(
    "x.md",
    page(
      block("request", "x"),
      block("response", "status 400|505 BAD_HOST or BAD_VERSION, closed"),
    ),
  );
  assert.deepEqual(first?.upstream, { kind: "nothing" });
  assert.deepEqual(first?.log, [{ codes: ["BAD_HOST", "BAD_VERSION"], statuses: [400, 505] }]);
});

test("a word nobody knows is an error, not an omission", () => {
  const request = block("request", "x");
  const pages = [
    page(request, block("respnse", "status 200")),
    page(request, block("response", "stat 200")),
    page(request, block("response", "status 400 BAD_HOTS, closed")),
    page(request, block("answer slowly", "x"), block("response", "status 200")),
    page(request),
    page(request, "```response\nstatus 200\n"),
  ];
  for (const each of pages) assert.throws(() => readPage("x.md", each), /x\.md:\d+: /, each);
});

const request: ReadOptions = { kind: "request" };
const response: ReadOptions = { kind: "response" };
const head = "POST / HTTP/1.1\r\nHost: a\r\n";
const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n`;

test("the reader finds the end of a message", () => {
  const rows: readonly (readonly [string, ReadOptions, string, number])[] = [
    [`${head}\r\nrest`, request, "", 4],
    [`${head}Content-Length: 2\r\n\r\nokrest`, request, "ok", 4],
    [`${chunked}2\r\nok\r\n0\r\nX: 1\r\n\r\nrest`, request, "ok", 4],
    ["HTTP/1.1 204 No\r\n\r\nrest", response, "", 4],
    ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nrest", { ...response, method: "HEAD" }, "", 4],
    ["HTTP/1.1 200 OK\r\n\r\nrest", { ...response, ended: true }, "rest", 0],
  ];
  for (const [text, options, body, rest] of rows) {
    const reading = readMessage(text, options);
    assert.equal(reading.kind, "message", text);
    assert.equal(reading.kind === "message" && reading.message.body, body, text);
    assert.equal(reading.kind === "message" && text.length - reading.message.size, rest, text);
  }
});

test("the reader waits for what is missing and refuses what is wrong", () => {
  const incomplete = [head, `${head}Content-Length: 2\r\n\r\no`, `${chunked}2\r\nok\r\n0\r\n`];
  for (const text of incomplete) assert.equal(readMessage(text, request).kind, "more", text);
  const bad = [
    "GET /a b HTTP/1.1\r\n\r\n",
    `${head}X : 1\r\n\r\n`,
    `${head}X: 1\nY: 2\r\n\r\n`,
    `${head}X: 1\r\n 2\r\n\r\n`,
    `${head}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok`,
    `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${chunked}2;a\r\nok\r\n0\r\n\r\n`,
    `${chunked}2\r\nokXX0\r\n\r\n`,
  ];
  for (const text of bad) assert.equal(readMessage(text, request).kind, "bad", text);
  assert.equal(readMessage("HTTP/1.1 200 OK\r\n\r\nrest", response).kind, "more");
});

test("a seed repeats its mutations", () => {
  const run = (seed: number) => {
    const source = random(seed);
    return Array.from({ length: 50 }, () => mutate(head, source));
  };
  assert.deepEqual(run(7), run(7));
  assert.notDeepEqual(run(7), run(8));
});
