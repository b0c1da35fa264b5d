import assert from "node:assert/strict";
import { decodeAsked, encodeFound } from "../../src/files/asked-path.ts";
import { patternOf } from "../../src/files/patterns.ts";
import { looksLikeScript, scriptOf } from "../../src/gateway/script-path.ts";
import { readTarget } from "../../src/http/target.ts";
import { fuzz } from "./fuzz.ts";

const extensions = [".php"];
const hidden = patternOf(".*");

fuzz({
  name: "file-path",
  words:
    "/|//|/.|/..|/../|.php|.PHP|.php.|.phtml|.inc|.jpg|~|.bak|::$DATA|;|%20|%2e|%252e|%2f|%5c|%00|%2500|%25|%|%c3%a9|%c0%ae|%e2%80%8b|%ef%bd%90|%0a|%7f|.git|.|..|...|index".split(
      "|",
    ),
  check(input) {
    const into = { path: "", rawPath: "", query: "", hasQuery: false, authority: "" };
    if (!readTarget(input, "GET", into)) return false;
    const path = decodeAsked(into.path);
    if (path === undefined) return false;
    assert.ok(path.startsWith("/"));
    // A name that is cut, or another path elsewhere. Bytes from 128 on are parts of characters.
    assert.ok(
      !Buffer.from(path, "latin1").some((byte) => byte < 32 || byte === 127 || byte === 92),
    );
    for (const name of path.split("/")) {
      assert.ok(name !== "." && name !== ".." && name.length <= 255, name);
    }
    assert.ok(Buffer.from(path, "latin1").toString("utf8").length <= path.length);
    // What is handed on is read as the same again.
    const again = { ...into };
    assert.ok(readTarget(encodeFound(path), "GET", again));
    assert.equal(decodeAsked(again.path), path);

    const script = scriptOf(path, extensions);
    if (script !== undefined) {
      assert.equal(script.script + script.pathInfo, path);
      assert.ok(script.script.endsWith(".php") && /^(?:\/|$)/.test(script.pathInfo));
      assert.ok(looksLikeScript(path, extensions), "it is run, and could be read");
    }
    // However somebody else folds it, what is read holds no source.
    const folded = Buffer.from(path, "latin1").toString().normalize("NFKC").toLowerCase();
    if (/\.php(?:[^a-z0-9]|$)/.test(folded)) assert.ok(looksLikeScript(path, extensions));
    for (const name of path.split("/")) assert.equal(hidden.fits(name), name.startsWith("."));
    return true;
  },
});
