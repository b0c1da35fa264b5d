import assert from "node:assert/strict";
import { test } from "node:test";
import { answerOf, exchangeOf, middlewareOf } from "../../test/harness/middleware-trial.ts";
import type { RedirectHostUse } from "../config/middlewares/uses/redirect.ts";

type To = RedirectHostUse["to"];

function location(to: To, host: string, target = "/", from: readonly string[] = []) {
  const middleware = middlewareOf({ kind: "redirectHost", status: 301, to, from });
  const answer = answerOf(middleware, exchangeOf(target, { host }));
  if (answer === undefined) return undefined;
  assert.equal(answer.status, 301);
  return answer.fields[0]?.[1];
}

const remove = { www: "remove" } as const;
const add = { www: "add" } as const;

test("there is one right host, and whoever came to it goes on", () => {
  for (const [to, host, target, expected] of [
    ["a.example", "b.example", "/x?y=z", "http://a.example/x?y=z"],
    ["a.example", "b.example:8080", "/", "http://a.example/"],
    ["a.example", "A.Example.", "/", undefined],
    ["a.example", "a.example:8080", "/", undefined],
    ["a.example:8443", "a.example:8443", "/", undefined],
    ["a.example:443", "a.example", "/", undefined],
    ["a.example", "", "/", undefined],
    [remove, "www.a.example", "/x", "http://a.example/x"],
    [remove, "WWW.A.example:8080", "/", "http://a.example:8080/"],
    [remove, "a.example", "/", undefined],
    [remove, "www.localhost", "/", undefined],
    [add, "a.example", "/", "http://www.a.example/"],
    [add, "a.example:8080", "/", "http://www.a.example:8080/"],
    [add, "www.a.example", "/", undefined],
    [add, "localhost", "/", undefined],
    [add, "192.0.2.1", "/", undefined],
    [add, "[2001:db8::1]", "/", undefined],
  ] as const) {
    assert.equal(location(to, host, target), expected, `${JSON.stringify(to)} ${host}`);
  }
});

test("what the client writes in the path chooses no host", () => {
  assert.equal(
    location("a.example", "b.example", "//evil.example/x"),
    "http://a.example/evil.example/x",
  );
  assert.equal(location("a.example", "b.example", "/%0d%0aX:y"), "http://a.example/%0d%0aX:y");
});

test("others are let through", () => {
  const from = ["b.example", "*.c.example"];
  assert.equal(location("a.example", "b.example", "/", from), "http://a.example/");
  assert.equal(location("a.example", "x.c.example", "/", from), "http://a.example/");
  assert.equal(location("a.example", "c.example", "/", from), undefined);
  assert.equal(location("a.example", "xc.example", "/", from), undefined);
  assert.equal(location("a.example", "d.example", "/", from), undefined);
});
