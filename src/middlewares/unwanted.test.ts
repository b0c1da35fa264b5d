import assert from "node:assert/strict";
import { test } from "node:test";
import {
  answerHeadOf,
  answerOf,
  exchangeOf,
  middlewareOf,
  verdictOf,
} from "../../test/harness/middleware-trial.ts";
import type { BlocklistUse, RobotsUse } from "../config/middlewares/uses/unwanted.ts";
import { isScan } from "./scanner-paths.ts";

const nobody: BlocklistUse = {
  kind: "blocklist",
  userAgents: [],
  referers: [],
  paths: [],
  scanners: false,
  except: [],
  noUserAgent: false,
  status: 404,
};

function isOut(use: Partial<BlocklistUse>, target: string, lines = ""): boolean {
  const verdict = verdictOf(middlewareOf({ ...nobody, ...use }), exchangeOf(target, { lines }));
  if (verdict !== undefined) assert.deepEqual(verdict, { failure: "UNWANTED", status: 404 });
  return verdict !== undefined;
}

test("paths are kept out however they are written", () => {
  const paths = [
    { is: "exactly", text: "/private" },
    { is: "begins", text: "/old/" },
    { is: "ends", text: ".bak" },
    { is: "like", pattern: "^/v\\d+$", flags: "" },
  ] as const;
  for (const target of [
    "/private",
    "/PRIVATE",
    "/%70rivate",
    "/x/../private",
    "/old/a?b",
    "/a.bak",
    "/v1",
  ]) {
    assert.ok(isOut({ paths }, target), target);
  }
  for (const target of ["/private/x", "/old", "/a.bak2", "/v", "/?/private"]) {
    assert.ok(!isOut({ paths }, target), target);
  }
  const except = [{ is: "exactly", text: "/old/news" }] as const;
  assert.ok(!isOut({ paths, except }, "/old/News"));
});

test("User-Agents are kept out by a part, long ones too", () => {
  const userAgents = [
    { is: "holds", text: "badbot" },
    { is: "like", pattern: "^(a+)+$", flags: "" },
  ] as const;
  assert.ok(isOut({ userAgents }, "/", "User-Agent: Mozilla (BadBot/1)\r\n"));
  assert.ok(isOut({ userAgents }, "/", `User-Agent: ${"x".repeat(16_000)}badbot\r\n`));
  assert.ok(!isOut({ userAgents }, "/", "User-Agent: Mozilla\r\n"));
  assert.ok(!isOut({ userAgents }, "/"));
  assert.ok(isOut({ noUserAgent: true }, "/"));
  assert.ok(!isOut({ noUserAgent: true }, "/", "User-Agent: curl\r\n"));
});

test("Referers are kept out by their host, and nothing that only looks like it", () => {
  const referers = [{ is: "holds", text: "spam.example" }] as const;
  for (const referer of [
    "http://spam.example/",
    "https://A.Spam.Example:8080/x",
    "http://u@spam.example.",
  ]) {
    assert.ok(isOut({ referers }, "/", `Referer: ${referer}\r\n`), referer);
  }
  for (const referer of [
    "https://nospam.example/",
    "https://a.example/spam.example",
    "spam.example",
  ]) {
    assert.ok(!isOut({ referers }, "/", `Referer: ${referer}\r\n`), referer);
  }
});

test("what scanners look for is known, and what sites have is not among it", () => {
  for (const path of [
    "/.env",
    "/app/.env.local",
    "/.git/config",
    "/.git",
    "/wp-login.php",
    "/wp-admin/setup.php",
    "/backup.zip",
    "/wp-config.php.bak",
    "/vendor/phpunit/phpunit/src/util/php/eval-stdin.php",
    "/.ds_store",
  ]) {
    assert.ok(isScan(path), path);
  }
  for (const path of [
    "/",
    "/.well-known/acme-challenge/x",
    "/.well-known/security.txt",
    "/.github",
    "/.environment",
    "/wp-administration",
    "/info.php5",
    "/files/my-backup.zip",
    "/envs/.envoy",
  ]) {
    assert.ok(!isScan(path), path);
  }
  assert.ok(isOut({ scanners: true }, "/%2Egit/HEAD"));
  const except = [{ is: "exactly", text: "/wp-login.php" }] as const;
  assert.ok(!isOut({ scanners: true, except }, "/wp-login.php"));
});

test("who is kept out without a word has the connection closed", () => {
  const exchange = exchangeOf("/");
  let aborted = 0;
  exchange.client.abort = () => void aborted++;
  const middleware = middlewareOf({ ...nobody, noUserAgent: true, status: null });
  assert.deepEqual(verdictOf(middleware, exchange), { failure: "UNWANTED" });
  assert.equal(aborted, 1);
  assert.equal(exchange.failure, "UNWANTED");
});

const robots: RobotsUse = { kind: "robots", text: "User-agent: ü\n", tag: "", refused: ["gptbot"] };

test("/robots.txt is answered, also to those who get nothing else", () => {
  const middleware = middlewareOf(robots);
  const lines = "User-Agent: Mozilla (compatible; GPTBot/1.2)\r\n";
  const answer = answerOf(middleware, exchangeOf("/robots.txt?x", { lines }));
  assert.equal(Buffer.from(answer?.body ?? "", "latin1").toString(), "User-agent: ü\n");
  assert.equal(
    answerOf(middleware, exchangeOf("/robots.txt", { method: "POST", lines })),
    undefined,
  );
  assert.deepEqual(verdictOf(middleware, exchangeOf("/", { lines })), { failure: "UNWANTED" });
  assert.equal(verdictOf(middleware, exchangeOf("/")), undefined);
  assert.equal(middleware.onResponse, undefined);
});

test("answers are marked", () => {
  const middleware = middlewareOf({ ...robots, text: undefined, tag: "noindex" });
  assert.equal(verdictOf(middleware, exchangeOf("/robots.txt")), undefined);
  const answer = answerHeadOf(200, "x-robots-tag: all\r\n");
  middleware.onResponse?.(exchangeOf("/"), answer);
  assert.equal(answer.fields.serialise(), "X-Robots-Tag: noindex\r\n");
});
