import assert from "node:assert/strict";
import { test } from "node:test";
import { http, notesOf, problemsOf, read, routesOf } from "../../../test/harness/traefik-wishes.ts";
import type { Labels } from "../../../test/harness/traefik-wishes.ts";

const site = { "routers.a.rule": "Host(`a.test`)" };
const host = { rule: 'Host("a.test")', to: "http://web:undefined" };

const table: readonly (readonly [what: string, labels: Labels, routes: object])[] = [
  ["a router alone leads to the container", site, { a: host }],
  [
    "label names have no case",
    { "Routers.A.Rule": "Host(`a.test`)", "SERVICES.s.LoadBalancer.Server.Port": "8080" },
    { A: { ...host, to: "http://s:8080" } },
  ],
  [
    "the only service is everybody's",
    { ...site, "routers.b.rule": "Host(`b.test`)", "services.s.loadbalancer.server.port": "81" },
    { a: { ...host, to: "http://s:81" }, b: { rule: 'Host("b.test")', to: "http://s:81" } },
  ],
  [
    "of several services each router names its own",
    {
      ...site,
      "routers.a.service": "two@docker",
      "services.one.loadbalancer.server.port": "81",
      "services.two.loadbalancer.server.port": "82",
      "services.two.loadbalancer.server.scheme": "https",
    },
    { a: { ...host, to: "https://two:82" } },
  ],
  [
    "priority is carried over",
    { ...site, "routers.a.priority": "42" },
    { a: { ...host, priority: "42" } },
  ],
  [
    "prefixes are taken away and put in front",
    {
      ...site,
      "routers.a.middlewares": "x, y@docker",
      "middlewares.x.stripprefix.prefixes": "/a, b",
      "middlewares.x.stripprefix.forceslash": "false",
      "middlewares.y.addprefix.prefix": "/c",
    },
    { a: { ...host, stripPrefix: ["/a", "/b"], addPrefix: "/c" } },
  ],
  [
    "paths are replaced",
    {
      ...site,
      "routers.a.middlewares": "x",
      "middlewares.x.replacepathregex.regex": "^/(?P<v>v[0-9])/(.*)",
      "middlewares.x.replacepathregex.replacement": "/${2}/$v1/$1",
      "routers.b.rule": "Host(`b.test`)",
      "routers.b.middlewares": "y",
      "middlewares.y.replacepath.path": "/all$1",
      "routers.c.rule": "Host(`c.test`)",
      "routers.c.middlewares": "z",
      "middlewares.z.stripprefixregex.regex": "/[a-z]+, /x",
    },
    {
      a: { ...host, replacePath: { pattern: "^/(?<v>v[0-9])/(.*)", replacement: "/$02/$$v1/$01" } },
      b: {
        rule: 'Host("b.test")',
        to: host.to,
        replacePath: { pattern: "^.*$", replacement: "/all$$1" },
      },
      c: {
        rule: 'Host("c.test")',
        to: host.to,
        replacePath: { pattern: "^(?:(?:/[a-z]+)|(?:/x))", replacement: "" },
      },
    },
  ],
  [
    "redirects are followed by what they do not fit",
    {
      ...site,
      "routers.a.middlewares": "x",
      "middlewares.x.redirectregex.regex": "^https?://www\\.(.+)",
      "middlewares.x.redirectregex.replacement": "https://${1}",
      "middlewares.x.redirectregex.permanent": "true",
    },
    {
      a: { ...host, redirect: { pattern: "^https?://www\\.(.+)", to: "https://$01", status: 308 } },
    },
  ],
  [
    "a chain is its members",
    {
      ...site,
      "routers.a.middlewares": "all",
      "middlewares.all.chain.middlewares": "x,inner",
      "middlewares.inner.chain.middlewares": "y",
      "middlewares.x.redirectscheme.scheme": "https",
      "middlewares.x.redirectscheme.port": "8443",
      "middlewares.y.buffering.maxrequestbodybytes": "2000000",
    },
    { a: { ...host, forceHttps: { status: 307, port: 8443 }, maxBody: "2000000" } },
  ],
  [
    "retry and circuitBreaker belong to the service",
    {
      ...site,
      "routers.a.middlewares": "r,c",
      "middlewares.r.retry.attempts": "4",
      "middlewares.r.retry.initialinterval": "100ms",
      "middlewares.c.circuitbreaker.expression": "NetworkErrorRatio() > 0.30",
      "middlewares.c.circuitbreaker.fallbackduration": "30",
    },
    {
      a: {
        ...host,
        settings: {
          retry: { attempts: 3 },
          breaker: { when: "NetworkErrorRatio() > 0.30", fallbackDuration: "30s" },
        },
      },
    },
  ],
  [
    "who is not in the list is told so",
    {
      ...site,
      "routers.a.middlewares": "lan",
      "middlewares.lan.ipwhitelist.sourcerange": "10.0.0.0/8, 127.0.0.1/32",
    },
    {
      a: {
        ...host,
        rule: '(Host("a.test")) && (ClientIP("10.0.0.0/8") || ClientIP("127.0.0.1/32"))',
      },
      "a-others": {
        rule: '(Host("a.test")) && !((ClientIP("10.0.0.0/8") || ClientIP("127.0.0.1/32")))',
        respond: { status: 403, body: "You may not come in from here.\n" },
      },
    },
  ],
  [
    "settings of a service",
    {
      ...site,
      "services.s.loadbalancer.server.port": "3000",
      "services.s.loadbalancer.passhostheader": "false",
      "services.s.loadbalancer.sticky.cookie": "true",
      "services.s.loadbalancer.sticky.cookie.name": "lb",
      "services.s.loadbalancer.sticky.cookie.secure": "true",
      "services.s.loadbalancer.sticky.cookie.samesite": "None",
      "services.s.loadbalancer.sticky.cookie.maxage": "3600",
      "services.s.loadbalancer.healthcheck.path": "/health",
      "services.s.loadbalancer.healthcheck.interval": "10s",
      "services.s.loadbalancer.healthcheck.timeout": "3",
      "services.s.loadbalancer.healthcheck.headers.X-Check": "1",
      "services.s.loadbalancer.strategy": "p2c",
      "services.s.loadbalancer.passivehealthcheck.maxfailedattempts": "3",
      "services.s.loadbalancer.passivehealthcheck.failurewindow": "10s",
      "services.s.loadbalancer.responseforwarding.flushinterval": "1ms",
    },
    {
      a: {
        ...host,
        to: "http://s:3000",
        settings: {
          host: "backend",
          sticky: { cookie: "lb", sameSite: "none", secure: "always", maxAge: "3600s" },
          check: { http: "/health", headers: { "x-check": "1" }, interval: "10s", timeout: "3s" },
          balance: "two-random",
          passive: { failures: "3", deadFor: "10s" },
        },
      },
    },
  ],
  [
    "http and https of one site are one route",
    {
      ...site,
      "routers.a.entrypoints": "web",
      "routers.a.middlewares": "tls",
      "routers.a-secure.rule": "Host(`a.test`)",
      "routers.a-secure.entrypoints": "websecure",
      "routers.a-secure.tls.certresolver": "le",
      "middlewares.tls.redirectscheme.scheme": "https",
      "middlewares.tls.redirectscheme.permanent": "true",
    },
    { "a-secure": { ...host, forceHttps: { status: 308 }, tls: "auto" } },
  ],
  [
    "a redirect to nobody answers by itself",
    {
      ...site,
      "routers.a.middlewares": "x",
      "routers.a.service": "noop@internal",
      "middlewares.x.redirectregex.regex": "^(.*)://a",
      "middlewares.x.redirectregex.replacement": "${1}://b",
    },
    {
      a: {
        rule: host.rule,
        redirect: { pattern: "^(.*)://a", to: "$01://b", status: 307 },
        respond: { status: 404, body: "There is nothing here.\n" },
      },
    },
  ],
];

test("labels become routes and services", () => {
  for (const [what, labels, routes] of table) {
    assert.deepEqual(routesOf(http(labels)), routes, what);
    assert.deepEqual(problemsOf(http(labels)), [], what);
  }
});

/** Of the password `test`. */
const password = "a:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC";

const barred: readonly (readonly [why: RegExp, labels: Labels])[] = [
  [/basicAuth\.users/, { "middlewares.m.basicauth.users": "a:b" }],
  [/says no users/, { "middlewares.m.basicauth.realm": "a" }],
  [/a file of the host/, { "middlewares.m.basicauth.usersfile": "/etc/htpasswd" }],
  [/digestAuth\.users/, { "middlewares.m.digestauth.users": "a:b" }],
  [/among the users twice/, { "middlewares.m.basicauth.users": `${password},${password}` }],
  [
    /several realms/,
    { "middlewares.m.digestauth.users": `a:one:${"0".repeat(32)},b:two:${"0".repeat(32)}` },
  ],
  [/ask another server/, { "middlewares.m.forwardauth.address": "http://auth:9091" }],
  [/client certificates/, { "middlewares.m.passtlsclientcert.pem": "true" }],
  [/plugins/, { "middlewares.m.plugin.geoblock.allow": "DE" }],
  [
    /nothing is known of middlewares of the kind "basicauht"/,
    { "middlewares.m.basicauht.users": "a" },
  ],
  [/allowed hosts/, { "middlewares.m.headers.allowedhosts": "a.test" }],
  [/says no sourcerange/, { "middlewares.m.ipallowlist.sourcerage": "10.0.0.0/8" }],
  [
    /not understood/,
    { "middlewares.m.ipallowlist.sourcerange": "10.0.0.0/8", "middlewares.m.ipallowlist.x": "" },
  ],
  [/of one kind/, { "middlewares.m.compress": "true", "middlewares.m.basicauth.users": "a" }],
  [
    /leads to itself/,
    { "middlewares.m.chain.middlewares": "n", "middlewares.n.chain.middlewares": "m" },
  ],
  [/"auth@file" is not among/, { "routers.a.middlewares": "auth@file" }],
  [/"authelia" is not among/, { "routers.a.middlewares": "authelia" }],
  [/no entry point "internal"/, { "routers.a.entrypoints": "internal" }],
  [/no key "middleware"/, { "routers.a.middleware": "auth" }],
  [/TLS options "mtls@file"/, { "routers.a.tls.options": "mtls@file" }],
  [
    /several services/,
    {
      "routers.a.service": "",
      "services.s.loadbalancer.server.port": "1",
      "services.t.loadbalancer.server.port": "2",
    },
  ],
  [/service "b" is not among/, { "routers.a.service": "b" }],
  [/anybody else/, { "services.s.loadbalancer.server.url": "http://169.254.169.254" }],
  [/by weighted/, { "services.s.weighted.services[0].name": "b" }],
  [/"x" is no port/, { "services.s.loadbalancer.server.port": "x" }],
  [/"h3" is no scheme/, { "services.s.loadbalancer.server.scheme": "h3" }],
  [
    /more than 50/,
    Object.fromEntries(
      Array.from({ length: 7 }, (_, n) => [
        `middlewares.m${n === 0 ? "" : n}.chain.middlewares`,
        `m${n + 1}, m${n + 1}`,
      ]).concat([["middlewares.m7.compress", "true"]]),
    ),
  ],
];

test("what keeps people out, or leads elsewhere, and is not there closes its route alone", () => {
  for (const [why, labels] of barred) {
    const keys = Object.keys(labels);
    const isMissing = (start: string) => !keys.some((key) => key.startsWith(start));
    const all = http({
      ...site,
      "routers.a.middlewares": "m",
      "routers.a.service": isMissing("services.s.") ? "own" : "s",
      "routers.b.rule": "Host(`b.test`)",
      "routers.b.service": "own",
      "services.own.loadbalancer.server.port": "80",
      ...(isMissing("middlewares.m.") ? { "middlewares.m.compress": "true" } : {}),
      ...labels,
    });
    const { a, b } = routesOf(all);
    assert.equal(statusOf(a), 503, String(why));
    assert.equal(a?.["to"], undefined, String(why));
    assert.equal(b?.["to"], "http://own:80", String(why));
    const notes = notesOf(all);
    const isTold = notes.some((note) => note.startsWith("error ") && why.test(note));
    assert.ok(isTold, `${why}: ${notes.join("\n")}`);
  }
});

/** Of the answer that the route gives by itself. */
function statusOf(route: Readonly<Record<string, unknown>> | undefined): unknown {
  return (route?.["respond"] as { status: number } | undefined)?.status;
}

const told: readonly (readonly [note: string, labels: Labels])[] = [
  [
    "warning traefik.http.middlewares.m.errors.service: errors of backends are not replaced by another service's pages; the route works without",
    { "middlewares.m.errors.status": "500-599", "middlewares.m.errors.service": "pages" },
  ],
  [
    'warning traefik.http.middlewares.m.compress.encodings: compress.encodings[0]: must be zstd or br or gzip, not the text "lzw"; the route works without',
    { "middlewares.m.compress.encodings": "lzw" },
  ],
  [
    "warning traefik.http.middlewares.m.headers.framedny: this option of headers is not known, and does nothing",
    { "middlewares.m.headers.framedny": "true" },
  ],
  [
    "warning traefik.http.middlewares.m.retry.foo: this option of retry is not known, and does nothing",
    { "middlewares.m.retry.attempts": "2", "middlewares.m.retry.foo": "1" },
  ],
];

test("what only makes answers nicer is left out, and said", () => {
  for (const [note, labels] of told) {
    const all = http({ ...site, "routers.a.middlewares": "m", ...labels });
    assert.deepEqual(notesOf(all), [note]);
    assert.equal(routesOf(all)["a"]?.["to"], host.to);
  }
});

test("Strict-Transport-Security is a route's hsts, however it is said", () => {
  const hstsOf = (labels: Labels) => {
    const written = Object.fromEntries(
      Object.entries(labels).map(([key, value]) => [`middlewares.m.headers.${key}`, value]),
    );
    return routesOf(http({ ...site, "routers.a.middlewares": "m", ...written }))["a"]?.["hsts"];
  };
  const year = { maxAge: "31536000s", includeSubDomains: true, preload: true };
  const long = { stsseconds: "31536000", stsincludesubdomains: "true", stspreload: "true" };
  assert.deepEqual(hstsOf(long), year);
  const field = "customresponseheaders.Strict-Transport-Security";
  assert.deepEqual(hstsOf({ [field]: "max-age=31536000; includeSubDomains; preload" }), year);
  assert.deepEqual(hstsOf({ stsseconds: "60", stspreload: "true" }), {
    ...{ maxAge: "60s", includeSubDomains: false, preload: false },
  });
  assert.equal(hstsOf({ stsseconds: "0" }), undefined);
  assert.equal(hstsOf({ stsseconds: "x" }), undefined);
});

test("an order that cannot be kept is said", () => {
  const labels = http({
    ...site,
    "routers.a.middlewares": "add,strip,again",
    "middlewares.add.addprefix.prefix": "/x",
    "middlewares.strip.stripprefix.prefixes": "/x",
    "middlewares.again.stripprefix.prefixes": "/y",
  });
  const notes = notesOf(labels);
  assert.match(
    notes[0] ?? "",
    /^warning .*strip\.stripprefix\.prefixes: runs before addPrefix here/,
  );
  assert.match(
    notes[1] ?? "",
    /^warning .*again\.stripprefix\.prefixes: another middleware .* not used/,
  );
  assert.equal(notes.length, 2);
});

test("traefik.enable decides, and what is not exposed by default needs it", () => {
  const labels = http(site);
  assert.equal(read({ ...labels, "traefik.enable": "false" }).isRefused, true);
  assert.equal(read({ ...labels, "traefik.enable": "yes" }).isRefused, true);
  assert.match(notesOf({ ...labels, "traefik.enable": "yes" })[0] ?? "", /neither true nor false/);
  assert.equal(read({ ...labels, "traefik.enable": "True" }).wishes.length, 1);
  const hidden = read(labels, { exposedByDefault: false });
  assert.deepEqual([hidden.wishes.length, hidden.isRefused, hidden.notes.length], [0, false, 1]);
  const shown = read({ ...labels, "traefik.enable": "true" }, { exposedByDefault: false });
  assert.equal(shown.wishes.length, 1);
  assert.deepEqual(read({}), { wishes: [], notes: [], isRefused: false });
});

test("a router without a rule has the default host, or none at all", () => {
  const labels = http({
    "routers.a.middlewares": "auth",
    "services.s.loadbalancer.server.port": "81",
  });
  assert.deepEqual(routesOf(labels), { a: {} });
  assert.ok(notesOf(labels).some((note) => note.endsWith("the router has no rule")));
  const open = http({ "services.s.loadbalancer.server.port": "81" });
  assert.deepEqual(routesOf(open), {});
  assert.match(notesOf(open)[0] ?? "", /no router/);
  const defaultHost = "web.test/shop";
  assert.deepEqual(routesOf(open, { defaultHost }), {
    web: { rule: 'Host("web.test") && (Path("/shop") || PathPrefix("/shop/"))', to: "http://s:81" },
  });
  assert.deepEqual(problemsOf(open, { defaultHost }), []);
  assert.equal(statusOf(routesOf(labels, { defaultHost })["a"]), 503);
});

test("a network is named for all of its routes", () => {
  const { wishes } = read({ ...http(site), "traefik.docker.network": "front" });
  assert.equal(wishes[0]?.service?.network, "front");
});

test("labels of Traefik 1, of UDP and of nobody are said", () => {
  const notes = notesOf({
    ...http(site),
    "traefik.frontend.rule": "Host:a.test",
    "traefik.udp.routers.x.entrypoints": "dns",
    "traefik.http.router.x.rule": "x",
    "traefik.docker.lbswarm": "true",
  });
  assert.deepEqual(
    notes.map((note) => note.split(": ")[0]),
    [
      "error traefik.frontend.rule",
      "warning traefik.http.router.x.rule",
      "error traefik.udp.routers.x.entrypoints",
    ],
  );
});

test("labels called like parts of JavaScript's objects are labels", () => {
  const odd = ["__proto__", "constructor", "toString", "hasOwnProperty"];
  for (const name of odd) {
    const labels = Object.fromEntries([
      [`traefik.http.routers.${name}.rule`, "Host(`a.test`)"],
      [`traefik.http.routers.${name}.middlewares`, name],
      [`traefik.http.middlewares.${name}.${name}.${name}`, "x"],
      [`traefik.http.services.${name}.loadbalancer.sticky.cookie.${name}`, "x"],
      [`traefik.${name}`, "x"],
    ]);
    const { wishes } = read(labels);
    assert.deepEqual(
      wishes.map((wish) => [wish.name, wish.service]),
      [[name, undefined]],
    );
  }
});

test("a certificate resolver asks for a certificate where the rule names hosts", () => {
  const of = (rule: string) =>
    routesOf(http({ "routers.a.rule": rule, "routers.a.tls.certresolver": "le" }));
  const tlsOf = (rule: string) => Object.values(of(rule)).map((route) => Reflect.get(route, "tls"));
  assert.deepEqual(tlsOf("Host(`a.test`) && PathPrefix(`/x`)"), ["auto"]);
  assert.deepEqual(tlsOf("HostRegexp(`^a`)"), [undefined]);
  assert.deepEqual(tlsOf("PathPrefix(`/x`)"), [undefined]);
});
