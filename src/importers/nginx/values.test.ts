import assert from "node:assert/strict";
import { test } from "node:test";
import { patternOf, pathRewrite, redirectTarget, timeOf, urlRewrite } from "./values.ts";

test("times of nginx: a number alone means seconds, units add up, nothing is longer than ours", () => {
  const table: readonly (readonly [string, string | undefined])[] = [
    ["300", "5m"],
    ["75s", "75s"],
    ["250ms", "250ms"],
    ["1h 30m", "90m"],
    ["1d", "1d"],
    ["1w", "7d"],
    ["1y", "24d"],
    ["0", "0"],
    ["", undefined],
    ["5x", undefined],
    ["$time", undefined],
  ];
  for (const [text, expected] of table) assert.equal(timeOf(text), expected, text);
});

test("a rewrite within the proxy replaces the whole path, as nginx does", () => {
  const rewritten = (regex: string, to: string, path: string) => {
    const made = pathRewrite(regex, to);
    return made === undefined
      ? undefined
      : path.replace(new RegExp(made.pattern), made.replacement);
  };
  assert.equal(rewritten("^/seafhttp(.*)$", "$1", "/seafhttp/x"), "/x");
  assert.equal(rewritten("^/a/", "/b/", "/a/c/d"), "/b/");
  assert.equal(rewritten("deep(er)?", "/found/$1", "/any/deeper/x"), "/found/er");
  assert.equal(rewritten("^/x", "/y", "/z"), "/z");
  // A query cannot be put there, and names of variables are not known.
  assert.equal(pathRewrite("^/a", "/b?c=d"), undefined);
  assert.equal(pathRewrite("^/a", "/$host"), undefined);
  assert.equal(pathRewrite("^/a|^/b", "/c"), undefined);
});

test("a redirect by rewrite looks at the path alone, and keeps the query unless told not to", () => {
  const redirected = (regex: string, to: string, url: string) => {
    const made = urlRewrite(regex, to);
    return made === undefined ? undefined : url.replace(new RegExp(made.pattern), made.replacement);
  };
  const url = "http://a.test:8080/blog/x/y?z=1";
  assert.equal(redirected("^/blog/(.*)$", "/new/$1", url), "http://a.test:8080/new/x/y?z=1");
  assert.equal(redirected("^/blog/(.*)$", "/new/$1?", url), "http://a.test:8080/new/x/y");
  assert.equal(redirected("^/blog/([^/]+)", "https://b.test/$1", url), "https://b.test/x?z=1");
  assert.equal(redirected("^", "https://$host$1", url), undefined);
  assert.equal(redirected("z=1", "/never", url), url);
  assert.equal(redirected("^/blog/.*", "/old?from=blog", url), undefined);
});

test("variables of redirects that have a placeholder are known, others are not", () => {
  assert.equal(redirectTarget("https://$host$request_uri", ""), "https://{host}{uri}");
  assert.equal(redirectTarget("${scheme}://b$uri$is_args$args", ""), "{scheme}://b{uri}");
  assert.equal(redirectTarget("https://$server_name/", "a.test"), "https://a.test/");
  assert.equal(redirectTarget("https://$remote_addr/", ""), undefined);
  assert.equal(redirectTarget("/{x}", ""), undefined);
});

test("patterns of PCRE are said in JavaScript's words", () => {
  assert.equal(patternOf("^(?P<name>x)\\z", false), "^(?<name>x)$");
  assert.equal(patternOf("\\.php$", true), "(?i)\\.php$");
});
