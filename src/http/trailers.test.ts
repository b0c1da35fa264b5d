import assert from "node:assert/strict";
import { test } from "node:test";
import { readTrailers } from "./trailers.ts";

test("trailers are passed on as they came", () => {
  const lines = "Grpc-Status: 0\r\nX-Sum:  a b \r\n";
  assert.deepEqual(readTrailers(lines), { kind: "trailers", lines });
  assert.deepEqual(readTrailers(""), { kind: "trailers", lines: "" });
});

test("fields that frame, route, authenticate or control are left out, in any case (RFC 9110 section 6.5.1)", () => {
  const names =
    "Transfer-Encoding|content-LENGTH|Host|Connection|TE|Trailer|Expect|Authorization|Cookie|Set-Cookie|" +
    "Content-Type|Content-Encoding|Content-Range|Upgrade|Location|X-Forwarded-For|x_forwarded_proto|X-Real-IP|" +
    "Forwarded|Client-Cert|client_cert-chain|Keep-Alive|Proxy-Authorization|Cache-Control|Max-Forwards";
  for (const name of names.split("|")) {
    const lines = `A: 1\r\n${name}: x\r\nB: 2\r\n${name}: y\r\n`;
    assert.deepEqual(readTrailers(lines), { kind: "trailers", lines: "A: 1\r\nB: 2\r\n" }, name);
  }
});

test("an underscore hides no forbidden trailer", () => {
  assert.deepEqual(readTrailers("X_Real_IP: 1\r\n"), { kind: "trailers", lines: "" });
});

test("malformed lines are refused", () => {
  assert.deepEqual(readTrailers("A : b\r\n"), { kind: "bad", why: "BAD_HEADER" });
  assert.deepEqual(readTrailers("A: b\r\n c\r\n"), { kind: "bad", why: "BAD_HEADER" });
  assert.deepEqual(readTrailers("A: b\rc\r\n"), { kind: "bad", why: "BAD_LINE_END" });
  const many = Array.from({ length: 101 }, (_, index) => `X-${index}: y\r\n`).join("");
  assert.deepEqual(readTrailers(many), { kind: "bad", why: "HEAD_TOO_LARGE" });
});
