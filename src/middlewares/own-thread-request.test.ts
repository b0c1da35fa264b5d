// What a middleware in a thread does to its copy of a request, and what of that is told.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { SentRequest } from "../own/thread-words.ts";
import { ThreadRequest } from "./own-thread-request.ts";

const sent: SentRequest = {
  method: "GET",
  scheme: "http",
  host: "a.test",
  path: "/a",
  query: "b=c",
  clientIp: "192.0.2.1",
  user: "",
  route: "a.test",
  headers: [
    ["Accept", "text/html"],
    ["X-User", "one"],
    ["X_User", "two"],
    ["accept", "text/plain"],
  ],
};

test("headers are read whatever their case, and changed in all their spellings", () => {
  const { headers, edits } = new ThreadRequest(sent);
  assert.equal(headers.get("ACCEPT"), "text/html, text/plain");
  assert.equal(headers.get("x-none"), undefined);
  headers.set("x-user", "three");
  assert.equal(headers.get("X-User"), "three");
  assert.equal(headers.get("X_User"), undefined);
  headers.add("X-User", "four");
  assert.equal(headers.get("x-user"), "three, four");
  headers.remove("Accept");
  assert.deepEqual(headers.entries(), [
    ["x-user", "three"],
    ["X-User", "four"],
  ]);
  assert.deepEqual(edits, [
    { what: "set", name: "x-user", text: "three" },
    { what: "add", name: "X-User", text: "four" },
    { what: "remove", name: "Accept" },
  ]);
});

test("what no request can have throws, and is not told", () => {
  const request = new ThreadRequest(sent);
  const { headers } = request;
  for (const act of [
    () => headers.set("X-A", "b\r\nX-C: d"),
    () => headers.set("X A", "b"),
    () => headers.add("Content-Length", "5"),
    () => headers.remove("Host"),
    () => (request.path = "a"),
    () => (request.path = "/a?b"),
    () => (request.query = "a b"),
  ]) {
    assert.throws(act, TypeError);
  }
  assert.deepEqual(request.edits, []);
  assert.deepEqual([request.path, request.query], ["/a", "b=c"]);
});

test("a path is what the request will have, and nothing changes one that has gone on", () => {
  const request = new ThreadRequest(sent);
  request.path = "/x/../é";
  request.query = "";
  assert.deepEqual([request.path, request.query], ["/%C3%A9", ""]);
  request.go();
  assert.throws(() => (request.path = "/b"), /gone on/);
  assert.throws(() => request.headers.set("X-A", "b"), /gone on/);
  assert.equal(request.headers.get("x-a"), undefined);
  assert.equal(request.edits.length, 2);
});
