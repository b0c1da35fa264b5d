import assert from "node:assert/strict";
import { test } from "node:test";
import { below, isWithin, Names } from "./names.ts";

const names = new Names({
  hidden: [".*", "*.bak", "private"],
  shown: [".well-known"],
  cacheControl: [
    { pattern: "/assets/*", value: "max-age=31536000, immutable" },
    { pattern: "*.html", value: "no-cache" },
    { pattern: "*.woff2", value: "" },
    { pattern: "*", value: "max-age=60" },
  ],
});

test("a path with a hidden name anywhere in it is hidden", () => {
  for (const path of ["/.git", "/.git/config", "/a/.env", "/x.bak", "/X.BAK/y", "/Private/a"]) {
    assert.ok(names.isHidden(path), path);
  }
  for (const path of ["/", "/a", "/a./b", "/privately", "/.well-known/acme", "/a//b"]) {
    assert.ok(!names.isHidden(path), path);
  }
  assert.ok(names.isHidden("/.well-known/.git"));
});

test("nothing is hidden where nothing is said to be", () => {
  assert.ok(!new Names({ hidden: [], shown: [], cacheControl: [] }).isHidden("/.git"));
});

test("the first pattern that fits says what caches are told", () => {
  assert.equal(names.cacheControl("/assets/a/b.html"), "max-age=31536000, immutable");
  assert.equal(names.cacheControl("/a/b.html"), "no-cache");
  assert.equal(names.cacheControl("/a.woff2"), "", "and an empty one says nothing");
  assert.equal(names.cacheControl("/a"), "max-age=60");
});

test("below is by whole names", () => {
  assert.equal(below("/var/www/a", "/var/www"), "/a");
  assert.equal(below("/var/www", "/var/www"), "");
  assert.equal(below("/var/wwwx/a", "/var/www"), undefined);
  assert.equal(below("/a", "/"), "/a");
});

test("a folder in which nothing is run is meant however it is written", () => {
  assert.ok(isWithin("/Uploads/x.php", ["/uploads"]));
  assert.ok(isWithin("/uploads", ["/uploads"]));
  assert.ok(!isWithin("/uploadsx/x.php", ["/uploads"]));
  assert.ok(!isWithin("/uploads/x", []));
});
