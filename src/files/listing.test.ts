import assert from "node:assert/strict";
import { test } from "node:test";
import type { ListedEntry } from "../guest/finding.ts";
import { listingPage } from "./listing.ts";

const entry = (name: string, size = 1, kind: ListedEntry["kind"] = "file", modifiedAt = 0) => ({
  name: Buffer.from(name).latin1Slice(),
  kind,
  size,
  modifiedAt,
});

const ask = { accept: "text/html", query: "", isTop: false };

function pageOf(entries: readonly ListedEntry[], more: Partial<typeof ask> = {}) {
  const page = listingPage({ path: "/x/", entries, isCut: false }, { ...ask, ...more });
  return { lines: page.lines, body: Buffer.from(page.body, "latin1").toString() };
}

function orderOf(entries: readonly ListedEntry[], query: string): readonly string[] {
  const { body } = pageOf(entries, { query, accept: "application/json" });
  const { entries: listed } = JSON.parse(body) as { entries: { name: string }[] };
  return listed.map(({ name }) => name);
}

test("it is sorted as it is asked for, folders first", () => {
  const entries = [
    entry("b", 5, "file", 3),
    entry("a", 9, "file", 1),
    entry("c", 7, "file", 2),
    entry("z", 0, "folder", 9),
  ];
  assert.deepEqual(orderOf(entries, ""), ["z", "a", "b", "c"]);
  assert.deepEqual(orderOf(entries, "sort=name&order=desc"), ["z", "c", "b", "a"]);
  assert.deepEqual(orderOf(entries, "sort=size"), ["z", "b", "c", "a"]);
  assert.deepEqual(orderOf(entries, "order=desc&sort=time"), ["z", "b", "c", "a"]);
  assert.deepEqual(orderOf(entries, "sort=<script>&order=x"), ["z", "a", "b", "c"]);
});

test("names are text, whatever is in them", () => {
  const names = [`<script>alert("x")</script>`, "a&b", "it's", "\u202eexe.txt", "ä", "a:b", "%2e"];
  const { body } = pageOf(names.map((each) => entry(each)));
  assert.doesNotMatch(body, /<script|\u202e/);
  assert.ok(body.includes('href="%3Cscript%3Ealert%28%22x%22%29%3C%2Fscript%3E"'));
  assert.ok(body.includes('href="%C3%A4">ä</a>'));
  assert.ok(body.includes('href="a%3Ab"'));
  assert.ok(body.includes('href="%252e"'));
});

test("a name that is no UTF-8 is shown as far as it goes, and leads to its bytes", () => {
  const { body } = pageOf([{ name: "a\u00ff", kind: "file", size: 1, modifiedAt: 0 }]);
  assert.ok(body.includes('href="a%FF">a\ufffd</a>'));
});

test("JSON is for who asks for it by name", () => {
  const isJson = (accept: string) => /application\/json\r/.test(pageOf([], { accept }).lines);
  assert.ok(isJson("application/json"));
  assert.ok(isJson("text/html;q=0.5, application/json"));
  for (const accept of ["", "*/*", "text/html,application/json;q=0.9", "text/html, */*"]) {
    assert.ok(!isJson(accept), accept);
  }
});

test("a date that no calendar has does not stop it", () => {
  const { body } = pageOf([entry("a", 1, "file", 9e15), entry("b", 1, "file", -9e15)]);
  assert.ok(body.includes(">a</a>") && body.includes(">b</a>"));
});

test("only below the top a way up is shown, and what is missing is said", () => {
  assert.ok(pageOf([]).body.includes('href="../"'));
  assert.ok(!pageOf([], { isTop: true }).body.includes('href="../"'));
  const cut = listingPage({ path: "/", entries: [entry("a")], isCut: true }, ask);
  assert.match(cut.body, /There is more/);
});
