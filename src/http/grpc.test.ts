import assert from "node:assert/strict";
import { test } from "node:test";
import {
  contentTypeIn,
  grpcFormOf,
  grpcMessage,
  grpcStatusOf,
  grpcTimeoutOf,
  statusIn,
  statusLines,
  trailersBody,
  trailersFrame,
} from "./grpc.ts";

test("what is a call is told by its content type, whatever its messages are", () => {
  const cases = [
    ["application/grpc", "grpc"],
    ["application/grpc+proto", "grpc"],
    ["Application/gRPC+JSON; charset=utf-8", "grpc"],
    ["application/grpc-web", "web"],
    ["application/grpc-web+proto", "web"],
    ["application/grpc-web-text", "text"],
    ["application/grpc-web-text+thrift ;x=y", "text"],
    ["application/grpcx", undefined],
    ["application/grpc-websocket", undefined],
    ["application/json", undefined],
    ["text/plain; application/grpc", undefined],
    ["", undefined],
    [undefined, undefined],
  ] as const;
  for (const [type, form] of cases) assert.equal(grpcFormOf(type), form, type);
});

test("the format of messages stays when the form changes", () => {
  assert.equal(contentTypeIn("grpc", "application/grpc-web-text+proto"), "application/grpc+proto");
  assert.equal(contentTypeIn("grpc", "application/grpc-web; x=y"), "application/grpc");
  assert.equal(contentTypeIn("web", "application/grpc+json"), "application/grpc-web+json");
  assert.equal(contentTypeIn("text", "application/grpc"), "application/grpc-web-text");
});

test("times to wait have eight digits at most and one of six units", () => {
  const cases = [
    ["1H", 3_600_000],
    ["2M", 120_000],
    ["99999999S", 99_999_999_000],
    ["250m", 250],
    ["1500u", 2],
    ["1n", 1],
    ["0S", 1],
    ["123456789S", 0],
    ["1s", 0],
    ["-1S", 0],
    ["1.5S", 0],
    ["S", 0],
    ["", 0],
    [undefined, 0],
  ] as const;
  for (const [value, ms] of cases) assert.equal(grpcTimeoutOf(value), ms, value);
});

test("messages are percent-encoded UTF-8", () => {
  assert.equal(grpcMessage("a b~100%"), "a b~100%25");
  assert.equal(grpcMessage("müde\r\n\u0000€\x7F"), "m%C3%BCde%0D%0A%00%E2%82%AC%7F");
  assert.equal(statusLines(5, "x\r\ny"), "grpc-status: 5\r\ngrpc-message: x%0D%0Ay\r\n");
});

test("each status of HTTP has its counterpart, and what is none is unknown", () => {
  const pairs = [
    [400, 13],
    [401, 16],
    [403, 7],
    [404, 12],
    [413, 8],
    [429, 14],
    [502, 14],
    [503, 14],
    [504, 4],
    [418, 2],
  ] as const;
  for (const [http, grpc] of pairs) assert.equal(grpcStatusOf(http), grpc, String(http));
});

test("a status is found among trailers, and only as a line of its own", () => {
  assert.equal(statusIn("Grpc-Status:  0 \r\ngrpc-message: x\r\n"), 0);
  assert.equal(statusIn("x-y: 1\r\ngrpc-status: 14\r\n"), 14);
  assert.equal(statusIn("x-grpc-status: 3\r\n"), -1);
  assert.equal(statusIn("grpc-status: x\r\n"), -1);
  assert.equal(statusIn(""), -1);
});

test("trailers of gRPC-Web are a frame: flags, length, lines with names in lower case", () => {
  const frame = trailersFrame("Grpc-Status: 0\r\nX-Time: A:B\r\n");
  assert.deepEqual([...frame.subarray(0, 5)], [0x80, 0, 0, 0, frame.length - 5]);
  assert.equal(frame.latin1Slice(5), "grpc-status: 0\r\nx-time: A:B\r\n");
  assert.deepEqual(
    Buffer.from(trailersBody("text", "a: b\r\n").toString(), "base64"),
    trailersFrame("a: b\r\n"),
  );
});
