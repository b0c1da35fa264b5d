import assert from "node:assert/strict";
import { test } from "node:test";
import { readTarget, type Target } from "./target.ts";

function read(target: string, method = "GET"): Target | undefined {
  const into = { path: "old", rawPath: "old", query: "old", hasQuery: true, authority: "old" };
  return readTarget(target, method, into) ? into : undefined;
}

test("an origin-form target is a path and perhaps a query", () => {
  const none = { query: "", hasQuery: false, authority: "" };
  assert.deepEqual(read("/"), { path: "/", rawPath: "/", ...none });
  assert.deepEqual(read("/a/b.c"), { path: "/a/b.c", rawPath: "/a/b.c", ...none });
  const asked = { hasQuery: true, authority: "" };
  assert.deepEqual(read("/a?"), { path: "/a", rawPath: "/a", query: "", ...asked });
  assert.deepEqual(read("/?/../x?y"), { path: "/", rawPath: "/", query: "/../x?y", ...asked });
});

test("an absolute-form target names its authority", () => {
  const none = { query: "", hasQuery: false };
  const at = { authority: "a.example:81" };
  assert.deepEqual(read("http://a.example:81/x"), { path: "/x", rawPath: "/x", ...none, ...at });
  assert.deepEqual(read("HTTPS://a.example:81"), { path: "/", rawPath: "/", ...none, ...at });
  assert.deepEqual(read("http://a.example:81?q"), {
    path: "/",
    rawPath: "/",
    query: "q",
    hasQuery: true,
    ...at,
  });
});

test("the asterisk is for OPTIONS only", () => {
  assert.equal(read("*", "OPTIONS")?.path, "*");
  assert.equal(read("*", "OPTIONS")?.authority, "");
  assert.equal(read("http://a.example", "OPTIONS")?.path, "*");
  assert.equal(read("*", "GET"), undefined);
});

test("other forms and schemes are refused", () => {
  const targets =
    "|a|a/b|a.example:443|ftp://a/|http:/a|http:///a|//|http://u@a/|http://|?|?a=/|/a#b|#|**|*/";
  for (const target of targets.split("|")) {
    if (target === "//") continue;
    assert.equal(read(target), undefined, target);
  }
});

test("only what RFC 3986 lets stand in a path or query gets through, browsers' habits aside", () => {
  for (let code = 0; code < 256; code++) {
    const character = String.fromCharCode(code);
    if (character === "%" || character === "?") continue;
    const isPath = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/[\]^`{|}]$/.test(character);
    const isQuery = isPath || character === "\\";
    assert.equal(read(`/a${character}b`) !== undefined, isPath, `path ${code}`);
    assert.equal(read(`/a?b${character}c`) !== undefined, isQuery, `query ${code}`);
  }
  assert.equal(read("/a?b?c")?.query, "b?c");
  assert.equal(read("/a?b%zz")?.query, "b%zz");
  assert.equal(read("/\u0161"), undefined);
});

test("dot segments are resolved for us and for the backend alike, encodings for us", () => {
  const cases = [
    ["/a/../b", "/b", "/b"],
    ["/a/%2e%2E/b", "/b", "/b"],
    ["/a/./b/", "/a/b/", "/a/b/"],
    ["/a//b", "/a/b", "/a//b"],
    ["/%61", "/a", "/%61"],
    ["/a%2fb", "/a%2Fb", "/a%2fb"],
    ["http://h/a/../b", "/b", "/b"],
  ] as const;
  for (const [target, path, rawPath] of cases) {
    const got = read(target);
    assert.deepEqual([got?.path, got?.rawPath], [path, rawPath], target);
  }
  for (const target of ["/..", "/a/../..", "/%2e%2e/", "/%", "/%4", "/%zz", "/%00"]) {
    assert.equal(read(target), undefined, target);
  }
});
