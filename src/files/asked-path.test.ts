import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeAsked, encodeFound, encodeName, readable } from "./asked-path.ts";

test("a path is decoded once, to the bytes of a name", () => {
  assert.equal(decodeAsked("/a%20b/c"), "/a b/c");
  assert.equal(decodeAsked("/%C3%A4"), "/\u00c3\u00a4");
  assert.equal(decodeAsked("/%252e%252e/x"), "/%2e%2e/x");
  assert.equal(decodeAsked("/a%25"), "/a%");
  assert.equal(decodeAsked("/"), "/");
  assert.equal(decodeAsked("//a//"), "//a//");
});

test("what could mean two things names nothing", () => {
  const paths = [
    "",
    "*",
    "a",
    "/a%2Fb",
    "/a%2fb",
    "/a%5Cb",
    "/a\\b",
    "/a%00",
    "/a%00.jpg",
    "/a%0A",
    "/a%0d%0a",
    "/a%7F",
    "/a%",
    "/a%2",
    "/a%zz",
    "/..",
    "/../a",
    "/a/../b",
    "/a/.",
    "/%2E%2E/a",
    "/%2e",
    "/%C0%AE%C0%AE/", // overlong dots
    "/%C0%AF",
    "/%ED%A0%80", // half of a pair
    "/%FF",
    "/\u00e4", // no UTF-8 by itself
    "/\u0100",
    `/${"a".repeat(256)}`,
    `/${"%C3%A4".repeat(128)}`,
    `/${"a/".repeat(2048)}`,
  ];
  for (const path of paths) assert.equal(decodeAsked(path), undefined, JSON.stringify(path));
  assert.equal(decodeAsked(`/${"a".repeat(255)}`), `/${"a".repeat(255)}`);
  assert.equal(decodeAsked("/..."), "/...");
  assert.equal(decodeAsked("/.a/..b/c.."), "/.a/..b/c..");
});

test("what is encoded is decoded to the same", () => {
  const name = " !\"#$%&'()*+,:;<=>?@[]^`{|}~ä€𝄞";
  const bytes = Buffer.from(name).latin1Slice();
  assert.equal(decodeAsked(`/${encodeName(bytes)}`), `/${bytes}`);
  assert.match(encodeName(bytes), /^[\w.~%-]+$/);
  assert.equal(encodeFound(`/a b/${bytes}/`), `/a%20b/${encodeName(bytes)}/`);
  assert.equal(encodeName("a:b"), "a%3Ab", "no scheme of a URL");
});

test("names are shown as the text they are, as far as they are one", () => {
  assert.equal(readable("\u00c3\u00a4"), "ä");
  assert.equal(readable("a\u00ff"), "a\ufffd");
});
