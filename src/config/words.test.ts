// What was understood, written down and read again, is the same.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { test } from "node:test";
import { defaultClientTimeouts, defaultExchangeTimeouts } from "./limits.ts";
import { readItem } from "./read-item.ts";
import { overlayWords, routeWords, streamRouteWords } from "./route-words.ts";
import { serviceWords } from "./service-words.ts";

const defaults = {
  timeouts: { ...defaultClientTimeouts, ...defaultExchangeTimeouts },
  maxBody: 0,
  tcpListeners: ["db"],
};

function read(section: "routes" | "tcpRoutes" | "services" | "overlays", value: unknown) {
  const reading = readItem(
    { section, name: "x", value, place: "here" },
    { source: "store", defaults },
  );
  deepStrictEqual(
    reading.problems.filter(({ severity }) => severity === "error"),
    [],
    JSON.stringify(value),
  );
  return reading;
}

const services: readonly unknown[] = [
  "http://10.0.0.1:80",
  ["http://10.0.0.1", { url: "http://10.0.0.2/base", weight: 0, tier: 2 }, "http://[::1]:81"],
  {
    backends: ["https://10.0.0.1"],
    balance: { hash: "header:X-User", bound: 2 },
    slowStart: "1m30s",
    sticky: { cookie: "who", path: "/a", domain: "example.com", maxAge: "1h", secure: "always" },
    host: { value: "inner.test" },
    pool: { maxConnections: 3, maxWait: "1s", idleTimeout: "250ms" },
    tls: { verify: false, serverName: "a.test" },
    retry: { attempts: 0, budget: "7%", statuses: [500, "502-504"], tryTimeout: "2s" },
    passive: { ratio: "33.3%", window: "30s", statuses: ["500-599"], deadFor: "5s" },
    whenAllDown: "refuse",
    holdFor: "10s",
    maxHeld: 5,
    pauseFor: "2m",
    breaker: { when: "NetworkErrorRatio() > 0.30", status: 502, fallbackDuration: "20s" },
    maintenance: { allow: ["10.0.0.0/8"], retryAfter: "1h" },
  },
  {
    backends: ["tls://10.0.0.1:1"],
    tls: {
      pins: ["sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="],
      verify: true,
      minVersion: "TLSv1.3",
      alpn: ["postgresql"],
    },
  },
  {
    backends: ["https://10.0.0.1"],
    tls: { pins: "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" },
  },
  {
    backends: ["http://10.0.0.1"],
    check: { http: "/h", method: "HEAD", statuses: [204], host: "b" },
  },
  {
    backends: ["http://10.0.0.1"],
    check: { http: "/", headers: { "X-Probe": "1" }, interval: "500ms" },
  },
  {
    backends: ["tcp://10.0.0.1:1"],
    check: { tcp: { send: "PING", expect: "PONG" }, port: 6, rise: 1 },
  },
  { backends: ["tcp://10.0.0.1:1"], check: { tcp: true }, proxyProtocol: "v2", balance: "random" },
  {
    backends: ["tcp://10.0.0.1:1"],
    check: { mysql: true, fastInterval: "200ms", initially: "down" },
  },
  { backends: ["http://10.0.0.1"], check: { grpc: true }, sticky: true },
  {
    backends: ["http://10.0.0.1"],
    check: { grpc: "a.B" },
    sticky: { session: "cookie:SID", idle: "5m" },
  },
  "uwsgi://10.0.0.1:3031",
  {
    fastcgi: {
      backends: [{ url: "10.0.0.1:9000", weight: 2 }, "[::1]:9000"],
      root: "/srv",
      params: { APP_ENV: "x" },
      multiplex: true,
      streamsUnknownLength: true,
    },
    pool: { maxIdle: 4 },
  },
  { backends: ["udp://10.0.0.1:53"], balance: { hash: "client-ip" } },
  { split: { "a@file": 9, "b@docker": 1 }, sticky: true },
  {
    split: [
      { service: "a", weight: 1 },
      { service: "b", when: { header: { "x-new": "1" } } },
    ],
  },
  { failover: ["a", "b"], statuses: ["500-599"], maintenance: true },
  { mirror: "a", to: { b: "12.5%" }, maxBody: "1MiB" },
];

test("a service in words is the same service", () => {
  for (const value of services) {
    const [service, ...more] = read("services", value).services;
    ok(service !== undefined && more.length === 0);
    const [again] = read("services", withFileNames(serviceWords(service))).services;
    deepStrictEqual(again, service, JSON.stringify(value));
  }
  strictEqual(services.length, 19);
});

/** In words a name without @ is the file's; in an item that is said by `@file`. */
function withFileNames(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, each: unknown) => {
    if (typeof each !== "object" || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(
      Object.entries(each).map(([name, one]) => [name === "a" ? "a@file" : name, one]),
    );
  });
}

const routes: readonly unknown[] = [
  { host: ["a.test", "*.b.test"], path: "/x", methods: "GET", whoami: true },
  { host: "a.test", path: "/x", stripPrefix: true, addPrefix: "/y", service: "s", priority: -4 },
  {
    rule: 'HostRegexp(`(?i)^a`) && !Header(`X-A`, `b"c`)',
    replacePath: { pattern: "(?i)^/a(.*)", replacement: "/$1" },
    service: "s@docker",
  },
  {
    host: "a.test",
    pathRegex: "^/(\\d+)$",
    query: { a: "b" },
    clientIp: "10.0.0.0/8",
    redirect: { to: "https://{host}{uri}", status: 301 },
  },
  {
    host: "a.test",
    redirect: [{ pattern: "(?i)^http://a(.*)", to: "https://b$1", status: 307 }],
    service: "s",
  },
  {
    host: "a.test",
    forceHttps: { port: 8443 },
    respond: { status: 201, body: "é\n", contentType: "text/html" },
  },
  {
    host: "a.test",
    service: "s",
    timeouts: { response: "5m", tunnel: 0 },
    maxBody: 12_345,
    maintenance: true,
    replacePrefix: { from: "/a", to: "/b" },
    tls: "internal",
    hsts: true,
  },
  {
    host: "a.test",
    service: "s",
    redirect: "https",
    hsts: { maxAge: "400d", includeSubDomains: true, preload: true },
  },
  { host: "a.test", service: "s", hsts: { maxAge: 0 } },
  { host: "a.test", path: "/x", service: "s", stripPrefix: true, restoreUrls: true, spool: true },
  {
    host: "a.test",
    service: "s",
    restoreUrls: { from: "/b", to: "/", hosts: ["b:1", "c"], cookieDomains: "b" },
    spool: { memory: "1MiB" },
  },
];

test("a route in words is the same route", () => {
  for (const value of routes) {
    const [route] = read("routes", value).routes;
    ok(route !== undefined);
    const [again] = read("routes", routeWords(route, route.service, defaults)).routes;
    deepStrictEqual(again, route, JSON.stringify(value));
  }
  strictEqual(routes.length, 11);
});

test("a route of streams in words is the same route", () => {
  const value = {
    sni: ["a.test", "*.b.test"],
    alpn: "h2",
    listener: "db",
    service: "s",
    timeouts: { connect: "1s", tunnel: "2h" },
  };
  for (const tls of [true, "auto", "internal"]) {
    const [route] = read("tcpRoutes", { ...value, tls }).streamRoutes;
    ok(route !== undefined);
    const words = streamRouteWords(route, route.service, defaults);
    const [again] = read("tcpRoutes", words).streamRoutes;
    deepStrictEqual(again, route);
    strictEqual(words["tls"], tls);
  }
});

test("an overlay in words changes the same, and nothing else", () => {
  const values = [
    { timeouts: { response: "5m" } },
    { priority: 3, maintenance: { retryAfter: "10m" }, stripPrefix: "/a" },
    { host: "b.test", service: "s@docker", accessLog: false, tls: "auto" },
  ];
  for (const value of values) {
    const [overlay] = read("overlays", value).overlays;
    ok(overlay !== undefined);
    const [again] = read("overlays", overlayWords(overlay)).overlays;
    deepStrictEqual(again, overlay, JSON.stringify(value));
  }
});

test("what lets somebody in is not shown", () => {
  const check = { http: "/", headers: { Authorization: "Bearer 5ecret", "X-Probe": "1" } };
  const [service] = read("services", { backends: ["http://10.0.0.1"], check }).services;
  ok(service !== undefined);
  const text = JSON.stringify(serviceWords(service));
  ok(!text.includes("5ecret") && text.includes('"X-Probe":"1"'));
});
