import assert from "node:assert/strict";
import { test } from "node:test";
import { mediaType } from "./media-types.ts";

test("the ending of a name says what it is, and texts say in which charset", () => {
  assert.equal(mediaType("/a.html", {}, "utf-8"), "text/html; charset=utf-8");
  assert.equal(mediaType("/a.HTML", {}, "utf-8"), "text/html; charset=utf-8");
  assert.equal(mediaType("/a.b.js", {}, "utf-8"), "text/javascript; charset=utf-8");
  assert.equal(mediaType("/a.png", {}, "utf-8"), "image/png");
  assert.equal(mediaType("/a.json", {}, "utf-8"), "application/json");
  assert.equal(mediaType("/a.svg", {}, "utf-8"), "image/svg+xml");
  assert.equal(mediaType("/a.txt", {}, ""), "text/plain");
  assert.equal(mediaType("/a.tar.gz", {}, "utf-8"), "application/gzip");
});

test("what nobody knows is saved, and not guessed", () => {
  for (const name of ["/a", "/a.", "/a.unknown", "/a.constructor", "/__proto__", "/a.__proto__"]) {
    assert.equal(mediaType(name, {}, "utf-8"), "application/octet-stream", name);
  }
});

test("types of the configuration come first", () => {
  const own = {
    html: "application/xhtml+xml",
    foo: "text/x-foo",
    bar: "text/x-bar; charset=koi8-r",
  };
  assert.equal(mediaType("/a.html", own, "utf-8"), "application/xhtml+xml");
  assert.equal(mediaType("/a.foo", own, "utf-8"), "text/x-foo; charset=utf-8");
  assert.equal(mediaType("/a.bar", own, "utf-8"), "text/x-bar; charset=koi8-r");
});
