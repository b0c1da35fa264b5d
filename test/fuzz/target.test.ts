import assert from "node:assert/strict";
import { readTarget, type Target } from "../../src/http/target.ts";
import { isUnder, normalisePath } from "../../src/lib/path.ts";
import { fuzz } from "./fuzz.ts";

function read(target: string): Target | undefined {
  const into = { path: "", rawPath: "", query: "", hasQuery: false, authority: "" };
  return readTarget(target, "GET", into) ? into : undefined;
}

fuzz({
  name: "target",
  words:
    "/|//|/.|/..|/../|/./|.|..|%2e|%2E|%2f|%5c|%00|%25|%|%c3%a9|?|#|;|\\|*|http://a.test|@|:|[::1]| |~".split(
      "|",
    ),
  check(input) {
    const target = read(input);
    if (target === undefined) return false;
    const { path, rawPath, query } = target;
    for (const each of [path, rawPath, query])
      assert.match(each, /^[\x21-\x7e]*$/, "it breaks a line");
    assert.doesNotMatch(path, /\/\.\.?(?:\/|$)|\/\/|[?#\\]/, `path ${path}`);
    assert.doesNotMatch(rawPath, /\/(?:\.|%2e){1,2}(?:\/|$)|[?#\\]/i, `raw path ${rawPath}`);
    assert.equal(normalisePath(path)?.path, path, "normalising twice changes it again");
    assert.equal(
      normalisePath(rawPath)?.path,
      path,
      "the backend is asked for another path than was matched",
    );
    const again = read(`${rawPath}${target.hasQuery ? `?${query}` : ""}`);
    assert.deepEqual({ ...again, authority: "" }, { ...target, authority: "" });
    // Every folder above a path covers it, and no longer name of that folder does.
    const parent = path.slice(0, Math.max(1, path.lastIndexOf("/")));
    assert.ok(isUnder(path, parent));
    assert.ok(!isUnder(path, `${parent}x`) || path.startsWith(`${parent}x`));
    return true;
  },
});
