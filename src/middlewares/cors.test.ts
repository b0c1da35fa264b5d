import assert from "node:assert/strict";
import { test } from "node:test";
import {
  answerHeadOf,
  answerOf,
  exchangeOf,
  middlewareOf,
} from "../../test/harness/middleware-trial.ts";
import type { CorsUse } from "../config/middlewares/uses/answer.ts";

const usual: CorsUse = {
  kind: "cors",
  origins: ["https://app.example", "https://*.b.example"],
  patterns: [{ pattern: "^(?:https://pr-\\d+\\.example)$", flags: "" }],
  methods: ["GET", "PUT"],
  headers: ["content-type", "x-a"],
  exposed: ["X-Total"],
  credentials: true,
  maxAge: 60_500,
  privateNetwork: false,
};

function linesFor(use: Partial<CorsUse>, origin: string | undefined, lines = ""): string[] {
  const middleware = middlewareOf({ ...usual, ...use });
  const came = origin === undefined ? "" : `Origin: ${origin}\r\n`;
  const exchange = exchangeOf("/", { lines: came });
  assert.equal(answerOf(middleware, exchange), undefined);
  const answer = answerHeadOf(200, lines);
  middleware.onResponse?.(exchange, answer);
  return answer.fields.serialise().split("\r\n").slice(0, -1);
}

test("an origin that is allowed is told so, and may read what is exposed", () => {
  assert.deepEqual(linesFor({}, "https://app.example"), [
    "Vary: Origin",
    "Access-Control-Allow-Origin: https://app.example",
    "Access-Control-Allow-Credentials: true",
    "Access-Control-Expose-Headers: X-Total",
  ]);
  const open = { origins: ["*"], patterns: [], credentials: false, exposed: [] };
  assert.deepEqual(linesFor(open, "https://anybody.example"), ["Access-Control-Allow-Origin: *"]);
});

test("what the backend says of origins does not count, and Vary is said once", () => {
  const said = "Access-Control-Allow-Origin: *\r\nACCESS-CONTROL-Allow-Methods: DELETE\r\n";
  assert.deepEqual(linesFor({}, "https://evil.example", said), ["Vary: Origin"]);
  assert.deepEqual(linesFor({}, undefined, `${said}vary: accept, ORIGIN\r\n`), [
    "vary: accept, ORIGIN",
  ]);
});

test("who only looks like an allowed origin is not", () => {
  const allowed = (origin: string) =>
    linesFor({}, origin).some((line) => line.startsWith("Access-Control-Allow-Origin"));
  for (const origin of ["https://x.b.example", "https://x.y.b.example", "https://pr-7.example"]) {
    assert.ok(allowed(origin), origin);
  }
  for (const origin of [
    "null",
    "*",
    "",
    "http://app.example",
    "https://app.example:8443",
    "https://app.example.evil",
    "https://app.example/",
    "https://APP.example",
    "https://b.example",
    "https://.b.example",
    "https://evil.example#.b.example",
    "https://evil.example/.b.example",
    "https://evil.example?.b.example",
    "https://evil@x.b.example",
    "https://evil.example:1.b.example",
    "https://x.b.example.evil",
    "https://pr-7.example.evil",
    "https://app.example, https://evil.example",
    "https://app.example https://x.b.example",
    `https://${"a".repeat(5000)}.b.example`,
  ]) {
    assert.ok(!allowed(origin), origin);
  }
  const twice = "https://app.example\r\nOrigin: https://app.example";
  assert.ok(!allowed(twice));
});

test("a hidden origin is not let in by a pattern that fits everything", () => {
  const any = { patterns: [{ pattern: "^(?:.*)$", flags: "" }] };
  assert.deepEqual(linesFor(any, "null"), ["Vary: Origin"]);
});

function preflight(use: Partial<CorsUse>, origin: string, more = "") {
  const lines = `Origin: ${origin}\r\nAccess-Control-Request-Method: PUT\r\n${more}`;
  const exchange = exchangeOf("/", { method: "OPTIONS", lines });
  return answerOf(middlewareOf({ ...usual, ...use }), exchange);
}

test("a preflight is answered", () => {
  const answer = preflight({}, "https://app.example");
  assert.equal(answer?.status, 204);
  assert.deepEqual(Object.fromEntries(answer.fields), {
    "Access-Control-Allow-Origin": "https://app.example",
    "Access-Control-Allow-Methods": "GET, PUT",
    "Access-Control-Max-Age": "60",
    "Access-Control-Allow-Headers": "content-type, x-a",
    "Access-Control-Allow-Credentials": "true",
    Vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network",
  });
  const refused = preflight({}, "https://evil.example");
  assert.equal(refused?.status, 403);
  assert.ok(!refused.fields.some(([name]) => name.startsWith("Access-")));
});

test("headers that are asked for are said back only if they are names", () => {
  const said = (asked: string) =>
    Object.fromEntries(
      preflight(
        { headers: "*" },
        "https://app.example",
        `Access-Control-Request-Headers: ${asked}\r\n`,
      )?.fields ?? [],
    )["Access-Control-Allow-Headers"];
  assert.equal(said("x-a, x-b"), "x-a, x-b");
  assert.equal(said('x-a"; evil'), undefined);
  assert.equal(said("a".repeat(5000)), undefined);
});

test("a private network is opened on wish alone", () => {
  const more = "Access-Control-Request-Private-Network: true\r\n";
  const said = (privateNetwork: boolean) =>
    preflight({ privateNetwork }, "https://app.example", more)?.fields.some(
      ([name]) => name === "Access-Control-Allow-Private-Network",
    );
  assert.equal(said(true), true);
  assert.equal(said(false), false);
});

test("an OPTIONS that is no preflight goes on", () => {
  const middleware = middlewareOf(usual);
  for (const lines of ["", "Origin: https://app.example\r\n"]) {
    assert.equal(answerOf(middleware, exchangeOf("/", { method: "OPTIONS", lines })), undefined);
  }
});
