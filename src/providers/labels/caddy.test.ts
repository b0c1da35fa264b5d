import assert from "node:assert/strict";
import { test } from "node:test";
import { noteLines, routeLines, translated } from "../../../test/harness/translated.ts";

type Labels = Readonly<Record<string, string>>;

const of = (labels: Labels) => translated([{ name: "web", labels }]);

const tables: readonly (readonly [string, Labels, readonly string[]])[] = [
  [
    "a site and its container",
    { caddy: "a.test", "caddy.reverse_proxy": "{{upstreams 8080}}" },
    ["a.test@docker: Host(`a.test`) → http://172.18.0.2:8080"],
  ],
  [
    "several addresses, and a part of the path without its prefix",
    {
      caddy: "a.test, https://www.a.test",
      "caddy.0_handle_path": "/api/*",
      "caddy.0_handle_path.0_reverse_proxy": "{{upstreams 81}}",
      "caddy.1_handle.reverse_proxy": "{{upstreams}}",
    },
    [
      "a.test-api--@docker: (Host(`a.test`) || Host(`www.a.test`)) && PathPrefix(`/api/`) → stripPrefix /api → http://172.18.0.2:81",
      "a.test@docker: Host(`a.test`) || Host(`www.a.test`) → http://172.18.0.2:80",
    ],
  ],
  [
    "a matcher before the upstreams",
    { caddy: "a.test", "caddy.reverse_proxy": "/api/* {{ upstreams https 8443 }}" },
    ["a.test-api--@docker: Host(`a.test`) && PathPrefix(`/api/`) → https://172.18.0.2:8443"],
  ],
  [
    "a matcher with a name",
    {
      caddy: "a.test",
      "caddy.@m.path": "/m /m/*",
      "caddy.@m.method": "GET",
      "caddy.reverse_proxy": "@m {{upstreams}}",
    },
    [
      "a.test-m@docker: Host(`a.test`) && (Path(`/m`) || PathPrefix(`/m/`)) && Method(`GET`) → http://172.18.0.2:80",
    ],
  ],
  [
    "several sites, redirects and answers",
    {
      caddy_0: "a.test",
      "caddy_0.redir": "https://b.test{uri} permanent",
      caddy_1: "c.test",
      "caddy_1.respond": '/health "fine" 200',
      "caddy_1.reverse_proxy": "{{upstreams}}",
    },
    [
      "a.test@docker: Host(`a.test`) → redirect https://b.test{uri} 301",
      "c.test-health@docker: Host(`c.test`) && Path(`/health`) → respond 200",
      "c.test@docker: Host(`c.test`) → http://172.18.0.2:80",
    ],
  ],
  [
    "a prefix taken away or put in front",
    {
      caddy_0: "a.test",
      "caddy_0.uri": "strip_prefix /x",
      "caddy_0.reverse_proxy": "{{upstreams}}",
      caddy_1: "b.test",
      "caddy_1.rewrite": "* /y{uri}",
      "caddy_1.reverse_proxy": "{{upstreams}}",
    },
    [
      "a.test@docker: Host(`a.test`) → stripPrefix /x → http://172.18.0.2:80",
      "b.test@docker: Host(`b.test`) → addPrefix /y → http://172.18.0.2:80",
    ],
  ],
  [
    "all but some addresses are refused",
    {
      caddy: "a.test",
      "caddy.@out.not.remote_ip": "10.0.0.0/8",
      "caddy.abort": "@out",
      "caddy.reverse_proxy": "{{upstreams}}",
    },
    [
      "a.test-out@docker: Host(`a.test`) && !ClientIP(`10.0.0.0/8`) → respond 403",
      "a.test@docker: Host(`a.test`) → http://172.18.0.2:80",
    ],
  ],
  ["a snippet is nothing", { caddy: "(common)", "caddy.encode": "gzip" }, []],
  ["options of Caddy are nothing", { "caddy.email": "a@a.test" }, []],
  ["others are not led to", { caddy: "a.test", "caddy.reverse_proxy": "10.0.0.1:80" }, []],
];

for (const [what, labels, routes] of tables) {
  test(`labels of caddy-docker-proxy become routes: ${what}`, () => {
    assert.deepEqual(routeLines(of(labels)), routes);
  });
}

const proxy = { caddy: "a.test", "caddy.reverse_proxy": "{{upstreams}}" };

const hash = "$2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG";

const guards: readonly (readonly [string, Labels])[] = [
  ["basic_auth", { "caddy.basic_auth.bob": "$2a$14$x" }],
  ["basicauth of one path", { "caddy.basicauth": "/admin/*", "caddy.basicauth.bob": "x" }],
  ["forward_auth", { "caddy.forward_auth": "auth:9091", "caddy.forward_auth.uri": "/verify" }],
  ["a plugin", { "caddy.authorize": "with policy" }],
  ["an import", { "caddy.import": "private" }],
  ["certificates of clients", { "caddy.tls.client_auth.mode": "require" }],
  ["a guard in a block without an answer", { "caddy.route.basic_auth.bob": "x" }],
  ["a password in a block without an answer", { "caddy.route.basic_auth.bob": hash }],
  ["a password with a matcher", { "caddy.basic_auth": "/x/*", "caddy.basic_auth.bob": hash }],
  ["a password by another hash", { "caddy.basic_auth": "argon2id", "caddy.basic_auth.bob": hash }],
  [
    "a refusal by a matcher that is not understood",
    { "caddy.@x.expression": "true", "caddy.respond": "@x 403" },
  ],
  ["a refusal by a matcher that is not there", { "caddy.abort": "@nobody" }],
];

for (const [what, labels] of guards) {
  test(`what may keep strangers out closes the site: ${what}`, () => {
    const found = of({ ...proxy, ...labels });
    const [first, ...more] = routeLines(found);
    assert.match(first ?? "", /Host\(`a\.test`\) → respond 503$/);
    assert.deepEqual(more, []);
    assert.ok(noteLines(found).some((line) => /^error caddy\..*closed/.test(line)));
  });
}

test("a guard in a block that answers only some closes what comes behind it as well", () => {
  const labels = { "caddy.route.basic_auth.bob": "x", "caddy.route.respond": "/up 200" };
  assert.deepEqual(routeLines(of({ ...proxy, ...labels })), [
    "a.test-up@docker: Host(`a.test`) && Path(`/up`) → respond 503",
    "a.test@docker: Host(`a.test`) → respond 503",
  ]);
});

test("a guard in a block with an answer closes that block alone", () => {
  const found = of({
    ...proxy,
    "caddy.handle": "/admin/*",
    "caddy.handle.basic_auth.bob": "x",
    "caddy.handle.reverse_proxy": "{{upstreams}}",
  });
  assert.deepEqual(routeLines(found), [
    "a.test-admin--@docker: Host(`a.test`) && PathPrefix(`/admin/`) → respond 503",
    "a.test@docker: Host(`a.test`) → http://172.18.0.2:80",
  ]);
});

test("options of reverse_proxy become settings of the service", () => {
  const { discovery } = of({
    ...proxy,
    "caddy.reverse_proxy.lb_policy": "least_conn",
    "caddy.reverse_proxy.health_uri": "/health",
    "caddy.reverse_proxy.health_interval": "5s",
    "caddy.reverse_proxy.transport": "http",
    "caddy.reverse_proxy.transport.tls_insecure_skip_verify": "",
  });
  const service = discovery.services["a.test@docker"];
  assert.ok(service?.kind === "backends");
  assert.deepEqual(service.balance, { policy: "least-connections" });
  assert.equal(service.check?.interval, 5000);
  assert.equal(service.tls.verify, false);
  assert.equal(service.backends[0]?.url, "https://172.18.0.2:80");
});

function middlewaresOf(labels: Labels) {
  const { discovery } = of(labels);
  return new Map(
    discovery.routes.map(({ item }) => [item.name, item.middlewares.map(({ kind }) => kind)]),
  );
}

test("passwords, compression and header fields become middlewares, passwords first", () => {
  const labels = {
    ...proxy,
    "caddy.encode": "zstd gzip",
    "caddy.header.X-Site": "a",
    "caddy.header.-Server": "",
    "caddy.request_header": "X-From b",
    "caddy.basic_auth.bob": hash,
    "caddy.handle": "/api/*",
    "caddy.handle.request_header": "-Cookie",
    "caddy.handle.reverse_proxy": "{{upstreams}}",
  };
  const site = ["basicAuth", "compress", "headers", "headers"];
  assert.deepEqual(
    middlewaresOf(labels),
    new Map([
      ["a.test@docker", site],
      ["a.test-api--@docker", [...site, "headers"]],
    ]),
  );
  assert.deepEqual(noteLines(of(labels)), []);
});

test("what a backend believes of who asks is not left to clients", () => {
  const labels = {
    caddy: "a.test",
    "caddy.basic_auth.bob": hash,
    "caddy.request_header": "X-Name {http.auth.user.name}",
    "caddy.reverse_proxy": "{{upstreams}}",
    "caddy.reverse_proxy.0_header_up": "X-User {http.auth.user.id}",
    "caddy.reverse_proxy.1_header_up": "X-Fixed a",
    "caddy.reverse_proxy.2_header_up": "-X-Gone",
    "caddy.reverse_proxy.3_header_up": "X-Real-IP {remote_host}",
  };
  const found = of(labels);
  const lists = found.discovery.routes.flatMap(({ item }) => item.middlewares);
  const edits = lists.flatMap((each) => (each.kind === "headers" ? [each.request] : []));
  assert.deepEqual(edits, [
    { set: [], add: [], remove: ["x-name"] },
    { set: [["X-Fixed", "a"]], add: [], remove: ["x-user", "x-gone"] },
  ]);
  const twice = of({ ...labels, "caddy.reverse_proxy.4_header_up": "x-fixed b" });
  const [route] = twice.discovery.routes;
  const removed = route?.item.middlewares.flatMap((each) =>
    each.kind === "headers" ? (each.request?.remove ?? []) : [],
  );
  assert.deepEqual(
    removed,
    ["x-name", "x-user", "x-gone"],
    "also where one is said in two spellings",
  );
  assert.deepEqual(noteLines(found), [
    "warning caddy.request_header: X-Name: a field with placeholders cannot be set, and a client's own is taken out",
    "warning caddy.reverse_proxy.0_header_up: X-User: a field with placeholders cannot be set, and a client's own is taken out",
    "info caddy.reverse_proxy.3_header_up: X-Real-IP is sent as the listener's trustedProxies say",
  ]);
});

test("a password for a part of the site is asked there alone", () => {
  const labels = {
    ...proxy,
    "caddy.handle": "/admin/*",
    "caddy.handle.basic_auth.bob": hash,
    "caddy.handle.reverse_proxy": "{{upstreams}}",
  };
  assert.deepEqual(
    middlewaresOf(labels),
    new Map([
      ["a.test@docker", []],
      ["a.test-admin--@docker", ["basicAuth"]],
    ]),
  );
});

test("every site with a name asks for a certificate, as in Caddy", () => {
  const tlsOf = (labels: Readonly<Record<string, string>>) =>
    of({ ...proxy, ...labels }).discovery.routes.map(({ item }) => item.tls);
  assert.deepEqual(tlsOf({}), ["auto"]);
  assert.deepEqual(tlsOf({ "caddy.tls": "internal" }), ["internal"]);
  assert.deepEqual(tlsOf({ "caddy.tls": "me@a.test" }), ["auto"]);
  assert.deepEqual(tlsOf({ "caddy.tls": "/certs/a.pem /certs/a.key" }), [undefined]);
  assert.deepEqual(tlsOf({ caddy: "http://a.test" }), [undefined]);
  assert.deepEqual(tlsOf({ caddy: "app.localhost, 10.0.0.1" }), ["internal"]);
  assert.deepEqual(tlsOf({ caddy: ":80" }), [undefined]);
});

test("what changes nothing is said", () => {
  const labels = { "caddy.encode": "/x/* gzip", "caddy.templates": "", "caddy.tls": "me@a.test" };
  const lines = noteLines(of({ ...proxy, ...labels }));
  assert.deepEqual(lines, [
    "warning caddy.encode: this form of encode is not understood, and changes nothing",
    "warning caddy.templates: templates is not understood, and changes nothing",
    "info caddy.tls: tls is said in the configuration file",
  ]);
});

test("a site's Strict-Transport-Security is its routes' hsts, and a server name of backends counts", () => {
  const found = of({
    caddy: "a.test",
    "caddy.header.Strict-Transport-Security": '"max-age=60; includeSubDomains"',
    "caddy.reverse_proxy": "{{upstreams https 8443}}",
    "caddy.reverse_proxy.transport": "http",
    "caddy.reverse_proxy.transport.tls_server_name": "b.test",
  });
  const [route] = found.discovery.routes;
  assert.deepEqual(route?.item.hsts, { maxAge: 60_000, includeSubDomains: true, preload: false });
  const service = found.discovery.services["a.test@docker"];
  assert.ok(service?.kind === "backends");
  assert.equal(service.tls.serverName, "b.test");
  assert.doesNotMatch(noteLines(found).join("\n"), /header|tls_server_name/);
});
