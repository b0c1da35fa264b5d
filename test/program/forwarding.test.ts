// What a backend is told about the client, whom we believe, which Host it gets, and who may see the
// X-Debug-* answers.

import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { echoOf, echoOrigin } from "../harness/echo-origin.ts";
import { logAtEnd } from "../harness/logged.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate } from "../harness/tidegate.ts";

const listeners = { web: "127.0.0.1:0" };
const proxy = "127.0.0.9";

const claims = {
  "X-Forwarded-For": "203.0.113.5",
  "X-Forwarded-Proto": "https",
  "X-Forwarded-Protocol": "https",
  "X-Forwarded-Host": "claimed.test",
  "X-Forwarded-Port": "444",
  "X-Forwarded-Server": "edge",
  "X-Real-IP": "203.0.113.5",
  Forwarded: "for=203.0.113.5;proto=https",
};

test("the connection tells who the client is, and what it claims is dropped", async () => {
  await using echo = await echoOrigin("a");
  await using program = await startTidegate({
    config: { listeners, routes: { "app.test": echo.url }, trustedProxies: [proxy] },
  });
  const port = program.port();
  const { headers } = echoOf(await ask(port, { name: "app.test:81", headers: claims }));
  assert.equal(headers["x-forwarded-for"], "127.0.0.1");
  assert.equal(headers["x-real-ip"], "127.0.0.1");
  assert.equal(headers["x-forwarded-proto"], "http");
  assert.equal(headers["x-forwarded-protocol"], "http");
  assert.equal(headers["x-forwarded-host"], "app.test:81");
  assert.equal(headers["x-forwarded-port"], String(port));
  assert.equal(headers["x-forwarded-server"], hostname());
  assert.equal(headers["forwarded"], undefined);
});

test("a trusted proxy is believed, and its own address is added to the chain", async () => {
  await using echo = await echoOrigin("a");
  await using program = await startTidegate({
    config: { listeners, routes: { "app.test": echo.url }, trustedProxies: [proxy] },
  });
  const { headers } = echoOf(await ask(program.port(), { from: proxy, headers: claims }));
  assert.equal(headers["x-forwarded-for"], `203.0.113.5, ${proxy}`);
  assert.equal(headers["x-real-ip"], "203.0.113.5");
  assert.equal(headers["x-forwarded-proto"], "https");
  assert.equal(headers["x-forwarded-protocol"], "https");
  assert.equal(headers["x-forwarded-host"], "claimed.test");
  assert.equal(headers["x-forwarded-port"], "444");
  assert.equal(headers["x-forwarded-server"], "edge");
});

test("what a client writes with underscores is nothing that a trusted proxy said", async () => {
  await using echo = await echoOrigin("a");
  await using program = await startTidegate({
    config: { listeners, routes: { "app.test": echo.url }, trustedProxies: [proxy] },
  });
  // In front of, and behind, what the proxy says: some sort their headers.
  for (const isBefore of [true, false]) {
    const made = {
      X_Forwarded_For: "198.51.100.66",
      X_Forwarded_Proto: "ftp",
      X_Forwarded_Host: "made-up.test",
      Client_Cert: ":AAAA:",
    };
    const headers = isBefore ? { ...made, ...claims } : { ...claims, ...made };
    const seen = echoOf(await ask(program.port(), { from: proxy, headers })).headers;
    assert.equal(seen["x-forwarded-for"], `203.0.113.5, ${proxy}`);
    assert.equal(seen["x-real-ip"], "203.0.113.5");
    assert.equal(seen["x-forwarded-proto"], "https");
    assert.equal(seen["x-forwarded-host"], "claimed.test");
    assert.deepEqual(
      Object.keys(seen).filter((name) => name.includes("_")),
      [],
    );
  }
});

test("a trusted proxy that claims nothing is a client like any other", async () => {
  await using echo = await echoOrigin("a");
  await using program = await startTidegate({
    config: { listeners, routes: { "app.test": echo.url }, trustedProxies: [proxy] },
  });
  const { headers } = echoOf(await ask(program.port(), { from: proxy }));
  assert.equal(headers["x-forwarded-for"], proxy);
  assert.equal(headers["x-real-ip"], proxy);
  assert.equal(headers["x-forwarded-proto"], "http");
  assert.equal(headers["x-forwarded-host"], "app.test");
});

test("rules and log see the client behind trusted proxies, and no made-up entry before it", async () => {
  await using echo = await echoOrigin("inner");
  await using other = await echoOrigin("other");
  await using program = await startTidegate({
    config: {
      listeners,
      trustedProxies: [proxy, "192.0.2.0/24"],
      routes: {
        inner: { host: "app.test", clientIp: "203.0.113.0/24", service: echo.url },
        other: { host: "app.test", service: other.url },
      },
    },
  });
  const originFor = async (chain: string) =>
    echoOf(await ask(program.port(), { from: proxy, headers: { "X-Forwarded-For": chain } }))
      .origin;
  assert.equal(await originFor("203.0.113.5"), "inner");
  assert.equal(await originFor("198.51.100.1, 203.0.113.5"), "inner");
  assert.equal(
    await originFor("203.0.113.5, 198.51.100.1"),
    "other",
    "the left one may be made up",
  );
  assert.equal(await originFor("203.0.113.5, 192.0.2.7"), "inner", "a trusted one is passed over");
  assert.equal(await originFor("nonsense"), "other");
  assert.equal(await originFor("203.0.113.6:4711"), "inner", "with its port");
  assert.equal(await originFor("203.0.113.7, [2001:db8::1]:4711"), "other", "with its port");
  assert.equal(await originFor("203.0.113.7:x"), "other");
  const addresses = (await logAtEnd(program)).map((entry) => entry["remoteAddress"]);
  assert.deepEqual(addresses, [
    ...["203.0.113.5", "203.0.113.5", "198.51.100.1", "203.0.113.5", proxy],
    ...["203.0.113.6", "2001:db8::1", proxy],
  ]);
});

test("a listener may have trusted proxies of its own", async () => {
  await using echo = await echoOrigin("a");
  await using program = await startTidegate({
    config: {
      listeners: {
        web: "127.0.0.1:0",
        inner: { bind: "127.0.0.1:0", trustedProxies: ["127.0.0.1"] },
      },
      routes: { "app.test": echo.url },
    },
  });
  const seen = async (listener: string) =>
    echoOf(await ask(program.port(listener), { headers: claims })).headers["x-real-ip"];
  assert.equal(await seen("web"), "127.0.0.1");
  assert.equal(await seen("inner"), "203.0.113.5");
});

test("Forwarded is sent when it is asked for, and begins anew for strangers", async () => {
  await using echo = await echoOrigin("a");
  await using program = await startTidegate({
    config: {
      listeners,
      routes: { "app.test": echo.url },
      trustedProxies: [proxy],
      compat: { forwarded: true },
    },
  });
  const seen = async (from: string) =>
    echoOf(await ask(program.port(), { from, headers: claims })).headers["forwarded"];
  assert.equal(await seen("127.0.0.1"), `for=127.0.0.1;host="app.test";proto=http`);
  assert.equal(
    await seen(proxy),
    `for=203.0.113.5;proto=https, for=${proxy};host="app.test";proto=http`,
  );
});

test("Host is the client's, the backend's or a fixed one", async () => {
  await using echo = await echoOrigin("a");
  await using program = await startTidegate({
    config: {
      listeners,
      routes: {
        "keep.test": echo.url,
        "backend.test": { service: { backends: [echo.url], host: "backend" } },
        "fixed.test": { service: { backends: [echo.url], host: { value: "inside.example" } } },
      },
    },
  });
  const seen = async (name: string) => echoOf(await ask(program.port(), { name })).headers;
  assert.equal((await seen("keep.test"))["host"], "keep.test");
  assert.equal((await seen("KEEP.test:99"))["host"], "KEEP.test:99");
  assert.equal((await seen("backend.test"))["host"], `127.0.0.1:${echo.port}`);
  assert.equal((await seen("backend.test"))["x-forwarded-host"], "backend.test");
  assert.equal((await seen("fixed.test"))["host"], "inside.example");
});

test("X-Debug-* answers go to callers who are allowed and who ask, and to nobody else", async () => {
  await using echo = await echoOrigin("a");
  await using program = await startTidegate({
    config: {
      listeners,
      routes: { "app.test": echo.url },
      debug: { allow: ["127.0.0.3"] },
      trustedProxies: [proxy],
    },
  });
  const debug = { "X-Debug": "true" };
  const allowed = await ask(program.port(), { from: "127.0.0.3", headers: debug });
  assert.equal(field(allowed, "x-debug-backend"), echo.url);
  assert.match(field(allowed, "x-debug-time-total"), /^\d+(\.\d+)?$/);
  assert.match(field(allowed, "x-debug-time-backend"), /^\d+(\.\d+)?$/);
  const silent = await ask(program.port(), { from: "127.0.0.3" });
  const stranger = await ask(program.port(), { from: "127.0.0.4", headers: debug });
  const behind = await ask(program.port(), {
    from: proxy,
    headers: { ...debug, "X-Forwarded-For": "127.0.0.4" },
  });
  for (const response of [silent, stranger, behind]) {
    assert.deepEqual(
      response.headers.filter(([name]) => name.toLowerCase().startsWith("x-debug")),
      [],
    );
  }
});

test("fields that Connection names, and hop-by-hop fields, end at the proxy, both ways", async () => {
  await using backend = await httpOrigin((request, response) => {
    response.setHeader("Connection", "X-Hop");
    response.setHeader("X-Hop", "1");
    response.setHeader("Keep-Alive", "timeout=99");
    response.setHeader("X-Kept", "end to end");
    response.end(JSON.stringify(request.headers));
  });
  await using program = await startTidegate({
    config: { listeners, routes: { "app.test": backend.url } },
  });
  const response = await ask(program.port(), {
    headers: { Connection: "X-Hop", "X-Hop": "1", "Keep-Alive": "1", "X-Kept": "1", TE: "gzip" },
  });
  const seen = JSON.parse(response.body) as Record<string, string>;
  for (const name of ["x-hop", "keep-alive", "te"]) assert.equal(seen[name], undefined, name);
  assert.equal(seen["x-kept"], "1");
  assert.equal(field(response, "x-hop"), "");
  assert.equal(field(response, "keep-alive"), "");
  assert.equal(field(response, "x-kept"), "end to end");
});
