import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { exchangeOf } from "../../test/harness/middleware-trial.ts";
import type { ExchangeTimeouts } from "../config/snapshot.ts";
import { Wheel } from "../lib/wheel.ts";
import { GrpcCall } from "./grpc-call.ts";
import { CHUNKED } from "./framing.ts";
import { ResponseHead } from "./response-head.ts";

const timeouts: ExchangeTimeouts = {
  body: 1,
  connect: 2,
  response: 3,
  responseBody: 4,
  tunnel: 5,
};

function begun(lines: string, method = "POST", isFit = true) {
  const wheel = new Wheel(10);
  const exchange = exchangeOf("/a.B/C", { method, lines });
  let late = 0;
  GrpcCall.begin(exchange, timeouts, { wheel, isFit, onLate: () => late++ });
  return { exchange, wheel, late: () => late };
}

const grpc = "Content-Type: application/grpc\r\n";

test("only a POST of that type is a call, and has other times", () => {
  assert.equal(begun(grpc, "GET").exchange.call, null);
  assert.equal(begun("Content-Type: text/plain\r\n").exchange.call, null);
  assert.equal(begun("").exchange.call, null);
  const { exchange, wheel } = begun(grpc);
  const usual = { connect: 2, response: 5, responseBody: 5, body: 5, tunnel: 5 };
  assert.deepEqual(exchange.call?.timeouts, usual);
  assert.equal(exchange.bodyTimeout, 5);
  assert.equal(wheel.size, 0);
  // No backend of its route could be asked as calls are.
  const unfit = begun(`${grpc}grpc-timeout: 1m\r\n`, "POST", false);
  assert.deepEqual(unfit.exchange.call?.timeouts, timeouts);
  assert.equal(unfit.exchange.bodyTimeout, timeouts.body);
  assert.equal(unfit.wheel.size, 1);
  unfit.exchange.call.close();
});

test("a deadline is armed, tells of itself once, and leaves nothing behind", async () => {
  const usual = begun(`${grpc}grpc-timeout: 5m\r\n`);
  assert.equal(usual.exchange.call?.timeouts.response, 0);
  usual.exchange.call.close();
  // Years are no reason to wait longer than without one.
  const long = begun(`${grpc}grpc-timeout: 99999999H\r\n`);
  assert.equal(long.exchange.call?.timeouts.response, timeouts.tunnel);
  assert.equal(long.wheel.size, 1);
  long.exchange.call.close();
  assert.equal(long.wheel.size, 0);
  const short = begun(`${grpc}grpc-timeout: 1m\r\n`);
  await pause(100);
  assert.equal(short.late(), 1);
  assert.equal(short.wheel.size, 0);
  short.exchange.call?.close();
  const closed = begun(`${grpc}grpc-timeout: 20m\r\n`);
  closed.exchange.call?.close();
  await pause(100);
  assert.equal(closed.late(), 0);
});

function answered(lines: string, minor = 1) {
  const { exchange } = begun(grpc);
  exchange.request.minor = minor;
  const head = new ResponseHead();
  const text = `HTTP/1.1 200 OK\r\n${lines}\r\n`;
  assert.equal(head.read(text, 0, text.length, 99, false), undefined);
  if (!lines.includes("Content-Length")) head.bodyLength = CHUNKED;
  exchange.call?.answered(exchange, head);
  return { exchange, isOpenEnded: exchange.call?.isOpenEnded };
}

test("an answer of messages can be ended anywhere, any other cannot", () => {
  assert.equal(answered(grpc).isOpenEnded, true);
  assert.equal(answered("Content-Type: application/grpc-web\r\n").isOpenEnded, false);
  assert.equal(answered("Content-Type: text/html\r\n").isOpenEnded, false);
  assert.equal(answered(`${grpc}Content-Length: 9\r\n`).isOpenEnded, false);
  assert.equal(answered(grpc, 0).isOpenEnded, false);
});

test("its status stands in the head or among the trailers", () => {
  const alone = answered(`${grpc}grpc-status: 5\r\nContent-Length: 0\r\n`);
  alone.exchange.call?.ended(alone.exchange, "");
  assert.equal(alone.exchange.grpcStatus, 5);
  const { exchange } = answered(grpc);
  assert.equal(exchange.grpcStatus, -1);
  exchange.call?.ended(exchange, "grpc-status: 0\r\n");
  assert.deepEqual([exchange.grpcStatus, exchange.call?.isOpenEnded], [0, false]);
});
