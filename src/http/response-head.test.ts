import assert from "node:assert/strict";
import { test } from "node:test";
import { CHUNKED, UNTIL_CLOSE } from "./framing.ts";
import { ResponseHead } from "./response-head.ts";

function read(lines: readonly string[], isHead = false): ResponseHead {
  const head = new ResponseHead();
  const text = `${lines.join("\r\n")}\r\n\r\n`;
  assert.equal(head.read(text, 0, text.length, 100, isHead), undefined, JSON.stringify(text));
  return head;
}

function faultOf(lines: readonly string[], maxCount = 100): string | undefined {
  const text = `${lines.join("\r\n")}\r\n\r\n`;
  return new ResponseHead().read(text, 0, text.length, maxCount, false);
}

test("a status line gives version, status and reason", () => {
  const cases = [
    ["HTTP/1.1 200 OK", 1, 200, "OK"],
    ["HTTP/1.0 404 Not Found", 0, 404, "Not Found"],
    ["HTTP/1.1 200 ", 1, 200, ""],
    ["HTTP/1.1 200", 1, 200, ""],
    ["HTTP/1.1 599 \xc3\xa9\t!", 1, 599, "\xc3\xa9\t!"],
    ["HTTP/1.1 999 x  y", 1, 999, "x  y"],
  ] as const;
  for (const [line, minor, status, reason] of cases) {
    const head = read([line]);
    assert.deepEqual([head.minor, head.status, head.reason], [minor, status, reason], line);
  }
});

test("what is no status line is refused", () => {
  const lines = [
    "HTTP/1.2 200 OK",
    "HTTP/2.0 200 OK",
    "http/1.1 200 OK",
    "HTTP/1.1  200 OK",
    "HTTP/1.1\t200 OK",
    "HTTP/1.1 20 OK",
    "HTTP/1.1 2000 OK",
    "HTTP/1.1 099 OK",
    "HTTP/1.1 000 OK",
    "HTTP/1.1 -20 OK",
    "HTTP/1.1 2x0 OK",
    "HTTP/1.1 200-OK",
    "HTTP/1.1 200 O\x00K",
    "HTTP/1.1 200 O\x7fK",
    "HTTP/1.1 200 O\rK",
    "HTTP/1.1 200 O\nK",
    " HTTP/1.1 200 OK",
    "HTTP/1.1",
    "HTTP/1.1 ",
    "HTTP/1.1 2",
    "",
  ];
  for (const line of lines)
    assert.equal(faultOf([line, "A: 200 b"]), "BAD_RESPONSE", JSON.stringify(line));
});

test("a status line that goes on in the next line is refused", () => {
  assert.equal(faultOf(["HTTP/1.1 20", "0 OK: x"]), "BAD_RESPONSE");
});

test("fields are as strict as a request's, and their number has its own name", () => {
  assert.equal(faultOf(["HTTP/1.1 200 OK", "A : b"]), "BAD_RESPONSE");
  assert.equal(faultOf(["HTTP/1.1 200 OK", "A: b", " c"]), "BAD_RESPONSE");
  assert.equal(faultOf(["HTTP/1.1 200 OK", "A: b\nC: d"]), "BAD_RESPONSE");
  assert.equal(faultOf(["HTTP/1.1 200 OK", "A: 1", "B: 2"], 1), "RESPONSE_HEAD_TOO_LARGE");
  assert.equal(
    faultOf(["HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 1"]),
    "BAD_RESPONSE",
  );
});

test("the end of the body is decided with the head", () => {
  assert.equal(read(["HTTP/1.1 200 OK"]).bodyLength, UNTIL_CLOSE);
  assert.equal(read(["HTTP/1.1 200 OK", "Content-Length: 3"]).bodyLength, 3);
  assert.equal(read(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"]).bodyLength, CHUNKED);
  assert.equal(read(["HTTP/1.1 200 OK", "Content-Length: 3"], true).bodyLength, 0);
  assert.equal(read(["HTTP/1.1 304 Not Modified", "Content-Length: 3"]).bodyLength, 0);
});

test("the connection can carry another answer when version and options say so", () => {
  const cases = [
    ["HTTP/1.1 200 OK", "X: y", true],
    ["HTTP/1.0 200 OK", "X: y", false],
    ["HTTP/1.0 200 OK", "Connection: Keep-Alive", true],
    ["HTTP/1.1 200 OK", "Connection: close", false],
    ["HTTP/1.1 200 OK", "Connection: keep-alive, Close", false],
    ["HTTP/1.1 200 OK", "Connection: upgrade", true],
  ] as const;
  for (const [line, field, isKept] of cases) {
    assert.equal(read([line, field]).isPersistent, isKept, `${line} ${field}`);
  }
});
