import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { LimitPart } from "../config/middlewares/uses/limit.ts";
import { exchangeOf } from "../../test/harness/middleware-trial.ts";
import { keyMaker, networkOf } from "./limit-key.ts";

const usual = { v4: 32, v6: 64 };

test("addresses of one network are one, however they are written", () => {
  const same = [
    "2001:db8:0:1::1",
    "2001:0db8:0:1:ffff:ffff:ffff:ffff",
    "2001:DB8::1:0:0:0:9",
    "2001:db8:0:1::1%eth0",
  ];
  assert.deepEqual(new Set(same.map((each) => networkOf(each, usual))).size, 1);
  assert.notEqual(networkOf("2001:db8:0:2::1", usual), networkOf("2001:db8:0:1::1", usual));
  assert.equal(networkOf("::ffff:192.0.2.7", usual), "192.0.2.7");
  assert.equal(networkOf("192.0.2.7", usual), "192.0.2.7");
});

test("as many bits count as are said", () => {
  assert.equal(networkOf("192.0.2.200", { v4: 24, v6: 64 }), "192.0.2.0");
  assert.equal(networkOf("192.0.2.200", { v4: 25, v6: 64 }), "192.0.2.128");
  const v6 = (bits: number) => networkOf("2001:db8:ff:ffff::1", { v4: 32, v6: bits });
  assert.equal(v6(48), networkOf("2001:db8:ff::", { v4: 32, v6: 48 }));
  assert.equal(v6(52), networkOf("2001:db8:ff:f000::", { v4: 32, v6: 52 }));
  assert.notEqual(v6(128), networkOf("2001:db8:ff:ffff::2", { v4: 32, v6: 128 }));
});

test("what is no address stands for itself", () => {
  assert.equal(networkOf("", usual), "");
  assert.equal(networkOf("unix:", usual), "unix:");
});

const keyOf = (parts: readonly LimitPart[], target: string, lines = "", user = "") => {
  const exchange = exchangeOf(target, { lines });
  exchange.user = user;
  return keyMaker(parts)(exchange);
};

test("a key is taken from where it is said", () => {
  const header = [{ from: "header", name: "x-key" }] as const;
  assert.equal(keyOf(header, "/", "X-KEY: a\r\n"), "a");
  assert.equal(keyOf(header, "/"), "");
  assert.equal(keyOf([{ from: "cookie", name: "sid" }], "/", "Cookie: a=b; sid=42\r\n"), "42");
  assert.equal(keyOf([{ from: "query", name: "k" }], "/?a=1&k=%61b"), "ab");
  assert.equal(keyOf([{ from: "all" }], "/"), "");
  assert.equal(keyOf([{ from: "address", ...usual }], "/"), "192.0.2.1");
});

test("who sends several values counts as one who sends none, and what a middleware says counts more", () => {
  const header = [{ from: "header", name: "x-key" }] as const;
  assert.equal(keyOf(header, "/", "X-Key: junk\r\nX-Key: real\r\n"), "");
  assert.equal(keyOf([{ from: "query", name: "k" }], "/?k=junk&k=real"), "");
  const exchange = exchangeOf("/", { lines: "X-Key: made-up\r\n" });
  exchange.request.fields.dropNamed("x-key");
  assert.equal(keyMaker(header)(exchange), "made-up", "taken off for the backend, but there");
  exchange.request.fields.add("X-Key", "found");
  assert.equal(keyMaker(header)(exchange), "found");
});

test("a key keeps nothing in memory but itself", () => {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  assert.ok(typeof collect === "function");
  const makers = [
    keyMaker([{ from: "header", name: "x-key" }]),
    keyMaker([{ from: "cookie", name: "sid" }]),
    keyMaker([{ from: "query", name: "k" }]),
  ];
  const keys = new Set<string>();
  const keep = (at: number) => {
    const value = `a value of some length ${at}`.replaceAll(" ", "-");
    const rest = Buffer.alloc(16_000, String(at)).toString("latin1");
    const lines = `X-Key: ${value}\r\nCookie: sid=c${value}; rest=${rest}\r\n`;
    const exchange = exchangeOf(`/?k=q${value}&rest=${rest}`, { lines });
    for (const keyOfIt of makers) keys.add(keyOfIt(exchange));
  };
  keep(0);
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let at = 1; at <= 2000; at++) keep(at);
  collect();
  const grown = process.memoryUsage().heapUsed - before;
  assert.equal(keys.size, 6003);
  assert.ok(grown < 8_000_000, `${grown} bytes`);
});

test("a user cannot pose as an address", () => {
  const user = [{ from: "user", ...usual }] as const;
  assert.equal(keyOf(user, "/"), "192.0.2.1");
  assert.notEqual(keyOf(user, "/", "", "192.0.2.1"), "192.0.2.1");
});

test("parts cannot pose as one another", () => {
  const both = [
    { from: "header", name: "a" },
    { from: "header", name: "b" },
  ] as const;
  assert.notEqual(keyOf(both, "/", "A: 1:x\r\nB: y\r\n"), keyOf(both, "/", "A: 1\r\nB: :xy\r\n"));
  assert.notEqual(keyOf(both, "/", "A: ab\r\n"), keyOf(both, "/", "B: ab\r\n"));
});

test("long keys are bounded and stay apart", () => {
  const header = [{ from: "header", name: "x-key" }] as const;
  const long = (end: string) => keyOf(header, "/", `X-Key: ${"k".repeat(16_000)}${end}\r\n`);
  assert.ok(long("a").length < 64);
  assert.notEqual(long("a"), long("b"));
  assert.equal(long("a"), long("a"));
});
