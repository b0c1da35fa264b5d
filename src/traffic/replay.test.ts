import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sampleEntry } from "../../test/harness/sample-entry.ts";
import type { RecordedExchange } from "./recorded.ts";
import { differencesOf, pathOf, sentFields, whyNotSent } from "./replay.ts";

const body = (text: string, bytes = text.length) => ({
  base64: Buffer.from(text).toString("base64"),
  bytes,
});

const recorded: RecordedExchange = {
  record: "1",
  entry: { ...sampleEntry, bytes: 5 },
  ...{ target: "/x?y", version: "HTTP/1.1", left: ["cookie"], body: body("") },
  fields: [
    ["Host", "a.test"],
    ["Connection", "keep-alive"],
    ["Cookie", "(not shown)"],
    ["Accept", "*/*"],
  ],
  answer: {
    fields: [
      ["Content-Type", "text/plain"],
      ["Date", "then"],
      ["Set-Cookie", "(not shown)"],
    ],
    body: body("hello"),
  },
};

const got = {
  status: 200,
  fields: [
    ["content-type", "text/plain"],
    ["date", "now"],
    ["set-cookie", "a=b"],
  ] as const,
  body: Buffer.from("hello"),
};

describe("a request sent once more", () => {
  test("is without what was left out, and without what is about a connection", () => {
    assert.deepEqual(sentFields(recorded), [
      ["Host", "a.test"],
      ["Accept", "*/*"],
    ]);
    assert.equal(pathOf(recorded), "/x?y");
    assert.equal(pathOf({ ...recorded, target: "http://a.test" }), "/");
    assert.equal(pathOf({ ...recorded, target: "http://a.test/z?y" }), "/z?y");
  });

  test("is not sent where it may do harm, or is not whole", () => {
    const post = { ...recorded, entry: { ...recorded.entry, method: "POST" } };
    assert.equal(whyNotSent(recorded, false), undefined);
    assert.match(whyNotSent(post, false) ?? "", /--all/);
    assert.equal(whyNotSent(post, true), undefined);
    assert.match(whyNotSent({ ...post, body: body("ab", 3) }, true) ?? "", /whole/);
    const tunnel = { ...recorded, entry: { ...recorded.entry, status: 101 } };
    assert.match(whyNotSent(tunnel, true) ?? "", /tunnel/);
  });

  test("has every difference told, and none that always is one", () => {
    const none = new Set<string>();
    assert.deepEqual(differencesOf(recorded, got, none), []);
    const other = {
      status: 404,
      fields: [
        ["Content-Type", "text/html"],
        ["X-New", "1"],
      ] as const,
      body: Buffer.from("hellO"),
    };
    assert.deepEqual(differencesOf(recorded, other, none), [
      "status 200 → 404",
      "content-type: text/plain → text/html",
      "without set-cookie",
      "with x-new",
      "body of 5 bytes differs",
    ]);
    const ignored = new Set(["content-type", "set-cookie", "x-new"]);
    const longer = { ...other, status: 200, body: Buffer.from("hello!") };
    assert.deepEqual(differencesOf(recorded, longer, ignored), ["body 5 → 6 bytes"]);
    const cut = { ...recorded, answer: { ...recorded.answer, body: body("he", 5) } };
    assert.deepEqual(differencesOf(cut, got, none), []);
  });
});
