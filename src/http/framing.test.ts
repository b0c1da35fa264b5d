import assert from "node:assert/strict";
import { test } from "node:test";
import { Fields } from "./fields.ts";
import { bodyOfRequest, bodyOfResponse, CHUNKED, UNTIL_CLOSE } from "./framing.ts";

function fieldsOf(lines: readonly string[]): Fields {
  const fields = new Fields();
  const text = lines.map((line) => `${line}\r\n`).join("");
  assert.equal(fields.read(text, 0, text.length, 100), undefined);
  return fields;
}

function request(lines: readonly string[], minor = 1): number | string {
  const head = { fields: fieldsOf(lines), minor, bodyLength: Number.NaN };
  return bodyOfRequest(head) ?? head.bodyLength;
}

test("the length of a request's body follows RFC 9112 section 6.3", () => {
  assert.equal(request([]), 0);
  assert.equal(request(["Content-Length: 0"]), 0);
  assert.equal(request(["Content-Length: 007"]), 7);
  assert.equal(request(["content-length:\t999999999999999 "]), 999_999_999_999_999);
  assert.equal(request(["Transfer-Encoding: chunked"]), CHUNKED);
  assert.equal(request(["transfer-encoding:  CHUNKED\t"]), CHUNKED);
});

test("a length that two parsers could read differently is refused", () => {
  const values = "|+1|-1|1 2|1,1|1, 1|0x10|1e3|1.0|1;a|\xb2|1000000000000000|18446744073709551617";
  for (const value of values.split("|")) {
    assert.equal(request([`Content-Length: ${value}`]), "BAD_LENGTH", value);
    assert.equal(
      bodyOfResponse(fieldsOf([`Content-Length: ${value}`]), 200, 1, false),
      "BAD_RESPONSE",
    );
  }
  assert.equal(request(["Content-Length: 5", "Content-Length: 5"]), "BAD_LENGTH");
  assert.equal(request(["Content-Length: 5", "Content-Length: 6"]), "BAD_LENGTH");
});

test("any transfer coding but exactly chunked is refused, and so is a length beside it", () => {
  const values =
    "|identity|gzip|gzip, chunked|chunked, chunked|chunked,|,chunked|xchunked|chunked;q=1";
  for (const value of values.split("|")) {
    assert.equal(request([`Transfer-Encoding: ${value}`]), "BAD_TRANSFER_ENCODING", value);
    const answer = fieldsOf([`Transfer-Encoding: ${value}`]);
    assert.equal(bodyOfResponse(answer, 200, 1, false), "BAD_RESPONSE", value);
  }
  const chunked = "Transfer-Encoding: chunked";
  assert.equal(request([chunked, chunked]), "BAD_TRANSFER_ENCODING");
  assert.equal(request([chunked, "Content-Length: 5"]), "BAD_TRANSFER_ENCODING");
  assert.equal(request(["Content-Length: 0", chunked]), "BAD_TRANSFER_ENCODING");
  assert.equal(request([chunked], 0), "BAD_TRANSFER_ENCODING");
});

test("an answer's body has the length its fields say, else it ends with the connection", () => {
  const length = (lines: readonly string[], minor = 1) =>
    bodyOfResponse(fieldsOf(lines), 200, minor, false);
  assert.equal(length(["Content-Length: 5"]), 5);
  assert.equal(length(["Transfer-Encoding: chunked"]), CHUNKED);
  assert.equal(length([]), UNTIL_CLOSE);
  assert.equal(length([], 0), UNTIL_CLOSE);
  assert.equal(length(["Content-Length: 5", "Content-Length: 5"]), "BAD_RESPONSE");
  assert.equal(length(["Content-Length: 5", "Transfer-Encoding: chunked"]), "BAD_RESPONSE");
  assert.equal(length(["Transfer-Encoding: chunked"], 0), "BAD_RESPONSE");
});

test("answers to HEAD, and 1xx, 204 and 304, have no body whatever they say", () => {
  const framings = [["Content-Length: 5"], ["Transfer-Encoding: chunked"], []];
  for (const lines of framings) {
    assert.equal(bodyOfResponse(fieldsOf(lines), 200, 1, true), 0);
    for (const status of [100, 103, 199, 204, 304]) {
      assert.equal(bodyOfResponse(fieldsOf(lines), status, 1, false), 0, `${status} ${lines[0]}`);
    }
  }
});
