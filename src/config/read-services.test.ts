// What is written about services, and what the Snapshot makes of it.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { defaultBreaker, defaultCheck, defaultPassive, defaultRetry } from "./limits.ts";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";
import type { Snapshot } from "./snapshot.ts";
import type { BackendService, Service } from "./service.ts";

function read(text: string, baseFolder = "/base"): Snapshot {
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder });
  assert.ok(snapshot, problems.map(formatProblem).join("\n"));
  return snapshot;
}

/** The service `s`, with these keys and one backend. */
function keys(text: string, url = "http://x:1"): BackendService {
  const service = read(`services: { s: { backends: ["${url}"], ${text} } }`).services.get("s");
  assert.equal(service?.kind, "backends");
  return service;
}

function service(snapshot: Snapshot, name: string): Service {
  const found = snapshot.services.get(name);
  assert.ok(found);
  return found;
}

test("backends of streams are told apart by scheme", () => {
  const found = ["tcp://h:1", "tls://h:2", "tcp://unix:/run/db.sock", "udp://[::1]:53"].map(
    (url) => {
      const [backend] = keys("", url).backends;
      return [backend?.protocol, backend?.secure, backend?.address, backend?.authority];
    },
  );
  assert.deepEqual(found, [
    ["tcp", false, { kind: "tcp", host: "h", port: 1 }, "h:1"],
    ["tcp", true, { kind: "tcp", host: "h", port: 2 }, "h:2"],
    ["tcp", false, { kind: "unix", path: "/run/db.sock" }, "localhost"],
    ["udp", false, { kind: "tcp", host: "::1", port: 53 }, "[::1]:53"],
  ]);
});

test("a backend has a weight and a tier", () => {
  const { services } = read(`
services:
  s: { backends: [http://a, { url: http://b, weight: 0 }, { url: http://c, weight: 1000, tier: 9 }] }`);
  const { backends } = services.get("s") as BackendService;
  assert.deepEqual(
    backends.map(({ weight, tier }) => [weight, tier]),
    [
      [1, 0],
      [0, 0],
      [1000, 9],
    ],
  );
});

test("a policy is a word, or what to hash", () => {
  const policies = ["round-robin", "two-random", "least-connections", "least-time", "random"];
  for (const policy of policies) {
    assert.deepEqual(keys(`balance: ${policy}`).balance, { policy });
  }
  const hashes = [
    ["client-ip", { from: "client-ip" }],
    ["path", { from: "path" }],
    ['"header:X-User"', { from: "header", name: "x-user" }],
    ['"cookie:Sid"', { from: "cookie", name: "Sid" }],
    ['"query:user id"', { from: "query", name: "user id" }],
  ] as const;
  for (const [text, key] of hashes) {
    const expected = { policy: "hash", key, bound: 1.25 };
    assert.deepEqual(keys(`balance: { hash: ${text} }`).balance, expected);
  }
  const unbound = { policy: "hash", key: { from: "path" }, bound: 0 };
  assert.deepEqual(keys("balance: { hash: path, bound: 0 }").balance, unbound);
});

test("sticky is a cookie of ours, with defaults, or the application's session", () => {
  const usual = {
    kind: "cookie",
    name: "tidegate",
    path: "/",
    domain: undefined,
    maxAge: undefined,
    sameSite: "lax",
    httpOnly: true,
    secure: "auto",
    legacy: undefined,
  } as const;
  assert.deepEqual(keys("sticky: true").sticky, usual);
  assert.equal(keys("sticky: false").sticky, undefined);
  const all =
    "sticky: { cookie: c, path: /app, domain: .Example.com, maxAge: 1500ms, sameSite: none, httpOnly: false, secure: always, legacy: SERVERID }";
  assert.deepEqual(keys(all).sticky, {
    kind: "cookie",
    name: "c",
    path: "/app",
    domain: "example.com",
    maxAge: 2,
    sameSite: "none",
    httpOnly: false,
    secure: "always",
    legacy: "SERVERID",
  });
  assert.deepEqual(keys('sticky: { session: "cookie:JSESSIONID" }').sticky, {
    kind: "application",
    source: { from: "cookie", name: "JSESSIONID" },
    idle: 3_600_000,
    sessions: 100_000,
  });
  assert.deepEqual(keys('sticky: { session: "header:X-Session", idle: 5m, sessions: 7 }').sticky, {
    kind: "application",
    source: { from: "header", name: "x-session" },
    idle: 300_000,
    sessions: 7,
  });
});

test("a check is a path, or one of five kinds with its own settings", () => {
  const http = {
    kind: "http",
    method: "GET",
    path: "/health?x=1",
    host: undefined,
    headers: {},
    statuses: [[200, 399]],
    body: undefined,
  };
  assert.deepEqual(keys("check: /health?x=1").check, {
    ...defaultCheck,
    probe: http,
    port: undefined,
  });
  const long = `check: { http: "/health?x=1", method: POST, host: "a:81", headers: { X-A: b },
    statuses: [204, "300-302"], body: ok, port: 81, interval: 500ms, timeout: 1s, rise: 1, fall: 9, initially: down }`;
  assert.deepEqual(keys(long).check, {
    probe: {
      ...http,
      method: "POST",
      host: "a:81",
      headers: { "X-A": "b" },
      statuses: [
        [204, 204],
        [300, 302],
      ],
      body: "ok",
    },
    port: 81,
    interval: 500,
    // Never longer than the interval itself.
    fastInterval: 500,
    timeout: 1000,
    rise: 1,
    fall: 9,
    initially: "down",
  });
  const probes = [
    ["tcp: true", { kind: "tcp", send: undefined, expect: undefined }],
    ['tcp: { send: "PING\\r\\n", expect: "+P" }', { kind: "tcp", send: "PING\r\n", expect: "+P" }],
    ["grpc: true", { kind: "grpc", service: "" }],
    ["grpc: my.Service", { kind: "grpc", service: "my.Service" }],
    ["mysql: true", { kind: "mysql" }],
    ["postgres: true", { kind: "postgres" }],
  ] as const;
  for (const [text, probe] of probes) {
    assert.deepEqual(keys(`check: { ${text} }`, "tcp://h:1").check?.probe, probe);
  }
  // Databases with an HTTP server beside them.
  assert.equal(keys("check: { http: /, port: 8008 }", "tcp://h:1").check?.port, 8008);
  assert.equal(keys("check: { tcp: true }", "udp://h:53").check?.probe.kind, "tcp");
});

test("what traffic shows, retries, holding and the end of all backends are set in their keys", () => {
  const found = keys(`
    passive: { connectFailures: 3, ratio: 12.5%, statuses: [500, "502-504"], slow: 2s },
    retry: { statuses: [503], tryTimeout: 1s, budget: 0 }, holdFor: 5s, maxHeld: 9, pauseFor: 2m,
    whenAllDown: refuse, slowStart: 30s`);
  assert.deepEqual(found.passive, {
    ...defaultPassive,
    connectFailures: 3,
    ratio: 0.125,
    statuses: [
      [500, 500],
      [502, 504],
    ],
    slow: 2000,
  });
  const retry = { ...defaultRetry, statuses: [[503, 503]], tryTimeout: 1000, budget: 0 };
  assert.deepEqual(found.retry, retry);
  assert.deepEqual(found.hold, { holdFor: 5000, maxHeld: 9, pauseFor: 120_000 });
  assert.equal(found.whenAllDown, "refuse");
  assert.equal(found.slowStart, 30_000);
  assert.equal(keys("proxyProtocol: v2", "tcp://h:1").proxyProtocol, "v2");
});

test("a breaker is an expression, kept as written and as data", () => {
  const text = "NetworkErrorRatio() > 0.30";
  const expression = {
    kind: "compare",
    metric: { kind: "networkErrorRatio" },
    operator: ">",
    value: 0.3,
  };
  assert.deepEqual(keys(`breaker: "${text}"`).breaker, { ...defaultBreaker, expression, text });
  const long = keys(`breaker: { when: "${text}", fallbackDuration: 1s, status: 429 }`).breaker;
  const expected = { ...defaultBreaker, expression, text, fallbackDuration: 1000, status: 429 };
  assert.deepEqual(long, expected);
});

test("maintenance is of a service or of a route, with a page read in advance", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tidegate-"));
  try {
    await writeFile(join(folder, "down.html"), "<h1>soon</h1>");
    const { services, routes } = read(
      `
services:
  a: { backends: [http://x], maintenance: true }
  b: { split: { a: 1 }, maintenance: { allow: [10.0.0.0/8], page: down.html, retryAfter: 90500ms } }
  c: { backends: [http://x], maintenance: false }
routes: { a.test: { service: a, maintenance: { page: down.html } }, b.test: { service: b } }`,
      folder,
    );
    const usual = { allow: [], page: undefined, retryAfter: 300 };
    const page = "<h1>soon</h1>";
    assert.deepEqual(services.get("a")?.maintenance, usual);
    assert.deepEqual(services.get("b")?.maintenance, {
      allow: ["10.0.0.0/8"],
      page,
      retryAfter: 91,
    });
    assert.equal(services.get("c")?.maintenance, undefined);
    assert.deepEqual(
      routes.map(({ maintenance }) => maintenance),
      [{ ...usual, page }, undefined],
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

const group = `
services:
  main: { backends: [http://a], timeouts: { response: 7s } }
  next: http://b
  short: { split: { main: 95, next: 5 } }
  long:
    split:
      - { service: main, weight: 95 }
      - { service: next, weight: 5, when: { header: { X-Canary: "1" } } }
      - { service: next, when: { cookie: { beta: "yes" } } }
      - { service: next }
    sticky: true
  safe: { failover: [main, next], statuses: [500-504] }
  copied: { mirror: main, to: { next: 12.5% }, maxBody: 1KiB, timeouts: { connect: 1s } }
  nested: { failover: [short, copied] }
routes: { a.test: { service: nested }, b.test: { service: copied }, c.test: { service: { split: { next: 1 } } } }
`;

test("a split has parts with weights and conditions", () => {
  const snapshot = read(group);
  const short = service(snapshot, "short");
  assert.deepEqual(short.kind === "split" && short.parts, [
    { service: "main", weight: 95, when: undefined },
    { service: "next", weight: 5, when: undefined },
  ]);
  const long = service(snapshot, "long");
  assert.ok(long.kind === "split");
  const when = { from: "header", name: "x-canary", value: "1" };
  assert.deepEqual(long.parts, [
    { service: "main", weight: 95, when: undefined },
    { service: "next", weight: 5, when },
    { service: "next", weight: 0, when: { from: "cookie", name: "beta", value: "yes" } },
    { service: "next", weight: 1, when: undefined },
  ]);
  // Not that of its parts, which would overwrite it.
  assert.equal(long.sticky?.kind === "cookie" && long.sticky.name, "tidegate-part");
  assert.equal(service(snapshot, "c.test").kind, "split");
});

test("failover names services and statuses, and a mirror who gets copies", () => {
  const snapshot = read(group);
  const safe = service(snapshot, "safe");
  assert.deepEqual(safe.kind === "failover" && [safe.services, safe.statuses], [
    ["main", "next"],
    [[500, 504]],
  ]);
  const copied = service(snapshot, "copied");
  assert.deepEqual(copied.kind === "mirror" && [copied.service, copied.copies, copied.maxBody], [
    "main",
    [{ service: "next", percent: 12.5 }],
    1024,
  ]);
});

test("a service of services grants what it says itself, else what its first one does", () => {
  const [nested, copied] = read(group).routes;
  assert.deepEqual([nested?.timeouts.response, nested?.timeouts.connect], [7000, 5000]);
  assert.deepEqual([copied?.timeouts.response, copied?.timeouts.connect], [7000, 1000]);
});

test("shares are exact where they can be", () => {
  for (const each of [1, 5, 7, 10, 20, 29, 57, 99, 100]) {
    assert.equal(keys(`retry: { budget: ${each}% }`).retry.budget, each / 100);
  }
});
