import assert from "node:assert/strict";
import { test } from "node:test";
import type { MiddlewareUse } from "../config/snapshot.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Answer } from "./middleware.ts";
import {
  answerOf,
  exchangeOf as trialExchange,
  middlewareOf,
} from "../../test/harness/middleware-trial.ts";

const exchangeOf = (target: string, host = "a.example", method = "GET") =>
  trialExchange(target, { method, host, lines: "X-Odd: <b>\xe9\r\n" });

function run(use: MiddlewareUse, exchange: Exchange): Answer | undefined {
  return answerOf(middlewareOf(use), exchange);
}

function pathAfter(use: MiddlewareUse, target: string, method = "GET"): string {
  const exchange = exchangeOf(target, "a.example", method);
  assert.equal(run(use, exchange), undefined);
  return exchange.path;
}

function locationOf(to: string, target: string, host = "a.example"): string {
  const answer = run({ kind: "redirect", to, status: 302 }, exchangeOf(target, host));
  assert.equal(answer?.status, 302);
  return answer.fields.find(([name]) => name === "Location")?.[1] ?? "";
}

test("a prefix is stripped on a segment boundary, the first that fits", () => {
  const use = { kind: "stripPrefix", prefixes: ["/api/v1", "/api", "/x/"] } as const;
  const cases = [
    ["/api", "/"],
    ["/api/", "/"],
    ["/api/v1/a", "/a"],
    ["/api/v2", "/v2"],
    ["/apix", "/apix"],
    ["/x/y", "/y"],
    ["/x", "/x"],
    ["/%61pi/y", "/y"],
    ["/", "/"],
  ] as const;
  for (const [target, path] of cases) assert.equal(pathAfter(use, target), path, target);
  assert.equal(pathAfter(use, "*", "OPTIONS"), "*");
});

test("a prefix is put in front", () => {
  const use = { kind: "addPrefix", prefix: "/api" } as const;
  assert.equal(pathAfter(use, "/"), "/api/");
  assert.equal(pathAfter(use, "/a?b"), "/api/a");
  assert.equal(pathAfter(use, "*", "OPTIONS"), "*");
});

test("a prefix is swapped on a segment boundary", () => {
  const cases = [
    ["/old", "/new", "/old", "/new"],
    ["/old", "/new", "/old/a", "/new/a"],
    ["/old", "/new", "/older", "/older"],
    ["/old", "/", "/old", "/"],
    ["/old", "/", "/old/a", "/a"],
    ["/", "/new", "/a", "/new/a"],
    ["/", "/new", "/", "/new/"],
    ["/", "/", "/a", "/a"],
  ] as const;
  for (const [from, to, target, path] of cases) {
    assert.equal(
      pathAfter({ kind: "replacePrefix", from, to }, target),
      path,
      `${from} ${to} ${target}`,
    );
  }
});

test("a path is rewritten by its pattern, and stays a proper path", () => {
  const use = (pattern: string, replacement: string) =>
    ({ kind: "replacePath", pattern, replacement }) as const;
  assert.equal(pathAfter(use("^/a/(.*)$", "/b/$1"), "/a/x"), "/b/x");
  assert.equal(pathAfter(use("^/a/(.*)$", "/b/$1"), "/c/x"), "/c/x");
  assert.equal(pathAfter(use("^/(.*)$", "$1"), "/x"), "/x");
  assert.equal(pathAfter(use("^/a", "/a/b/.."), "/a"), "/a/");
  const answer = run(use("^/a/(.*)$", "/$1"), exchangeOf("/a/%252e%252e"));
  assert.equal(answer, undefined);
  const left = run(use("^/a", "/../.."), exchangeOf("/a"));
  assert.equal(left?.status, 400);
});

test("no rewrite makes a path that names another host, or holds what a request line may not", () => {
  const uses: readonly MiddlewareUse[] = [
    { kind: "stripPrefix", prefixes: ["/a"] },
    { kind: "addPrefix", prefix: "/p" },
    { kind: "replacePrefix", from: "/a", to: "/" },
    { kind: "replacePath", pattern: "^/a", replacement: "" },
  ];
  const targets = [
    "/a//evil.example",
    "/a/%2f%2fevil.example",
    "/a%20b",
    "/a/%0d%0aX:%20y",
    "/a/%23",
    "/a%3fb",
  ];
  for (const use of uses) {
    for (const target of targets) {
      const path = pathAfter(use, target);
      assert.match(path, /^\/(?!\/)[\x21-\x7e]*$/, `${use.kind} ${target}`);
      assert.doesNotMatch(path, /[#?]/, `${use.kind} ${target}`);
    }
  }
});

test("a redirect fills in its placeholders", () => {
  const cases = [
    ["https://{host}{uri}", "/a/../b?c=%20", "https://a.example/b?c=%20"],
    ["https://new.example{uri}", "/", "https://new.example/"],
    ["{scheme}://{host}/x{path}?from={query}", "/p?q=1", "http://a.example/x/p?from=q=1"],
    ["https://new.example{uri}", "/a?", "https://new.example/a?"],
    ["/fixed", "/a", "/fixed"],
    ["/{unknown}/{host", "/a", "/{unknown}/{host"],
    ["{uri}/x", "/{path}", "/{path}/x"],
  ] as const;
  for (const [to, target, location] of cases) assert.equal(locationOf(to, target), location, to);
  assert.equal(locationOf("https://{host}{uri}", "/", "[::1]:8080"), "https://[::1]/");
  assert.equal(locationOf("https://{host}{uri}", "/", "A.example:8080"), "https://A.example/");
});

test("an OPTIONS request for the whole server can be redirected too", () => {
  const use = { kind: "redirect", to: "https://b.example{uri}", status: 308 } as const;
  const answer = run(use, exchangeOf("*", "a.example", "OPTIONS"));
  const [, location = ""] = answer?.fields.find(([name]) => name === "Location") ?? [];
  assert.equal(new URL(location).host, "b.example", location);
});

// What a client writes into its target must never choose the host of a redirect.
test("a redirect never leads to a host the client named in its target", () => {
  const targets = [
    "//evil.example",
    "//evil.example/%2e%2e",
    "///evil.example",
    "/%2fevil.example",
    "/x/..//evil.example",
    "/.//evil.example",
    "/..;//evil.example",
    "/@evil.example",
    "/:80@evil.example",
    "/%5cevil.example",
    "/?//evil.example",
    "http://a.example//evil.example/",
    "/;@evil.example",
    "/.evil.example",
  ];
  const forms = [
    "https://b.example{uri}",
    "https://b.example{path}",
    "{uri}",
    "{path}?{query}",
    "{scheme}://b.example{uri}",
  ];
  for (const to of forms) {
    for (const target of targets) {
      let location: string;
      try {
        location = locationOf(to, target);
      } catch {
        continue; // the target is refused, and so is never redirected
      }
      const { host } = new URL(location, "https://b.example/");
      assert.equal(host, "b.example", `${to} for ${target} leads to ${location}`);
      assert.match(location, /^[\x21-\x7e]+$/);
    }
  }
});

test("a fixed answer is counted in bytes", () => {
  const use = { kind: "respond", status: 503, body: "é\n", contentType: "text/plain" } as const;
  const answer = run(use, exchangeOf("/"));
  assert.equal(answer?.status, 503);
  assert.equal(answer.body, "\xc3\xa9\n");
  assert.equal(Buffer.from(answer.body, "latin1").toString("utf8"), "é\n");
});

test("whoami shows the request as it arrived, as plain text", () => {
  const answer = run({ kind: "whoami" }, exchangeOf("/a?b"));
  assert.equal(answer?.status, 200);
  assert.ok(answer.body.includes("\nGET /a?b HTTP/1.1\nHost: a.example\nX-Odd: <b>\xe9\n"));
  assert.ok(
    answer.fields.some(
      ([name, value]) => name === "Content-Type" && value.startsWith("text/plain"),
    ),
  );
});
