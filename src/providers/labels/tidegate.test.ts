import assert from "node:assert/strict";
import { test } from "node:test";
import { noteLines, routeLines, translated } from "../../../test/harness/translated.ts";
import type { Given } from "../../../test/harness/translated.ts";

type Labels = Readonly<Record<string, string>>;

const web = (labels: Labels, more: Partial<Given> = {}) =>
  translated([{ name: "web", labels, ...more }]);

const tables: readonly (readonly [string, Labels, readonly string[]])[] = [
  [
    "a host and a port",
    { "tidegate.host": "a.test", "tidegate.port": "8080" },
    ["web@docker: Host(`a.test`) → http://172.18.0.2:8080"],
  ],
  [
    "several hosts, a path, and settings by their YAML names in any case",
    {
      "tidegate.HOST": "a.test, *.b.test",
      "tidegate.path": "/api",
      "tidegate.stripprefix": "true",
      "tidegate.methods": "GET, POST",
    },
    [
      "web@docker: (Host(`a.test`) || Host(`*.b.test`)) && (Path(`/api`) || PathPrefix(`/api/`))" +
        " && (Method(`GET`) || Method(`POST`)) → stripPrefix /api → http://172.18.0.2:80",
    ],
  ],
  [
    "a rule instead",
    { "tidegate.rule": "Host(`a.test`) && PathPrefix(`/x`)" },
    ["web@docker: Host(`a.test`) && PathPrefix(`/x`) → http://172.18.0.2:80"],
  ],
  ...(["h2c", "grpc", "GRPCS"] as const).map((scheme): (typeof tables)[number] => [
    `HTTP/2 is spoken where the scheme is ${scheme}`,
    { "tidegate.host": "a.test", "tidegate.scheme": scheme, "tidegate.port": "50051" },
    [`web@docker: Host(\`a.test\`) → ${scheme === "GRPCS" ? "grpcs" : "h2c"}://172.18.0.2:50051`],
  ]),
  [
    "a redirect needs nobody",
    {
      "tidegate.host": "a.test",
      "tidegate.redirect.to": "https://b.test{uri}",
      "tidegate.redirect.status": "301",
    },
    ["web@docker: Host(`a.test`) → redirect https://b.test{uri} 301"],
  ],
  ...[
    { "tidegate.redirect.pattern": "^https://a.test/old(.*)$", "tidegate.redirect.TO": "/new$1" },
    { "tidegate.redirect": "{ pattern: '^https://a.test/old(.*)$', to: /new$1 }" },
    { "tidegate.redirect": "[{ to: /new$1, Pattern: '^https://a.test/old(.*)$' }]" },
  ].map((redirect, index): (typeof tables)[number] => [
    `a redirect by pattern lets others through to the container, in form ${index + 1}`,
    { "tidegate.host": "a.test", ...redirect },
    [
      "web@docker: Host(`a.test`) → redirectMatch ^https://a.test/old(.*)$ /new$1 302 → http://172.18.0.2:80",
    ],
  ]),
  [
    "a redirect to https lets others through to the container",
    { "tidegate.host": "a.test", "tidegate.redirect": "https", "tidegate.hsts": "true" },
    ["web@docker: Host(`a.test`) → forceHttps 308 → http://172.18.0.2:80"],
  ],
  [
    "of several redirects the last one may be for all",
    {
      "tidegate.host": "a.test",
      "tidegate.redirect": "[{ pattern: 'old$', to: /new }, 'https://b.test{uri}']",
    },
    ["web@docker: Host(`a.test`) → redirectMatch old$ /new 302 → redirect https://b.test{uri} 302"],
  ],
  [
    "several routes share the container's port, or have their own",
    {
      "tidegate.port": "80",
      "tidegate.routes.www.host": "a.test",
      "tidegate.routes.api.host": "a.test",
      "tidegate.routes.api.path": "/api",
      "tidegate.routes.api.port": "81",
      "tidegate.routes.api.scheme": "https",
    },
    [
      "web-api@docker: Host(`a.test`) && (Path(`/api`) || PathPrefix(`/api/`)) → https://172.18.0.2:81",
      "web-www@docker: Host(`a.test`) → http://172.18.0.2:80",
    ],
  ],
  [
    "connections of TCP listeners",
    { "tidegate.tcp.db.sni": "db.test", "tidegate.tcp.db.port": "5432" },
    ["web-db@docker: HostSNI(`db.test`) → tcp://172.18.0.2:5432"],
  ],
];

for (const [what, labels, routes] of tables) {
  test(`labels become routes: ${what}`, () => {
    const found = web(labels, { exposed: [{ port: 80, protocol: "tcp" }] });
    assert.deepEqual(routeLines(found), routes);
    assert.ok(!noteLines(found).some((line) => /^(error|warning)/.test(line)), "it has notes");
  });
}

test("settings of a service are read as the schema wants them", () => {
  const { discovery, findings } = web({
    "tidegate.host": "a.test",
    "tidegate.weight": "3",
    "tidegate.service.holdFor": "10s",
    "tidegate.service.check": "/health",
    "tidegate.service.sticky": "true",
    "tidegate.service.sticky.secure": "always",
    "tidegate.service.retry.attempts": "0",
    "tidegate.service.retry.statuses": "[502, 500-504]",
  });
  const service = discovery.services["web@docker"];
  assert.ok(service?.kind === "backends");
  assert.equal(service.backends[0]?.weight, 3);
  assert.equal(service.hold.holdFor, 10_000);
  assert.ok(service.check?.probe.kind === "http" && service.check.probe.path === "/health");
  assert.ok(service.sticky?.kind === "cookie" && service.sticky.secure === "always");
  assert.equal(service.retry.attempts, 0);
  assert.equal(service.retry.statuses.length, 2);
  assert.deepEqual(findings[0]?.notes, []);
});

test("one route may have a service with settings of its own, besides those for all", () => {
  const { discovery } = web({
    "tidegate.host": "a.test",
    "tidegate.service.holdFor": "10s",
    "tidegate.routes.b.host": "b.test",
    "tidegate.routes.b.service.maxHeld": "5",
  });
  const services = Object.values(discovery.services).map((each) =>
    each.kind === "backends" ? [each.name, each.hold.holdFor, each.hold.maxHeld] : [],
  );
  assert.deepEqual(services, [
    ["web@docker", 10_000, 1000],
    ["web-b@docker", 10_000, 5],
  ]);
});

const faults: readonly (readonly [string, Labels, string])[] = [
  ["a slip in a key", { "tidegate.prot": "80" }, "tidegate.prot: unknown key"],
  [
    "a wrong type",
    { "tidegate.timeouts.response": "5" },
    "tidegate.timeouts.response: 5 has no unit",
  ],
  ["a wrong number", { "tidegate.weight": "many" }, 'tidegate.weight: "many" is no weight'],
  ["a wrong port", { "tidegate.port": "0" }, 'tidegate.port: "0" is no port'],
  ["a wrong scheme", { "tidegate.scheme": "fastcgi" }, 'tidegate.scheme: "fastcgi" is no scheme'],
  [
    "a wrong setting of the service",
    { "tidegate.service.balance": "best" },
    "tidegate.service.balance",
  ],
  [
    "a file for the log",
    { "tidegate.accessLog.path": "/etc/x" },
    "tidegate.accessLog.path: a label may not",
  ],
  [
    "a file for the log, in short",
    { "tidegate.accesslog": "/etc/x" },
    "tidegate.accesslog: a label may not",
  ],
  ["a folder of pages", { "tidegate.errorPages": "/etc" }, "tidegate.errorPages: a label may not"],
  [
    "a page",
    { "tidegate.maintenance.page": "/etc/x" },
    "tidegate.maintenance.page: a label may not",
  ],
  [
    "authorities",
    { "tidegate.service.tls.ca": "/etc/x" },
    "tidegate.service.tls.ca: a label may not",
  ],
  [
    "backends",
    { "tidegate.service.Backends": "http://x" },
    "tidegate.service.Backends: a label may not",
  ],
  ...[
    { "tidegate.service.backends": "http://127.0.0.1:16000" },
    { "tidegate.service.backends.0.url": "http://127.0.0.1:16000" },
    { "tidegate.SERVICE.BACKENDS": "[http://127.0.0.1:16000]" },
    { "tidegate.service.bac\u212Aends": "[http://127.0.0.1:16000]" },
    { "tidegate.service.Backends": "[{ url: http://127.0.0.1:16000 }]" },
  ].map((labels): (typeof faults)[number] => [
    `backends, as ${Object.entries(labels).join()}`,
    labels,
    `${Object.keys(labels).join()}: a label may not lead to anybody else`,
  ]),
  ...[
    "{ backends: [http://127.0.0.1:16000] }",
    "{ BACKENDS: [http://127.0.0.1:16000], check: / }",
    "http://127.0.0.1:16000",
    "[http://127.0.0.1:16000]",
  ].map((service): (typeof faults)[number] => [
    `a whole service, ${service}`,
    { "tidegate.service": service },
    "tidegate.service: leads to the container itself",
  ]),
  ["a split", { "tidegate.service.split.x": "1" }, "tidegate.service.split.x: a label may not"],
  [
    "a service of others",
    { "tidegate.service": "other@file" },
    "tidegate.service: leads to the container",
  ],
  ["a key that is none", { "tidegate..x": "1" }, "tidegate..x: is no label"],
  ["a route without a key", { "tidegate.routes.x": "1" }, "tidegate.routes.x: says no key"],
  [
    "a key said twice",
    { "tidegate.redirect": "/x", "tidegate.redirect.to": "/y" },
    "is said twice",
  ],
  ["the prototype", { "tidegate.__proto__.x": "1" }, "tidegate.__proto__.x: unknown key"],
];

for (const [what, labels, note] of faults) {
  test(`no route is made of what is wrong, and a note names the label: ${what}`, () => {
    const found = web({ "tidegate.host": "a.test", ...labels });
    assert.deepEqual(routeLines(found), []);
    const lines = noteLines(found).filter((line) => line.startsWith("error "));
    assert.ok(
      lines.some((line) => line.includes(note)),
      lines.join("\n"),
    );
  });
}

test("no route of several, and none of TCP, leads to backends that a label names", () => {
  const elsewhere = "http://127.0.0.1:16000";
  const found = web({
    "tidegate.routes.a.host": "a.test",
    "tidegate.routes.a.service.backends": elsewhere,
    "tidegate.routes.b.host": "b.test",
    "tidegate.routes.b.service": `{ backends: [${elsewhere}] }`,
    "tidegate.routes.c.host": "c.test",
    "tidegate.routes.c.SERVICE.failover": "[other@file]",
    "tidegate.routes.d": `{ host: d.test, service: { backends: [${elsewhere}] } }`,
    "tidegate.tcp.e.sni": "e.test",
    "tidegate.tcp.e.service.Backends": "[tcp://127.0.0.1:16000]",
    "tidegate.tcp.f.sni": "f.test",
    "tidegate.tcp.f.service": "{ backends: [tcp://127.0.0.1:16000] }",
    "tidegate.routes.good.host": "good.test",
  });
  assert.deepEqual(routeLines(found), [
    "web-good@docker: Host(`good.test`) → http://172.18.0.2:80",
  ]);
  assert.ok(!JSON.stringify(found.discovery).includes("16000"));
});

test("what is wrong with one route leaves the others alone", () => {
  const found = web({
    "tidegate.host": "a.test",
    "tidegate.routes.b.host": "b.test",
    "tidegate.routes.b.port": "x",
    "tidegate.routes.c.host": "c.test",
    "tidegate.routes.c.stripPrefix": "maybe",
  });
  assert.deepEqual(routeLines(found), ["web@docker: Host(`a.test`) → http://172.18.0.2:80"]);
});

test("a slip is told with the key that was probably meant", () => {
  const lines = noteLines(web({ "tidegate.host": "a.test", "tidegate.prot": "1" }));
  assert.deepEqual(lines, ['error tidegate.prot: unknown key "prot"; write tidegate.port']);
  const other = noteLines(web({ "tidegate.hots": "a.test" }));
  assert.match(other.join(), /write tidegate\.host, or add tidegate\.host/);
});

test("tidegate.enable decides; what is neither true nor false is not routed", () => {
  const labels = { "tidegate.host": "a.test" };
  const count = (enable: string | undefined, exposedByDefault: boolean) => {
    const all = enable === undefined ? labels : { ...labels, "tidegate.enable": enable };
    return routeLines(translated([{ name: "web", labels: all }], {}, { exposedByDefault })).length;
  };
  assert.equal(count(undefined, true), 1);
  assert.equal(count(undefined, false), 0);
  assert.equal(count("true", false), 1);
  assert.equal(count("false", true), 0);
  assert.equal(count("yes", true), 0);
});

test("without a host it is the default host, if there is one", () => {
  const given = { name: "web", labels: { "tidegate.port": "8080", "tidegate.maxBody": "1MiB" } };
  const found = translated([given], { defaultHost: "{name}.apps.test" });
  assert.deepEqual(routeLines(found), [
    "web@docker: Host(`web.apps.test`) → http://172.18.0.2:8080",
  ]);
  assert.deepEqual(routeLines(translated([given])), []);
});

test("a certificate is asked for by a label, for names alone", () => {
  const of = (labels: Readonly<Record<string, string>>) =>
    translated([{ name: "web", labels: { "tidegate.host": "a.test", ...labels } }]);
  const tlsOf = (value: string) =>
    of({ "tidegate.tls": value }).discovery.routes.map(({ item }) => item.tls);
  assert.deepEqual(tlsOf("auto"), ["auto"]);
  assert.deepEqual(tlsOf("internal"), ["internal"]);
  assert.deepEqual(tlsOf("letsencrypt"), []);
  assert.deepEqual(of({ "tidegate.host": "*", "tidegate.tls": "auto" }).discovery.routes, []);
  // Who signs is not for them to say.
  const strange = of({ "tidegate.tls.acme.authority": "https://evil.test/dir" });
  assert.deepEqual(strange.discovery.routes, []);
});
