import { noCredentials } from "./certificate.ts";
import { noDocuments } from "./documents.ts";
import { noGuests } from "./guest.ts";
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { defaultBackendTls } from "./backend-tls-limits.ts";
import { defaultWorkers } from "./limits.ts";
import { formatProblem } from "./problem.ts";
import { defaultSnapshot, readConfig, readConfigFile } from "./read.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Service } from "./service.ts";

const sample = `\
listeners:
  web: ":8080"
routes:
  www.example.com: http://127.0.0.1:3000
  "*.example.com": [http://127.0.0.1:3001, http://127.0.0.1:3002]
  example.com/api: { service: api, stripPrefix: true, timeouts: { response: 300s }, maxBody: 0 }
  odd: { rule: "Host(\`a.example.com\`) && (PathPrefix(\`/x\`) || Header(\`X-Beta\`, \`1\`)) && !ClientIP(\`10.0.0.0/8\`)", service: api, priority: 50 }
  app: { host: app.example.com, service: { backends: ["unix:/run/app.sock"] } }
  old: { host: old.example.com, redirect: "https://new.example.com{uri}" }
services:
  api: { backends: [{ url: "http://127.0.0.1:4000", weight: 2 }, "http://[::1]:4001"] }
accessLog: { format: combined, path: stdout }
limits: { connections: 20000, connectionsPerAddress: 2000 }
workers: 1
`;

const timeouts = {
  body: 60_000,
  connect: 5000,
  response: 60_000,
  responseBody: 60_000,
  tunnel: 3_600_000,
};

const service = {
  kind: "backends",
  maintenance: undefined,
  absent: [],
  onDemand: undefined,
  balance: { policy: "two-random" },
  slowStart: 0,
  sticky: undefined,
  host: "keep",
  pool: {
    maxConnections: 512,
    maxWaiting: 1024,
    maxWait: 10_000,
    maxIdle: 128,
    idleTimeout: 30_000,
  },
  tls: defaultBackendTls,
  retry: {
    attempts: 2,
    replayBody: 65_536,
    nonIdempotent: false,
    tryTimeout: 0,
    statuses: [],
    budget: 0.2,
  },
  check: undefined,
  passive: {
    connectFailures: 1,
    failures: 5,
    ratio: 0,
    minRequests: 20,
    window: 10_000,
    slow: 0,
    statuses: [],
    deadFor: 10_000,
  },
  whenAllDown: "try",
  hold: { holdFor: 0, maxHeld: 1000, pauseFor: 60_000 },
  breaker: undefined,
  proxyProtocol: undefined,
} as const;

/** What routes with `tls: auto` get when nobody says anything. */
const defaultAcme = {
  isSaid: false,
  contact: [],
  authorities: [
    {
      directory: "https://acme-v02.api.letsencrypt.org/directory",
      who: "Let's Encrypt",
      place: "t.yaml:1:1",
      ca: undefined,
      binding: undefined,
      profile: undefined,
      preferredChain: undefined,
    },
  ],
  challenges: ["http-01", "tls-alpn-01", "dns-01"],
  dns: undefined,
  keyType: "ec",
  onDemand: undefined,
} as const;

function read(text: string): Snapshot {
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder: "/base" });
  assert.ok(snapshot, problems.map(formatProblem).join("\n"));
  return snapshot;
}

function backendsOf(found: Service | undefined) {
  return found?.kind === "backends" ? found.backends : [];
}

function origin(line: number, column = 3) {
  return { provider: "file", place: `t.yaml:${line}:${column}` };
}

function tcp(url: string, host: string, port: number, weight = 1) {
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const address = { kind: "tcp", host, port } as const;
  const place = { protocol: "http", secure: false, address, basePath: "", authority } as const;
  return { url, ...place, weight, tier: 0 };
}

test("the sample reads into listeners, settings and defaults", () => {
  const { listeners, services: _s, routes: _r, written, ...rest } = read(sample);
  assert.deepEqual(listeners, [
    {
      name: "web",
      origin: origin(2),
      bind: [{ kind: "tcp", host: "::", port: 8080 }],
      protocol: "http",
      service: undefined,
      streamTimeouts: { connect: 5000, idle: 3_600_000 },
      datagrams: { sessions: 10_000, sessionsPerAddress: 1000, idle: 30_000 },
      proxyProtocol: false,
      tls: undefined,
      http2: false,
      trustedProxies: [],
      timeouts: { head: 30_000, idle: 75_000 },
    },
  ]);
  assert.deepEqual(rest, {
    version: 0,
    tls: {
      places: [],
      demanded: [],
      defaultName: undefined,
      options: { profile: "intermediate", strict: false, clientAuth: undefined },
      hosts: [],
      acme: defaultAcme,
    },
    accessLog: { enabled: true, format: "combined", path: "stdout" },
    limits: {
      connections: 20_000,
      connectionsPerAddress: 2000,
      headBytes: 32_768,
      headerCount: 100,
      targetBytes: 16_384,
      responseHeadBytes: 65_536,
      trailerBytes: 8192,
      bufferBytes: 65_536,
      http2: { streams: 128, window: 1_048_576 },
    },
    shutdown: { grace: 30_000, tunnelGrace: 5000 },
    errorPages: undefined,
    debug: { allow: [] },
    compat: {
      bareLf: false,
      forwarded: false,
      hipache: false,
      dockerProxyApi: undefined,
      proxyEtcApi: undefined,
    },
    workers: { ...defaultWorkers, count: 1 },
    runAs: { user: undefined, group: undefined },
    controlSocket: undefined,
    pidFile: undefined,
    stateFolder: undefined,
    streamRoutes: [],
    alerts: undefined,
    metrics: { address: undefined, maxSeries: 1000 },
    tests: [],
    tracing: undefined,
    fleet: undefined,
    admin: {
      host: "127.0.0.1",
      port: 8081,
      isSaid: false,
      tls: undefined,
      hosts: [],
      cors: [],
    },
    providers: [],
    secret: "",
    credentials: noCredentials,
    guests: noGuests,
    documents: noDocuments,
  });
  // As it stands there, for whoever is shown it; relative paths begin where the file is.
  assert.equal(written?.items.routes.size, 6);
  assert.equal(written.folder, "/base");
  assert.deepEqual(written.defaults.tcpListeners, []);
});

test("the sample's routes are rules, middlewares and services", () => {
  const { routes } = read(sample);
  const common = {
    priority: undefined,
    middlewares: [],
    maintenance: undefined,
    timeouts,
    maxBody: 0,
    errorPages: undefined,
    accessLog: undefined,
  };
  const [www, wild, api, odd, app, old, ...none] = routes;
  assert.deepEqual(none, []);
  const named = (name: string, line: number) => ({
    ...common,
    name,
    service: name,
    origin: origin(line),
  });
  assert.deepEqual(www, {
    ...named("www.example.com", 4),
    rule: { kind: "host", host: "www.example.com" },
  });
  assert.deepEqual(wild, {
    ...named("*.example.com", 5),
    rule: { kind: "host", host: "*.example.com" },
  });
  assert.deepEqual(api, {
    ...named("example.com/api", 6),
    service: "api",
    rule: {
      kind: "all",
      rules: [
        { kind: "host", host: "example.com" },
        { kind: "pathPrefix", prefix: "/api", segment: true },
      ],
    },
    middlewares: [{ kind: "stripPrefix", prefixes: ["/api"] }],
    timeouts: { ...timeouts, response: 300_000 },
  });
  assert.equal(odd?.priority, 50);
  assert.equal(odd.service, "api");
  assert.equal(odd.rule.kind, "all");
  assert.deepEqual(app, { ...named("app", 8), rule: { kind: "host", host: "app.example.com" } });
  assert.deepEqual(old, {
    ...named("old", 9),
    service: undefined,
    rule: { kind: "host", host: "old.example.com" },
    middlewares: [{ kind: "redirect", to: "https://new.example.com{uri}", status: 302 }],
  });
});

test("the sample's services are complete, those written inside routes too", () => {
  const { services } = read(sample);
  assert.deepEqual(Object.fromEntries(services), {
    api: {
      ...service,
      name: "api",
      origin: origin(11),
      backends: [
        tcp("http://127.0.0.1:4000", "127.0.0.1", 4000, 2),
        tcp("http://[::1]:4001", "::1", 4001),
      ],
    },
    "www.example.com": {
      ...service,
      name: "www.example.com",
      origin: origin(4),
      backends: [tcp("http://127.0.0.1:3000", "127.0.0.1", 3000)],
    },
    "*.example.com": {
      ...service,
      name: "*.example.com",
      origin: origin(5),
      backends: [
        tcp("http://127.0.0.1:3001", "127.0.0.1", 3001),
        tcp("http://127.0.0.1:3002", "127.0.0.1", 3002),
      ],
    },
    app: {
      ...service,
      name: "app",
      origin: origin(8, 33),
      backends: [
        {
          url: "unix:/run/app.sock",
          protocol: "http",
          secure: false,
          address: { kind: "unix", path: "/run/app.sock" },
          basePath: "",
          authority: "localhost",
          weight: 1,
          tier: 0,
        },
      ],
    },
  });
});

test("timeouts come from the route, else its service, else the top", () => {
  const { routes } = read(`
timeouts: { connect: 1s, response: 2s, tunnel: 0 }
services: { api: { backends: [http://x], timeouts: { response: 3s, body: 4s } } }
routes: { a.test: { service: api, timeouts: { body: 5s } } }`);
  const expected = { connect: 1000, response: 3000, body: 5000, responseBody: 60_000, tunnel: 0 };
  assert.deepEqual(routes[0]?.timeouts, expected);
});

test("matching keys become one rule", () => {
  const { routes } = read(`
routes:
  all:
    host: [A.Test., "*.B.test", "[::0001]"]
    path: /p
    pathRegex: "(?i)^/p/[0-9]+$"
    methods: [GET, HEAD]
    headers: { X-Beta: "1" }
    query: { v: "2" }
    clientIp: 10.0.0.0/8
    whoami: true`);
  assert.deepEqual(routes[0]?.rule, {
    kind: "all",
    rules: [
      {
        kind: "any",
        rules: [
          { kind: "host", host: "a.test" },
          { kind: "host", host: "*.b.test" },
          { kind: "host", host: "[::1]" },
        ],
      },
      { kind: "pathPrefix", prefix: "/p", segment: true },
      { kind: "pathRegexp", pattern: "^/p/[0-9]+$", flags: "i" },
      {
        kind: "any",
        rules: [
          { kind: "method", method: "GET" },
          { kind: "method", method: "HEAD" },
        ],
      },
      { kind: "header", name: "x-beta", value: "1" },
      { kind: "query", name: "v", value: "2" },
      { kind: "clientIp", network: "10.0.0.0/8" },
    ],
  });
});

test("rewrites run in one order, however they are written", () => {
  const { routes } = read(`
routes:
  a.test/api/:
    addPrefix: /v1/
    replacePath: { pattern: "(?i)^/x", replacement: /y }
    replacePrefix: /new
    stripPrefix: [/one/, /two]
    service: http://x`);
  assert.deepEqual(routes[0]?.middlewares, [
    { kind: "stripPrefix", prefixes: ["/one", "/two"] },
    { kind: "replacePrefix", from: "/api", to: "/new" },
    { kind: "replacePath", pattern: "(?i:^/x)", replacement: "/y" },
    { kind: "addPrefix", prefix: "/v1" },
  ]);
});

test("backends are told apart by scheme, port, base path and socket", () => {
  const urls = ["https://H.test/b/", "http://h.test:81", "http://unix:/run/x:/base", "http://a_b"];
  const { services } = read(`services: { s: [${urls.map((url) => `"${url}"`).join(", ")}] }`);
  assert.deepEqual(
    backendsOf(services.get("s")).map(({ secure, address, basePath, authority }) => [
      secure,
      address.kind === "unix" ? address.path : `${address.host} ${address.port}`,
      basePath,
      authority,
    ]),
    [
      [true, "h.test 443", "/b", "h.test"],
      [false, "h.test 81", "", "h.test:81"],
      [false, "/run/x", "/base", "localhost"],
      [false, "a_b 80", "", "a_b"],
    ],
  );
});

test("a service inside a route does not replace one of the same name", () => {
  const { services, routes } = read(`
routes: { api: http://x, b.test: { service: api } }
services: { api: http://y }`);
  assert.deepEqual(
    routes.map((route) => route.service),
    ["api@route", "api"],
  );
  assert.equal(backendsOf(services.get("api"))[0]?.url, "http://y");
  assert.equal(backendsOf(services.get("api@route"))[0]?.url, "http://x");
});

test("JSON is read like YAML", () => {
  const text = '{"routes": {"a.test": {"whoami": true}}, "workers": 2}';
  const snapshot = read(text);
  assert.equal(snapshot.workers.count, 2);
  assert.deepEqual(snapshot.routes[0]?.middlewares, [{ kind: "whoami" }]);
});

test("an anchor may be used again", () => {
  const { routes } = read(`
routes:
  a.test: &one { service: http://x, maxBody: 1k }
  b.test: *one`);
  assert.deepEqual(
    routes.map((route) => route.maxBody),
    [1024, 1024],
  );
});

test("an empty file and empty sections are valid, with a warning", () => {
  for (const text of ["", "# nothing\n", "routes:\nlisteners:\ntimeouts:\n"]) {
    const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder: "/" });
    assert.equal(snapshot?.listeners[0]?.name, "web");
    assert.deepEqual(
      problems.map(({ severity }) => severity),
      ["warning"],
    );
  }
});

test("a flood of aliases is refused", () => {
  const lines = ["a: &a0 [x, x, x, x, x, x, x, x, x]"];
  for (let n = 1; n < 8; n++) {
    lines.push(`b${n}: &a${n} [${Array.from({ length: 9 }, () => `*a${n - 1}`).join(", ")}]`);
  }
  const { snapshot, problems } = readConfig(lines.join("\n"), { file: "t.yaml", baseFolder: "/" });
  assert.equal(snapshot, undefined);
  assert.match(problems[0]?.message ?? "", /alias/);
});

test("a file larger than the limit is refused unread", () => {
  const text = `# ${"x".repeat(16 * 1024 * 1024)}`;
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder: "/" });
  assert.equal(snapshot, undefined);
  assert.deepEqual(problems.map(formatProblem), ["t.yaml:1:1: is larger than 16 MiB"]);
});

test("relative paths start at the file's folder", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tidegate-"));
  try {
    await writeFile(join(folder, "t.yaml"), "errorPages: .\naccessLog: logs/access.log\n");
    const { snapshot } = await readConfigFile(join(folder, "t.yaml"));
    assert.equal(snapshot?.errorPages, folder);
    assert.equal(snapshot.accessLog.path, join(folder, "logs/access.log"));
    const missing = await readConfigFile(join(folder, "none.yaml"));
    assert.match(missing.problems[0]?.message ?? "", /^cannot be read: ENOENT/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("what runs without a file is one listener, the sample route and what is looked at", () => {
  const { listeners, routes, providers } = defaultSnapshot(9000, ["docker", "lxc"]);
  assert.deepEqual(
    providers.map(({ kind, place }) => [kind, place]),
    [
      ["docker", "built in"],
      ["lxc", "built in"],
    ],
  );
  assert.deepEqual(defaultSnapshot(9000).providers, []);
  assert.deepEqual(listeners[0]?.bind, [{ kind: "tcp", host: "::", port: 9000 }]);
  assert.deepEqual(routes[0]?.rule, { kind: "host", host: "whoami.localhost" });
  assert.deepEqual(routes[0].middlewares, [{ kind: "whoami" }]);
  assert.equal(routes[0].origin.provider, "default");
});
