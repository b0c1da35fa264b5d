import assert from "node:assert/strict";
import { test } from "node:test";
import {
  answerHeadOf,
  exchangeOf,
  middlewareOf,
  verdictOf,
} from "../../test/harness/middleware-trial.ts";

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function idOf(lines: string, { trust = true, isPeerTrusted = true } = {}): string {
  const middleware = middlewareOf({ kind: "requestId", header: "X-Request-Id", trust });
  const exchange = exchangeOf("/", { lines, origin: { isPeerTrusted } });
  assert.equal(verdictOf(middleware, exchange), undefined);
  const id = exchange.request.fields.passedOn("x-request-id") ?? "";
  assert.equal(exchange.requestId, id);
  assert.ok(!exchange.request.fields.serialise().includes("_"));
  const answer = answerHeadOf(200, "x-request-id: the backend's\r\n");
  middleware.onResponse?.(exchange, answer);
  assert.equal(answer.fields.serialise(), `X-Request-Id: ${id}\r\n`);
  return id;
}

test("each request has an id of its own, which the client sees, too", () => {
  assert.match(idOf(""), uuid);
  assert.notEqual(idOf(""), idOf(""));
});

test("that of a trusted proxy is kept, if it can harm no log", () => {
  assert.equal(idOf("x-request-id: a.b:c/1=\r\n"), "a.b:c/1=");
  const mine = "X-Request-Id: mine\r\n";
  assert.match(idOf(mine, { trust: false }), uuid);
  assert.match(idOf(mine, { isPeerTrusted: false }), uuid);
  assert.match(idOf(`${mine}${mine}`), uuid);
  assert.match(idOf(`X-Request-Id: ${"a".repeat(129)}\r\n`), uuid);
  assert.match(idOf('X-Request-Id: a"b\r\n'), uuid);
  assert.match(idOf("X_Request_Id: mine\r\n"), uuid);
});
