import assert from "node:assert/strict";
import { test } from "node:test";
import { isUnder, normalisePath } from "./path.ts";

test("a path has one form, whatever way it was written", () => {
  const cases = [
    ["/", "/", "/"],
    ["/a/b", "/a/b", "/a/b"],
    ["/a/", "/a/", "/a/"],
    ["//a", "/a", "//a"],
    ["/a///b", "/a/b", "/a///b"],
    ["/a/.", "/a/", "/a/"],
    ["/a/./b", "/a/b", "/a/b"],
    ["/a/b/..", "/a/", "/a/"],
    ["/a/b/../c", "/a/c", "/a/c"],
    ["/a/..", "/", "/"],
    ["/.", "/", "/"],
    ["/...", "/...", "/..."],
    ["/.a/..b", "/.a/..b", "/.a/..b"],
    ["/%7euser", "/~user", "/%7euser"],
    ["/%41%2D", "/A-", "/%41%2D"],
    ["/%c3%a9", "/%C3%A9", "/%c3%a9"],
    ["/a%2fb", "/a%2Fb", "/a%2fb"],
    ["/a/%2e%2e/b", "/b", "/b"],
    ["/a/.%2e/%62", "/b", "/%62"],
    ["/%252e", "/%252e", "/%252e"],
    ["/a%2f..%2fb", "/a%2F..%2Fb", "/a%2f..%2fb"],
  ] as const;
  for (const [path, normal, raw] of cases) {
    assert.deepEqual(normalisePath(path), { path: normal, raw }, path);
  }
});

test("what can be read in two ways is no path", () => {
  for (const path of ["/..", "/../a", "/a/../../b", "/%", "/a%2", "/%g1", "/%00", "/a/%2e./.."]) {
    assert.equal(normalisePath(path), undefined, path);
  }
});

// A backend may or may not merge slashes. Whichever it does, ".." must not leave what we matched.
test("a .. behind an empty segment leads to one place only, or is refused", () => {
  for (const path of ["/admin//../x", "/a//../b", "//..", "/a//..//b", "/admin//../../x"]) {
    const normal = normalisePath(path);
    if (normal === undefined) continue;
    const merged = normalisePath(normal.raw);
    assert.equal(merged?.path, normal.path, `${path} becomes ${normal.raw}`);
    assert.ok(!/\/\.\.?(\/|$)/.test(normal.raw), normal.raw);
  }
});

test("a prefix covers itself and what is below it, on a segment boundary", () => {
  const cases = [
    ["/api", "/api", true],
    ["/api/", "/api", true],
    ["/api/x", "/api", true],
    ["/apix", "/api", false],
    ["/ap", "/api", false],
    ["/api", "/api/", false],
    ["/api/x", "/api/", true],
    ["/x", "/", true],
    ["/API", "/api", false],
    ["/api%2Fx", "/api", false],
  ] as const;
  for (const [path, prefix, isCovered] of cases) {
    assert.equal(isUnder(path, prefix), isCovered, `${path} under ${prefix}`);
  }
});
