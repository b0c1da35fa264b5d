import assert from "node:assert/strict";
import { test } from "node:test";
import { CHUNKED } from "../http/framing.ts";
import { ResponseHead } from "../http/response-head.ts";
import { readCgiHead } from "./cgi-head.ts";
import { HeadEnd } from "./head-end.ts";

function read(text: string, isHead = false) {
  const head = new ResponseHead();
  const fault = readCgiHead(head, text, 20, isHead);
  if (fault !== undefined) return `${fault.code}: ${fault.why}`;
  return [head.status, head.reason, head.bodyLength, head.fields.serialise()];
}

const plain = "Content-Type: text/plain\r\n";

test("what a program says is its head", () => {
  assert.deepEqual(read(`${plain}\r\n`), [200, "OK", CHUNKED, plain]);
  assert.deepEqual(read(`${plain}Content-Length: 5\r\n\r\n`).slice(0, 3), [200, "OK", 5]);
  assert.deepEqual(read(`Status: 404 Not Here\r\n${plain}\r\n`), [404, "Not Here", CHUNKED, plain]);
  assert.deepEqual(read(`${plain}sTATUS: 404\r\n\r\n`), [404, "Not Found", CHUNKED, plain]);
  assert.deepEqual(read("Status: 204\r\n\r\n"), [204, "No Content", 0, ""]);
  assert.deepEqual(read(`Status: 304\r\nContent-Length: 9\r\n\r\n`).slice(0, 3), [
    304,
    "Not Modified",
    0,
  ]);
  assert.deepEqual(read(`${plain}Content-Length: 5\r\n\r\n`, true).slice(0, 3), [200, "OK", 0]);
});

test("a location without a status is a redirection", () => {
  for (const where of ["/local", "https://b.test/"]) {
    const line = `Location: ${where}\r\n`;
    assert.deepEqual(read(`${line}\r\n`), [302, "Found", CHUNKED, line]);
    assert.equal(read(`Status: 201\r\n${line}\r\n`)[0], 201);
  }
});

test("lines end in LF or CR LF, and are written with CR LF", () => {
  for (const text of ["A: 1\nB: 2\n\n", "A: 1\r\nB: 2\n\r\n", "A: 1\nB: 2\r\n\n"]) {
    assert.deepEqual(read(text), [200, "OK", CHUNKED, "A: 1\r\nB: 2\r\n"]);
  }
});

test("a status line of its own counts", () => {
  assert.deepEqual(read(`HTTP/1.1 404 Gone Away\r\n${plain}\r\n`), [
    404,
    "Gone Away",
    CHUNKED,
    plain,
  ]);
  assert.deepEqual(read(`HTTP/1.0 200 OK\r\n${plain}\r\n`).slice(0, 3), [200, "OK", CHUNKED]);
  assert.deepEqual(read(`HTTP/1.1 201\r\nStatus: 404\r\n${plain}\r\n`)[0], 201);
  assert.deepEqual(read(`HTTP/1.1 302 Found\nLocation: /a\n\n`)[0], 302);
});

test("what could be read in two ways is refused", () => {
  const cases = [
    "\r\n",
    "\n\n",
    "no colon\r\n\r\n",
    " Folded: a\r\n\r\n",
    `${plain} folded\r\n\r\n`,
    "Name : a\r\n\r\n",
    "A: b\rC: d\r\n\r\n",
    "A: b\0c\r\n\r\n",
    "A: b\x07\r\n\r\n",
    "Status: 200\r\nStatus: 404\r\n\r\n",
    "Status: 20\r\n\r\n",
    "Status: 2000\r\n\r\n",
    "Status: abc\r\n\r\n",
    "Status: 099\r\n\r\n",
    "Status: 100\r\n\r\n",
    "Status: 101 Switching\r\nUpgrade: x\r\n\r\n",
    "Status: +20\r\n\r\n",
    "Status:\r\n\r\n",
    "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
    "HTTP/2 200\r\n\r\n",
    "HTTP/1.1 2x0 OK\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "Transfer-Encoding: gzip\r\n\r\n",
    "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
    "Content-Length: -5\r\n\r\n",
    "Content-Length: 5, 5\r\n\r\n",
    "Content-Length: 0x5\r\n\r\n",
  ];
  for (const text of cases) {
    const told = read(text);
    assert.ok(typeof told === "string" && told.startsWith("BAD_RESPONSE: "), JSON.stringify(text));
  }
  assert.match(String(read(`${"A: b\r\n".repeat(21)}\r\n`)), /^RESPONSE_HEAD_TOO_LARGE/);
});

test("a head ends where its first empty line does, in pieces of any size", () => {
  for (const end of ["\r\n\r\n", "\n\n", "\n\r\n", "\r\n\n"]) {
    const head = `A: ${"a".repeat(5000)}\r\nB: 2${end}`;
    const bytes = Buffer.from(`${head}\n\nbody`, "latin1");
    for (const size of [1, 2, 3, 7, 4095, 4096, 4097, bytes.length]) {
      const found = new HeadEnd();
      let start = -1;
      for (let at = 0; at < bytes.length && start < 0; at += size) {
        start = found.find(bytes, at, Math.min(bytes.length, at + size));
      }
      assert.equal(start, head.length, `${JSON.stringify(end)} by ${size}`);
      assert.equal(found.text, head);
    }
  }
});
