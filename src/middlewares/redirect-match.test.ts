import assert from "node:assert/strict";
import { test } from "node:test";
import {
  answerOf as trialAnswer,
  exchangeOf as trialExchange,
  middlewareOf,
} from "../../test/harness/middleware-trial.ts";
import type { ExchangeOrigin } from "../http/exchange.ts";

interface Asked {
  readonly host?: string;
  readonly proto?: string;
  readonly from?: Partial<ExchangeOrigin>;
}

function exchangeOf(target: string, { host = "a.example", proto, from = {} }: Asked = {}) {
  const lines = proto === undefined ? "" : `X-Forwarded-Proto: ${proto}\r\n`;
  return trialExchange(target, { host, lines, origin: from });
}

interface Use {
  readonly pattern: string;
  readonly to: string;
  readonly flags?: string;
}

function answerOf({ flags = "", ...use }: Use, target: string, asked?: Asked) {
  const middleware = middlewareOf({ kind: "redirectMatch", flags, status: 308, ...use });
  const answer = trialAnswer(middleware, exchangeOf(target, asked));
  const location = answer?.fields.find(([name]) => name === "Location")?.[1];
  return { status: answer?.status, location };
}

const table: readonly (readonly [Use, target: string, location: string | undefined, Asked?])[] = [
  [{ pattern: "^http://(.*)$", to: "https://$1" }, "/a?b=c", "https://a.example/a?b=c"],
  [{ pattern: "^http://(.*)$", to: "https://${1}" }, "/", "https://a.example/"],
  [{ pattern: "^https://(.*)$", to: "http://$1" }, "/", undefined],
  [
    { pattern: "^https://(.*)$", to: "http://$1" },
    "/",
    "http://a.example/",
    { from: { isSecure: true } },
  ],
  [
    { pattern: "^http://[^/]+:8080/", to: "https://b/" },
    "/x",
    "https://b/x",
    { host: "a.example:8080" },
  ],
  [{ pattern: "/old/", to: "/new/" }, "/old/old/x", "http://a.example/new/old/x"],
  [{ pattern: "EXAMPLE", to: "test", flags: "i" }, "/", "http://a.test/"],
  [
    { pattern: "^http://(?<host>[^/]+)/", to: "https://www.${host}/" },
    "/",
    "https://www.a.example/",
  ],
  // To itself, or to nowhere.
  [{ pattern: "(.*)", to: "$1" }, "/", undefined],
  [{ pattern: "nothing", to: "https://b/" }, "/", undefined],
  // What the client writes chooses no host.
  [{ pattern: "^http://a\\.example(/.*)$", to: "$1" }, "//evil.example", "/evil.example"],
  [{ pattern: "^http://a\\.example/(.*)$", to: "//$1" }, "/evil.example", "/evil.example"],
  // A line stays one line.
  [{ pattern: "^.*$", to: "/a\r\nX: y" }, "/", "/a%0D%0AX:%20y"],
  [{ pattern: "^.*$", to: "/é\ud800" }, "/", "/%C3%A9%EF%BF%BD"],
  [{ pattern: "^.*$", to: "/" }, "/x", undefined, { host: "" }],
];

test("the whole URL is matched, and what does not fit goes on", () => {
  for (const [use, target, location, asked] of table) {
    const answer = answerOf(use, target, asked);
    const what = `${use.pattern} ${use.to} ${target}`;
    assert.deepEqual(answer, { status: location === undefined ? undefined : 308, location }, what);
  }
});

test("an empty target, or an endless one, leads nowhere", () => {
  assert.equal(answerOf({ pattern: "^.*$", to: "" }, "/").status, 404);
  const longer = { pattern: "^(.*)$", to: "$1".repeat(20) };
  assert.equal(answerOf(longer, `/${"a".repeat(2000)}`).status, 404);
});

test("no pattern holds up the others", () => {
  const startedAt = performance.now();
  const long = `/${"a".repeat(15_000)}!`;
  answerOf({ pattern: "^http://a.example/(a+)+$", to: "/" }, long);
  // Nor where each letter could be the first one.
  for (let count = 0; count < 25; count++) answerOf({ pattern: "[^/]+\\.html$", to: "/" }, long);
  // Of an operator, who is trusted, and even so bounded in what it is tried on.
  answerOf({ pattern: "(?=a).*a.*=$", to: "/" }, long);
  assert.ok(performance.now() - startedAt < 2000);
});

test("https is forced unless it is there, to us or to a trusted proxy", () => {
  const forced = (target: string, asked?: Asked, port?: number) => {
    const middleware = middlewareOf({ kind: "forceHttps", status: 301, port });
    const answer = trialAnswer(middleware, exchangeOf(target, asked));
    return answer === undefined ? undefined : (answer.fields[0]?.[1] ?? "");
  };
  const trusted = { isPeerTrusted: true };
  assert.equal(forced("/a?b"), "https://a.example/a?b");
  assert.equal(forced("/", { host: "a.example:8080" }), "https://a.example/");
  assert.equal(forced("/", { host: "[::1]:8080" }, 8443), "https://[::1]:8443/");
  assert.equal(forced("/", {}, 443), "https://a.example/");
  assert.equal(forced("//b.example/c"), "https://a.example/b.example/c");
  assert.equal(forced("/", { from: { isSecure: true } }), undefined);
  assert.equal(forced("/", { proto: "https" }), "https://a.example/");
  assert.equal(forced("/", { proto: "https", from: trusted }), undefined);
  assert.equal(forced("/", { proto: "HTTPS, http", from: trusted }), undefined);
  assert.equal(forced("/", { proto: "http", from: trusted }), "https://a.example/");
  assert.equal(forced("/", { from: trusted }), "https://a.example/");
  const middleware = middlewareOf({ kind: "forceHttps", status: 301, port: undefined });
  assert.equal(trialAnswer(middleware, exchangeOf("/", { host: "" }))?.status, 400);
});
