import assert from "node:assert/strict";
import { test } from "node:test";
import { answerHeadOf, exchangeOf, middlewareOf } from "../../test/harness/middleware-trial.ts";
import type { HeaderEdits, HeadersUse } from "../config/middlewares/uses/answer.ts";

const nothing: HeaderEdits = { set: [], add: [], remove: [] };

function sent(edits: Partial<HeaderEdits>, lines: string, target = "/"): string[] {
  const use: HeadersUse = {
    kind: "headers",
    request: { ...nothing, ...edits },
    response: undefined,
  };
  const exchange = exchangeOf(target, { lines });
  const middleware = middlewareOf(use);
  assert.equal(middleware.onResponse, undefined);
  assert.equal(middleware.onRequest?.(exchange), undefined);
  return exchange.request.fields.serialise().split("\r\n").slice(1, -1);
}

test("request fields are taken out, set and added, in any case of letters", () => {
  const lines = "X-A: 1\r\nx-a: 2\r\nX-Debug-One: 1\r\nX-DEBUG-TWO: 2\r\nX-Debugger: 3\r\n";
  assert.deepEqual(sent({ set: [["x-A", "3"]] }, lines).slice(-2), ["X-Debugger: 3", "x-A: 3"]);
  assert.deepEqual(sent({ remove: ["x-debug-*", "x-a"] }, lines), ["X-Debugger: 3"]);
  assert.deepEqual(sent({ set: [["X-User", "3"]] }, "X_user: 1\r\nx.USER: 2\r\n"), ["X-User: 3"]);
  assert.deepEqual(sent({ remove: ["x-user"] }, "X_User: 1\r\n"), []);
  assert.deepEqual(sent({ add: [["X-A", "3"]] }, "X-A: 1\r\n"), ["X-A: 1", "X-A: 3"]);
  assert.deepEqual(
    sent(
      {
        add: [
          ["X-A", "3"],
          ["X-A", "4"],
        ],
      },
      "",
    ),
    ["X-A: 3", "X-A: 4"],
  );
});

test("what says where a message ends, and whose it is, is not among any rest", () => {
  const lines = "Content-Length: 3\r\nContent-Type: a/b\r\nContent-Md5: 1\r\n";
  const edits = { remove: ["content-*", "ho*", "tr*"] };
  const exchange = exchangeOf("/", { lines });
  const response = { ...nothing, ...edits, statuses: [] };
  const middleware = middlewareOf({ kind: "headers", request: { ...nothing, ...edits }, response });
  assert.equal(middleware.onRequest?.(exchange), undefined);
  assert.equal(exchange.request.fields.serialise(), "Host: a.example\r\nContent-Length: 3\r\n");
  const answer = answerHeadOf(200, lines);
  middleware.onResponse?.(exchange, answer);
  assert.equal(answer.fields.serialise(), "Content-Length: 3\r\n");
});

test("placeholders stand for the request, on one line and in ASCII", () => {
  const value = "{method} {scheme}://{host}{uri} {path} {query} {clientIp}:{port} {header:X-B} {}";
  const [, line] = sent({ set: [["X-A", value]] }, "X-B: \xe9\t<b>\r\n", "/a%0d%0ab?c=%0A");
  const expected =
    "X-A: GET http://a.example/a%0d%0ab?c=%0A /a%0d%0ab c=%0A 192.0.2.1:80 %C3%A9%09<b> {}";
  assert.equal(line, expected);
  const long = sent({ set: [["X-A", "{header:X-B}"]] }, `X-B: ${"b".repeat(9000)}\r\n`).at(-1);
  assert.equal(long?.length, 2048 + "X-A: ".length);
});

test("a placeholder sees what came, also of a field that is taken out", () => {
  const edits = { set: [["X-B", "<{header:X-A}>"]], remove: ["x-a"] } as const;
  assert.deepEqual(sent(edits, "X-A: 1\r\nX-B: 2\r\n"), ["X-B: <1>"]);
  assert.deepEqual(sent({ set: [["X-B", "<{header:X-A}>"]] }, ""), ["X-B: <>"]);
});

test("answers are changed where their status is among those named", () => {
  const response = { ...nothing, set: [["X-A", "1"]] as const, statuses: [[404, 404]] as const };
  const middleware = middlewareOf({ kind: "headers", request: undefined, response });
  assert.equal(middleware.onRequest, undefined);
  for (const [status, expected] of [
    [404, "X-A: 1\r\n"],
    [200, "x-a: 2\r\n"],
  ] as const) {
    const answer = answerHeadOf(status, "x-a: 2\r\n");
    middleware.onResponse?.(exchangeOf("/"), answer);
    assert.equal(answer.fields.serialise(), expected);
  }
});
