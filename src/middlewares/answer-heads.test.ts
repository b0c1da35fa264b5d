// Of those that only change the head of an answer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { answerHeadOf, exchangeOf, middlewareOf } from "../../test/harness/middleware-trial.ts";
import type { ContentTypeUse, SecurityHeadersUse } from "../config/middlewares/uses/answer.ts";

type Use = ContentTypeUse | SecurityHeadersUse;

function after(use: Use, lines: string, { target = "/", status = 200, isOurs = false } = {}) {
  const answer = answerHeadOf(status, lines, isOurs);
  middlewareOf(use).onResponse?.(exchangeOf(target), answer);
  return answer.fields.serialise().split("\r\n").slice(0, -1);
}

const careful: SecurityHeadersUse = {
  kind: "securityHeaders",
  fields: [
    ["X-Content-Type-Options", "nosniff"],
    ["X-Frame-Options", "DENY"],
  ],
  remove: ["server"],
  override: false,
};

test("what the backend says itself is left alone, unless that is not wanted", () => {
  const lines = "SERVER: x\r\nx-frame-options: SAMEORIGIN\r\n";
  assert.deepEqual(after(careful, lines), [
    "x-frame-options: SAMEORIGIN",
    "X-Content-Type-Options: nosniff",
  ]);
  assert.deepEqual(after({ ...careful, override: true }, lines), [
    "X-Content-Type-Options: nosniff",
    "X-Frame-Options: DENY",
  ]);
});

test("what a middleware behind it added counts as said", () => {
  const answer = answerHeadOf(200);
  answer.fields.add("X-Frame-Options", "SAMEORIGIN");
  middlewareOf(careful).onResponse?.(exchangeOf("/"), answer);
  assert.equal(
    answer.fields.serialise(),
    "X-Frame-Options: SAMEORIGIN\r\nX-Content-Type-Options: nosniff\r\n",
  );
});

const typing: ContentTypeUse = {
  kind: "contentType",
  types: { foo: "text/x-foo" },
  fallback: "",
  charset: "utf-8",
  nosniff: false,
};

test("a type is guessed where there is none, and texts get a charset", () => {
  const html = ["Content-Type: text/html; charset=utf-8"];
  assert.deepEqual(after(typing, "", { target: "/a.HTML?b.png" }), html);
  assert.deepEqual(after(typing, "content-type: text/html\r\n"), html);
  assert.deepEqual(after(typing, "", { target: "/a.foo" }), [
    "Content-Type: text/x-foo; charset=utf-8",
  ]);
  assert.deepEqual(after(typing, "", { target: "/a.png" }), ["Content-Type: image/png"]);
  for (const kept of ["text/html; Charset=koi8-r", "image/png", "text/html,text/plain"]) {
    assert.deepEqual(after(typing, `Content-Type: ${kept}\r\n`), [`Content-Type: ${kept}`]);
  }
});

test("of what nobody knows, and of what went wrong, nothing is said", () => {
  assert.deepEqual(after(typing, "", { target: "/a" }), []);
  assert.deepEqual(after(typing, "", { target: "/a.__proto__" }), []);
  assert.deepEqual(after(typing, "", { target: "/a.html", status: 404 }), []);
  assert.deepEqual(after(typing, "", { target: "/a.html", status: 204 }), []);
  assert.deepEqual(after(typing, "", { target: "/a.html", isOurs: true }), []);
  const whole = { ...typing, fallback: "application/x-a", nosniff: true };
  assert.deepEqual(after(whole, "", { target: "/a" }), [
    "Content-Type: application/x-a",
    "X-Content-Type-Options: nosniff",
  ]);
});
