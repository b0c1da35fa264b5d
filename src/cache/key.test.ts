import assert from "node:assert/strict";
import { test } from "node:test";
import { exchangeOf } from "../../test/harness/middleware-trial.ts";
import type { CachedQuery, CacheUse } from "../config/middlewares/uses/cache.ts";
import { cookieLine, encodingsOf, keyOf, variantOf } from "./key.ts";

const use = { headers: [], cookies: undefined, query: { keep: "all", names: [] } };

function keyed(target: string, more: Partial<CacheUse> = {}, trial = {}, isSecure = false) {
  const exchange = exchangeOf(target, trial);
  return keyOf(
    { ...use, ...more } as unknown as CacheUse,
    exchange,
    exchange.request.fields,
    isSecure,
  );
}

const query = (keep: CachedQuery["keep"], ...names: string[]) => ({ query: { keep, names } });

test("a key holds scheme, port of the listener, host, path and query", () => {
  assert.equal(keyed("/a?b=1")?.key, "80 0 http://a.example/a?b=1");
  assert.equal(keyed("/a?", {})?.key, "80 0 http://a.example/a?");
  assert.equal(keyed("/", {}, { origin: { localPort: 81 } })?.key, "81 0 http://a.example/");
  assert.equal(keyed("/", {}, {}, true)?.url, "https://a.example/");
});

test("hosts have one spelling, and a port that is another one stays", () => {
  const hostOf = (host: string, isSecure = false) => keyed("/", {}, { host }, isSecure)?.host;
  assert.equal(hostOf("A.Example:80"), "a.example");
  assert.equal(hostOf("a.example:080"), "a.example");
  assert.equal(hostOf("a.example:443", true), "a.example");
  assert.equal(hostOf("a.example:443"), "a.example:443");
  assert.equal(hostOf("a.example."), "a.example");
});

test("what is left out of the query is not in it any more, however it is written", () => {
  const kept = (text: string, more: Partial<CacheUse>) => keyed(`/?${text}`, more)?.query;
  const without = query("without", "utm_*", "ref");
  assert.equal(kept("a=1&utm_x=2&ref=3&b", without), "a=1&b");
  assert.equal(kept("%75tm_x=2&a=1", without), "a=1");
  assert.equal(kept("a=1;utm_x=2", without), "a=1;utm_x=2");
  assert.equal(kept("utm_x=2;a=1&b=1", without), "b=1");
  assert.equal(kept("reference=1&%=2", without), "reference=1&%=2");
  assert.equal(kept("a=1&b=2&a=3", query("only", "a")), "a=1&a=3");
  assert.equal(keyed("/?a=1", query("only"))?.url, "http://a.example/");
});

test("fields and cookies that count are part of it, in order; others are not", () => {
  const lines = "Cookie: b=2; a=1; c=3\r\nX-L: de\r\n";
  const key = keyed("/", { headers: ["x-l"], cookies: ["a", "b"] }, { lines })?.key;
  assert.equal(key, "80 0 http://a.example/\nx-l:de\na=1; b=2");
  const { fields } = exchangeOf("/", { lines }).request;
  assert.equal(cookieLine({ ...use, cookies: [] } as unknown as CacheUse, fields), "");
  const trusted = { lines: "X-Forwarded-Host: x\r\n", origin: { isPeerTrusted: true } };
  assert.notEqual(keyed("/", {}, trusted)?.key, keyed("/")?.key);
  assert.notEqual(keyed("/", {}, { lines: "Origin: https://x\r\n" })?.key, keyed("/")?.key);
});

test("too long a key is none", () => {
  assert.equal(keyed(`/${"x".repeat(5000)}`), undefined);
});

test("of encodings only the few that matter count, in one order", () => {
  assert.equal(encodingsOf("gzip, deflate, br, zstd"), "zstd, br, gzip");
  assert.equal(encodingsOf("BR;q=1.0, GZIP;q=0"), "br");
  assert.equal(encodingsOf("x-gzip"), "gzip");
  assert.equal(encodingsOf("identity, *"), "");
  const of = (value: string) =>
    variantOf(
      ["accept-encoding", "x"],
      exchangeOf("/", { lines: `Accept-Encoding: ${value}\r\nX: 1\r\n` }).request.fields,
    );
  assert.equal(of("gzip, br"), of("br,gzip;q=0.5"));
  assert.notEqual(of("gzip"), of("br"));
});

test("where the mount ends is part of the key: another path may come to the same URL", () => {
  const exchange = exchangeOf("/b");
  exchange.mount = "/a";
  const mounted = keyOf(use as unknown as CacheUse, exchange, exchange.request.fields, false);
  assert.equal(mounted?.url, keyed("/a/b")?.url);
  assert.notEqual(mounted?.key, keyed("/a/b")?.key);
});
