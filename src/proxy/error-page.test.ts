// Error pages: which kind a client gets, that nothing it sent comes back as markup, and the operator's
// own pages from a real folder.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { errorPage, loadErrorPages, type ErrorPages } from "./error-page.ts";

const folder = mkdtempSync(join(tmpdir(), "tidegate-pages-"));
after(() => rmSync(folder, { recursive: true }));

function page(accept: string | undefined, pages?: ErrorPages, host = "a.test") {
  return errorPage(404, "No route is configured.", accept, { pages, host, code: "NO_ROUTE" });
}

const kinds: readonly [accept: string | undefined, contentType: string][] = [
  [undefined, "text/plain"],
  ["", "text/plain"],
  ["*/*", "text/plain"],
  ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"],
  ["application/json", "application/problem+json"],
  ["application/json, text/html;q=0.5", "application/problem+json"],
  ["application/json;q=0.4, text/html;q=0.5", "text/html"],
  ["TEXT/HTML", "text/html"],
  ["text/html;q=0", "text/plain"],
  ["text/html;q=nonsense", "text/plain"],
  ["image/png", "text/plain"],
  ["text/plain, text/html", "text/plain"],
];

for (const [accept, contentType] of kinds) {
  test(`Accept: ${accept ?? "(absent)"} gets ${contentType}`, () => {
    assert.equal(page(accept).contentType.split(";")[0], contentType);
  });
}

test("the page for a missing route names the host that was asked for and how to add it", () => {
  const { body } = page("text/html");
  assert.match(body, /You asked for <code>a\.test<\/code>/);
  assert.match(body, /"a\.test": http:\/\/127\.0\.0\.1:3000/);
  assert.match(page("*/*").body, /You asked for the host "a\.test"/);
});

test("other failures do not speak of hosts", () => {
  const options = { pages: undefined, host: "a.test", code: "CONNECT_REFUSED" };
  assert.doesNotMatch(errorPage(502, "Refused.", "text/html", options).body, /a\.test/);
});

test("a host with markup comes back as text", () => {
  const host = `<script>alert("1")</script>'&`;
  const { body } = page("text/html", undefined, host);
  assert.doesNotMatch(body, /<script/);
  assert.match(body, /&#60;script&#62;/);
  const json = JSON.parse(page("application/json", undefined, host).body);
  assert.ok(json.detail.includes("script"));
});

test("the JSON page says status, code, title and detail", () => {
  assert.deepEqual(JSON.parse(page("application/json").body), {
    status: 404,
    code: "NO_ROUTE",
    title: "Not Found",
    detail: 'No route is configured. You asked for the host "a.test".',
  });
});

test("the built-in page loads nothing from elsewhere", () => {
  assert.doesNotMatch(page("text/html").body, /<link|<script|src=|url\(|@import/);
});

test("an operator's own page goes before the default one, and both before ours", () => {
  const own = join(folder, "own");
  mkdirSync(own);
  writeFileSync(join(folder, "elsewhere.html"), "p { color: red } {status} {host} {code} {text}");
  symlinkSync(join(folder, "elsewhere.html"), join(own, "error_404.html"));
  writeFileSync(join(own, "error_default.html"), "default {status}");
  writeFileSync(join(own, "notes.txt"), "not a page");
  const { pages, problems } = loadErrorPages(own);
  assert.deepEqual(problems, []);
  const { body } = page("text/html", pages, "<b>");
  assert.equal(body, "p { color: red } 404 &#60;b&#62; NO_ROUTE No route is configured.");
  const other = errorPage(502, "x", "text/html", { pages, host: "", code: "CONNECT_REFUSED" });
  assert.equal(other.body, "default 502");
  assert.equal(page("*/*", pages).contentType, "text/plain; charset=utf-8");
});

test("a placeholder inside a host is not replaced again", () => {
  const pages = { byStatus: new Map([[404, "{host}"]]), fallback: undefined };
  assert.equal(page("text/html", pages, "{code}$&").body, "{code}$&#38;");
});

test("a missing folder, an empty one, a page too large and a page that is a folder are problems", () => {
  const gone = loadErrorPages(join(folder, "gone"));
  assert.match(gone.problems.join(), /no such file or directory.*gone/);
  const bad = join(folder, "bad");
  mkdirSync(join(bad, "error_500.html"), { recursive: true });
  writeFileSync(join(bad, "error_404.html"), "x".repeat(1024 * 1024 + 1));
  const { pages, problems } = loadErrorPages(bad);
  assert.equal(pages.byStatus.size, 0);
  assert.match(
    problems.toSorted().join("\n"),
    /error_404\.html is larger than 1 MiB\n.*error_500\.html is not a file/,
  );
  mkdirSync(join(folder, "empty"));
  assert.match(loadErrorPages(join(folder, "empty")).problems.join(), /has no error_/);
});
