// Configurations of Traefik, Docker Proxy and proxy-etc, and Caddyfiles that cannot be read, as the command makes them
// ours; what was made of proxy-etc's routes serves.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { parse } from "yaml";
import { ask, field } from "../harness/ask.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { echoOrigin } from "../harness/echo-origin.ts";
import { seenAt } from "../harness/seen.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

interface Files {
  /** The first is imported. */
  readonly [name: string]: string;
}

async function imported(program: string, files: Files) {
  await using folder = await tempFolder();
  for (const [name, text] of Object.entries(files)) await writeFile(folder.file(name), text);
  const [name = ""] = Object.keys(files);
  const ended = await runCommand(tidegate, ["import", program, folder.file(name)]);
  const yaml = folder.file("tidegate.yaml");
  await writeFile(yaml, ended.stdout);
  const checked = ended.code === 0 ? await runCommand(tidegate, ["check", yaml]) : undefined;
  assert.equal(checked?.code ?? 0, 0, checked?.stderr);
  const notes = ended.stderr.replaceAll(`${folder.path}/`, "");
  return { ...ended, notes, config: parse(ended.stdout) as Record<string, unknown> | null };
}

const traefik = `http:
  routers:
    app: { rule: "Host(\`app.test\`) && PathPrefix(\`/api\`)", service: app@file, middlewares: [strip, office] }
    canary: { rule: "Host(\`c.test\`)", service: both, priority: 7 }
    plain: { rule: "Host(\`r.test\`)", entryPoints: [web], middlewares: [https], service: app }
    secure: { rule: "Host(\`r.test\`)", entryPoints: [websecure], tls: {}, service: app }
    guarded: { rule: "Host(\`g.test\`)", middlewares: [password], service: app }
    missing: { rule: "Host(\`m.test\`)", service: nobody }
    asked: { rule: "Host(\`f.test\`)", middlewares: [zip, login], service: app }
  middlewares:
    strip: { stripPrefix: { prefixes: [/api] } }
    office: { ipAllowList: { sourceRange: [10.0.0.0/8] } }
    https: { redirectScheme: { scheme: https, permanent: true } }
    zip: { compress: {} }
    login: { forwardAuth: { address: "http://auth:9091/verify", authResponseHeaders: [Remote-User] } }
    password: { basicAuth: { users: ["a:secret-hash"] } }
  services:
    app:
      loadBalancer:
        servers: [{ url: "http://127.0.0.1:8001/" }, { url: "http://127.0.0.1:8002", weight: 3 }]
        healthCheck: { path: /health, interval: 10 }
    blog.v2: { loadBalancer: { servers: [{ url: "http://127.0.0.1:8003" }] } }
    both: { weighted: { services: [{ name: app, weight: 9 }, { name: blog.v2, weight: 1 }] } }
    copied: { mirroring: { service: app, mirrors: [{ name: blog.v2, percent: 10 }] } }
    safe: { failover: { service: app, fallback: blog.v2 } }
tcp:
  routers: { db: { rule: "HostSNI(\`*\`)", entryPoints: [mysql], service: db, middlewares: [lan] } }
  middlewares: { lan: { ipAllowList: { sourceRange: [10.0.0.0/8] } } }
  services: { db: { loadBalancer: { servers: [{ address: "127.0.0.1:3306" }] } } }
udp:
  routers: { dns: { entryPoints: [dns], service: dns } }
  services: { dns: { loadBalancer: { servers: [{ address: "127.0.0.1:53" }] } } }
entryPoints: { web: { address: ":80" }, mysql: { address: ":3306" }, dns: { address: ":53/udp" } }
`;

test("a file of Traefik becomes a complete configuration; what keeps people out stays closed", async () => {
  const { code, config, notes, stdout } = await imported("traefik", { "dynamic.yaml": traefik });
  assert.equal(code, 0, notes);
  const routes = config?.["routes"] as Record<string, Record<string, unknown>>;
  assert.deepEqual(routes["app"], {
    rule: '(Host("app.test") && PathPrefix("/api")) && ClientIP("10.0.0.0/8")',
    stripPrefix: ["/api"],
    service: "app",
  });
  assert.equal((routes["app-others"]?.["respond"] as { status: number } | undefined)?.status, 403);
  assert.deepEqual(routes["canary"], { rule: 'Host("c.test")', priority: 7, service: "both" });
  assert.deepEqual(routes["secure"]?.["forceHttps"], { status: 308 });
  assert.equal(routes["plain"], undefined);
  const address = "http://auth:9091/verify";
  assert.deepEqual(routes["asked"]?.["middlewares"], [
    { compress: true },
    {
      forwardAuth: {
        address,
        responseHeaders: ["Remote-User"],
        cookies: false,
        preserveLocationHeader: false,
      },
    },
  ]);
  for (const name of ["guarded", "missing"]) {
    assert.equal((routes[name]?.["respond"] as { status: number } | undefined)?.status, 503, name);
  }
  assert.doesNotMatch(stdout, /secret-hash/);
  assert.deepEqual(config?.["services"], {
    app: {
      backends: ["http://127.0.0.1:8001", { url: "http://127.0.0.1:8002", weight: 3 }],
      balance: "round-robin",
      check: { http: "/health", interval: "10s" },
    },
    "blog-v2": { backends: ["http://127.0.0.1:8003"], balance: "round-robin" },
    both: { split: { app: 9, "blog-v2": 1 } },
    copied: { mirror: "app", to: { "blog-v2": "10%" } },
    safe: { failover: ["app", "blog-v2"] },
    db: { backends: ["tcp://127.0.0.1:3306"] },
  });
  assert.deepEqual(config?.["listeners"], {
    web: ":80",
    mysql: { bind: ":3306", protocol: "tcp" },
    dns: { bind: ":53", protocol: "udp", service: { backends: ["udp://127.0.0.1:53"] } },
  });
  assert.deepEqual(config?.["tcpRoutes"], {
    db: { rule: '(HostSNI("*")) && ClientIP("10.0.0.0/8")', listener: ["mysql"], service: "db" },
  });
  assert.match(
    notes,
    /^dynamic\.yaml:16: http\.middlewares\.password\.basicAuth\.users: basicAuth\.users.*the route is closed/m,
  );
  assert.match(notes, /^dynamic\.yaml:8: http\.routers\.missing\.service: .*nobody/m);
});

test("what is not to be read is said in one line, with its place", async () => {
  const cases = [
    [
      "traefik",
      "dynamic.toml",
      "[http]\n",
      /TOML is not read; make it YAML first: yq -p toml -o yaml/,
    ],
    ["traefik", "a.yaml", "http:\n  x: [\n", /^tidegate: a\.yaml:\d+: not valid YAML/],
    ["traefik", "a.yaml", "version: 3\n", /has none of http, tcp, udp, tls, entryPoints/],
    [
      "caddy",
      "Caddyfile",
      "a.test {\n  respond hi\n",
      /Caddyfile:1: this block has no closing "}"/,
    ],
    [
      "caddy",
      "Caddyfile",
      'a.test {\n  respond "hi\n}\n',
      /Caddyfile:2: this text in quotes has no end/,
    ],
    ["caddy", "Caddyfile", "", /has no site: is it a Caddyfile\?/],
    [
      "caddy",
      "Caddyfile",
      "(a) {\n import a\n}\nb.test {\n import a\n}\n",
      /Caddyfile:2: imports are nested deeper/,
    ],
    ["proxy-etc", "routes.json", "{", /routes\.json: not valid JSON/],
    ["proxy-etc", "routes.json", "5", /routes\.json of proxy-etc has/],
    [
      "docker-proxy",
      "docker-proxy.yaml",
      "a: b\n",
      /has none of service, routes, images, containers/,
    ],
  ] as const;
  for (const [program, name, text, why] of cases) {
    const { code, stdout, notes } = await imported(program, { [name]: text });
    assert.equal(code, 1, text);
    assert.equal(stdout, "", text);
    assert.match(notes, why);
    assert.equal(notes.trim().split("\n").length, 1, notes);
  }
});

test("Docker Proxy's YAML and its environment become providers.docker", async () => {
  const environment = [
    "# as the service had it",
    "export DOCKER_PROXY_PORT=8000",
    "DOCKER_PROXY_HOSTNAME='127.0.0.1'",
    "DOCKER_SOCK_PATH=/run/docker.sock",
    "DOCKER_PROXY_WORKER_LIMIT=4",
    "PORT=many",
    "DOCKER_PROXY_WORKER_SILENT=true",
    "DOCKER_PROXY_API_PORT=16001",
    "DOCKER_ADDRESS=10.0.0.2",
    "DOCKER_PROXY_PUBLIC_PATH=/srv",
  ].join("\n");
  const { config, notes } = await imported("docker-proxy", { environment });
  assert.deepEqual(config, {
    listeners: { web: "127.0.0.1:8000" },
    providers: { docker: { endpoint: "unix:///run/docker.sock", publishedHost: "10.0.0.2" } },
    compat: { dockerProxyApi: "127.0.0.1:16001" },
    workers: 4,
    accessLog: false,
  });
  assert.equal(
    notes.trim(),
    [
      `environment:6: PORT: "many" is not understood, and the usual value is taken`,
      "environment:10: DOCKER_PROXY_PUBLIC_PATH: is not carried over",
    ].join("\n"),
  );
  const yaml =
    "service:\n  proxy: { options: { maxSockets: 9 } }\nroutes: { a.test: 127.0.0.1:81, b: 5 }\nimages: { x: y }\n";
  const file = await imported("docker-proxy", { "docker-proxy.yaml": yaml });
  assert.deepEqual(file.config, {
    listeners: { web: ":8080" },
    providers: { docker: true },
    compat: { dockerProxyApi: true },
    routes: { "a.test": { host: "a.test", service: "http://127.0.0.1:81" } },
  });
  assert.deepEqual(
    file.notes
      .trim()
      .split("\n")
      .map((note) => note.slice(0, 20)),
    ["docker-proxy.yaml:3:", "docker-proxy.yaml:4:", "docker-proxy.yaml:2:"],
  );
});

const sourceOf = (source: string, ports: readonly number[], sessionType = "Non Sticky") => {
  const targets = ports.map((port, id) => ({ host: "127.0.0.1", port, id, status: "success" }));
  return [source, { _id: source, source, targets, sessionType }] as const;
};

test("sources of proxy-etc serve: host, host with prefix, prefix, word and port", async () => {
  await using one = await echoOrigin("one");
  await using two = await echoOrigin("two");
  const routes = Object.fromEntries([
    sourceOf("shop.test", [one.port, two.port], "Sticky"),
    sourceOf("api.test/v1", [two.port]),
    sourceOf("blog", [one.port]),
    sourceOf("/wiki", [two.port]),
    sourceOf("18081", [two.port]),
  ]);
  const config = `module.exports = { workers: 2, maxSockets: 50, http: { hostname: "0.0.0.0", port: 8088 },
    app: { hostname: "127.0.0.1", port: 3333 }, credentials: { username: "admin", password: "hunter2" },
    memoryMonitor: { memoryLimit: 100, gracefulWait: 30, checkInterval: 60 }, mail: { apiKey: "k" }, tcpTimeout: 9 };`;
  const files = { "config.js": config, "routes.json": JSON.stringify(routes) };
  const made = await imported("proxy-etc", files);
  assert.equal(made.code, 0, made.notes);
  assert.deepEqual(made.config?.["workers"], {
    count: 2,
    memoryLimit: "100MiB",
    gracefulWait: "30s",
    checkInterval: "60s",
  });
  assert.deepEqual(made.config?.["listeners"], { web: ":8088", "port-18081": "127.0.0.1:18081" });
  assert.doesNotMatch(made.stdout + made.notes, /hunter2|"k"/);
  await using program = await startTidegate({
    config: { ...made.config, workers: 0, listeners: { web: "127.0.0.1:0" } },
  });
  const originOf = async (name: string, path: string) =>
    (await seenAt(program.port(), { name, path })).origin;
  assert.equal(await originOf("api.test", "/v1/x"), "two");
  assert.equal(await originOf("any.test", "/blog/x"), "one");
  assert.equal(await originOf("blog", "/"), "one");
  assert.equal(await originOf("any.test", "/wiki"), "two");
  assert.equal(await originOf("any.test:18081", "/"), "two");
  assert.equal((await seenAt(program.port(), { name: "any.test", path: "/" })).status, 404);
  // The cookie of old still says which target.
  for (const origin of [one, two]) {
    const headers = { Cookie: `SERVERID=127.0.0.1:${origin.port}` };
    const before = origin.requests.length;
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => ask(program.port(), { name: "shop.test", headers })),
    );
    assert.ok(answers.every(({ status }) => status === 200));
    assert.equal(origin.requests.length, before + 4);
  }
  // Whoever has none gets one.
  assert.match(field(await ask(program.port(), { name: "shop.test" }), "set-cookie"), /tidegate/);
});

test("a value that our own reader refuses costs no more than its item", async () => {
  const text =
    "http:\n  routers:\n    a: { rule: \"Host(`a.test`)\", service: a }\n    b: { rule: 'Nonsense(', service: a }\n  services:\n    a: { loadBalancer: { servers: [{ url: 'http://127.0.0.1:1' }], healthCheck: { path: /x, interval: often } } }\n";
  const { config, notes } = await imported("traefik", { "dynamic.yaml": text });
  assert.deepEqual(Object.keys(config?.["routes"] as object), ["a"]);
  assert.match(notes, /^services\.a: .*it is left out$/m);
  assert.match(notes, /^routes\.a: .*closed, and answers 503$/m);
  assert.match(notes, /^routes\.b: .*left out$/m);
});
