import assert from "node:assert/strict";
import { test } from "node:test";
import { looksLikeScript, scriptOf } from "./script-path.ts";

const php = [".php"];

test("the first segment that ends like a program is the script, and what follows is told to it", () => {
  assert.deepEqual(scriptOf("/index.php", php), { script: "/index.php", pathInfo: "" });
  assert.deepEqual(scriptOf("/a/b.php/c/d.php", php), { script: "/a/b.php", pathInfo: "/c/d.php" });
  assert.deepEqual(scriptOf("/a.php/", php), { script: "/a.php", pathInfo: "/" });
  assert.deepEqual(scriptOf("/a.jpg/b.php", php), { script: "/a.jpg/b.php", pathInfo: "" });
  assert.deepEqual(scriptOf("/x.cgi", [".php", ".cgi"]), { script: "/x.cgi", pathInfo: "" });
});

test("what is not written exactly so, or is nothing but an ending, is no script", () => {
  for (const path of ["/", "/a", "/a.PHP", "/a.php.", "/a.php ", "/a.php5", "/.php", "/php", ""]) {
    assert.equal(scriptOf(path, php), undefined, path);
  }
  assert.equal(scriptOf("/index.php", []), undefined);
  assert.equal(scriptOf("/index.php", [""]), undefined);
});

test("whatever could be taken for a program looks like one", () => {
  const paths = [
    "/a.php",
    "/a.PHP",
    "/a.pHp",
    "/a.php.",
    "/a.php...",
    "/a.php ",
    "/a.php . .",
    "/a.php/",
    "/a.php//",
    "/a.php/b",
    "/a.php\0",
    "/a.php\0.jpg",
    "/a.php%00.jpg",
    "/a.php::$DATA",
    "/a.php:stream",
    "/a.php;x",
    "/a.php;.jpg",
    "/a.php\\b",
    "/a.php\n",
    "/a.php~",
    "/a.php.bak",
    "/a.php.jpg",
    "/a.php_old",
    "/#a.php#",
    "/.a.php.swp",
    "/a.php5",
    "/a.php7",
    "/a.phtml",
    "/a.PHAR",
    "/a.phps",
    "/a.inc",
    "/.php",
    "/a.php/b.jpg",
    "/a.ph\u00e2\u0080\u008bp", // a zero-width space, as bytes of UTF-8 in latin1
    "/a.php\u00e2\u0080\u008bx",
    "/a.\u00ef\u00bd\u0090hp", // a p of full width
  ];
  for (const path of paths) assert.ok(looksLikeScript(path, php), JSON.stringify(path));
  assert.ok(looksLikeScript("/x.CGI", [".cgi"]));
  assert.ok(looksLikeScript("/a.Php", [".PHP"]));
});

test("what only resembles a program may be read", () => {
  for (const path of [
    "/",
    "/a.phpx",
    "/php",
    "/a.html",
    "/aphp",
    "/a.phpunit",
    "/a.incl",
    "/ä.css",
  ]) {
    assert.ok(!looksLikeScript(path, php), path);
  }
  assert.ok(!looksLikeScript("/index.php", []));
  assert.ok(!looksLikeScript("/index.php", [""]));
  assert.ok(!looksLikeScript("/xcgi", [".cgi"]), "the dot is a dot");
});

test("each path that is a script looks like one", () => {
  const segments = ["a", "b.php", ".php", "c.PHP", "d.php.", "e.jpg", ""];
  for (const one of segments) {
    for (const two of segments) {
      for (const three of segments) {
        const path = `/${one}/${two}/${three}`;
        if (scriptOf(path, php) !== undefined) assert.ok(looksLikeScript(path, php), path);
      }
    }
  }
});

test("a long path is looked at in linear time", () => {
  const path = `/${".ph.php5".repeat(200_000)}x`;
  const begin = performance.now();
  looksLikeScript(path, php);
  assert.ok(performance.now() - begin < 1000);
});
