import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultClientTimeouts, defaultExchangeTimeouts } from "./limits.ts";
import { labelBounds } from "./provider-limits.ts";
import { formatPath } from "./problem.ts";
import { readDiscovered } from "./read-discovered.ts";
import type { DiscoveredInput, DiscoveredReading } from "./read-discovered.ts";

const timeouts = { ...defaultClientTimeouts, ...defaultExchangeTimeouts };
const backends = [{ url: "http://10.0.0.2:80", weight: 1, tier: 0 }];

function read(input: Partial<DiscoveredInput>, tcpListeners: readonly string[] = ["tls"]) {
  return readDiscovered(
    { routes: {}, tcpRoutes: {}, services: { s: { backends } }, ...input },
    {
      defaults: { timeouts, maxBody: 7, tcpListeners },
      originOf: (path) => ({ provider: "docker", place: path.join(" ") }),
    },
  );
}

function told({ problems }: DiscoveredReading): string[] {
  return problems.map(({ path, message, remedy, severity }) => {
    const kind = severity === "error" ? "" : `${severity}: `;
    return `${kind}${formatPath(path)}: ${message}${remedy === undefined ? "" : `; ${remedy}`}`;
  });
}

/** What is told of one route, which then is not there. */
function toldOf(route: object): string[] {
  const reading = read({ routes: { bad: { host: "h", service: "s", ...route } } });
  assert.deepEqual(reading.routes, []);
  return told(reading);
}

test("texts of labels are read as what the file would have in their place", () => {
  const reading = read({
    routes: {
      r: {
        HOST: "A.example, b.example",
        path: "/x",
        striPprefix: "true",
        priority: "10",
        maxBody: "1MiB",
        accessLog: "false",
        clientIp: "[10.0.0.0/8, '::1']",
        TIMEOUTS: { Response: "5s", tunnel: "0" },
        headers: { "X-Beta": "1" },
        service: "s",
      },
    },
    services: {
      s: {
        backends,
        balance: "{ hash: client-ip, bound: 1.5 }",
        retry: { statuses: "502, 503-504", attempts: "1", nonIdempotent: "true" },
        passive: { statuses: "500" },
        sticky: "true",
        check: { http: "/up", statuses: "[200]" },
      },
    },
  });
  assert.deepEqual(told(reading), []);
  const [route] = reading.routes;
  assert.ok(route);
  assert.deepEqual(route.rule, {
    kind: "all",
    rules: [
      { kind: "any", rules: ["a.example", "b.example"].map((host) => ({ kind: "host", host })) },
      { kind: "pathPrefix", prefix: "/x", segment: true },
      { kind: "header", name: "x-beta", value: "1" },
      {
        kind: "any",
        rules: ["10.0.0.0/8", "::1"].map((network) => ({ kind: "clientIp", network })),
      },
    ],
  });
  assert.deepEqual(route.middlewares, [{ kind: "stripPrefix", prefixes: ["/x"] }]);
  assert.equal(route.priority, 10);
  assert.equal(route.maxBody, 1024 ** 2);
  assert.equal(route.accessLog?.enabled, false);
  const { head: _head, idle: _idle, ...exchange } = timeouts;
  assert.deepEqual(route.timeouts, { ...exchange, response: 5000, tunnel: 0 });
  assert.deepEqual(route.origin, { provider: "docker", place: "routes r" });
  const service = reading.services["s"];
  assert.ok(service?.kind === "backends");
  assert.deepEqual(service.balance, { policy: "hash", key: { from: "client-ip" }, bound: 1.5 });
  assert.deepEqual(service.retry.statuses, [
    [502, 502],
    [503, 504],
  ]);
  assert.equal(service.retry.attempts, 1);
  assert.equal(service.retry.nonIdempotent, true);
  assert.deepEqual(service.passive.statuses, [[500, 500]]);
  assert.equal(service.sticky?.kind, "cookie");
  assert.deepEqual(service.check?.probe.kind === "http" && service.check.probe.statuses, [
    [200, 200],
  ]);
  assert.deepEqual(service.origin, { provider: "docker", place: "services s" });
});

test("a text that is right as it is stays one, whatever it looks like", () => {
  const reading = read({
    routes: {
      a: { host: "[::1]", redirect: "{scheme}://x.example{uri}" },
      b: { host: "b", respond: { body: "true" } },
      c: { host: "c", redirect: "{uri}" },
      d: { host: "d", redirect: "{ to: /d, status: 301 }" },
      e: { host: "e", pathRegex: "^/a{1,2}$", service: "s" },
    },
  });
  assert.deepEqual(told(reading), []);
  const [a, b, c, d, e] = reading.routes;
  assert.deepEqual(a?.rule, { kind: "host", host: "[::1]" });
  const to = (url: string, status = 302) => [{ kind: "redirect", to: url, status }];
  assert.deepEqual(a.middlewares, to("{scheme}://x.example{uri}"));
  assert.equal(b?.middlewares[0]?.kind === "respond" && b.middlewares[0].body, "true");
  assert.deepEqual(c?.middlewares, to("{uri}"));
  assert.deepEqual(d?.middlewares, to("/d", 301));
  assert.deepEqual(e?.rule.kind === "all" && e.rule.rules[1], {
    kind: "pathRegexp",
    pattern: "^/a{1,2}$",
    flags: "",
  });
});

test("what is wrong spoils its own route, and is told with its place and the nearest name", () => {
  const reading = read({
    routes: {
      good: { host: "good", service: "s" },
      key: { host: "h", service: "s", tiemouts: { response: "5s" } },
      type: { host: "h", service: "s", priority: "high" },
      rule: { rule: "Host(`a`) && Foo(`b`)", service: "s" },
      number: 5,
    },
  });
  assert.deepEqual(
    reading.routes.map(({ name }) => name),
    ["good"],
  );
  const matchers =
    "Host, HostRegexp, Path, PathPrefix, PathRegexp, Method, Header, HeaderRegexp, Query, QueryRegexp, ClientIP";
  assert.deepEqual(told(reading).slice(0, 3), [
    'routes.key.tiemouts: unknown key "tiemouts"; write timeouts',
    'routes.type.priority: must be a whole number from -1000000000 to 1000000000, not the text "high"',
    `routes.rule.rule: unknown matcher "Foo"; there are ${matchers} (at character 14)`,
  ]);
  assert.match(
    told(reading)[3] ?? "",
    /^routes\.number: must be a mapping, not the number 5; with /,
  );
  assert.equal(told(reading).length, 4);
});

test("a wrong service takes the routes that lead to it along, and no others", () => {
  const reading = read({
    routes: { a: { host: "a", service: "s" }, b: { host: "b", service: "wrong" } },
    tcpRoutes: { t: { sni: "t.example", service: "wrong" } },
    services: { s: { backends }, wrong: { backends, balance: "leest-time" } },
  });
  assert.deepEqual(Object.keys(reading.services), ["s"]);
  assert.deepEqual(
    reading.routes.map(({ name }) => name),
    ["a"],
  );
  assert.deepEqual(reading.streamRoutes, []);
  assert.deepEqual(told(reading), [
    'services.wrong.balance: there is no policy "leest-time"; write least-time',
  ]);
});

test("a label names no file of the host", () => {
  const remedy = "leave it out, or say it in the configuration file";
  const banned = (path: string) => [
    `routes.bad.${path}: a label may not name a file of the host; ${remedy}`,
  ];
  assert.deepEqual(toldOf({ errorPages: "/etc" }), banned("errorPages"));
  assert.deepEqual(toldOf({ ERRORPAGES: "/etc" }), banned("errorPages"));
  assert.deepEqual(toldOf({ accessLog: "/etc/passwd" }), banned("accessLog"));
  assert.deepEqual(toldOf({ accessLog: { path: "/x" } }), banned("accessLog.path"));
  assert.deepEqual(toldOf({ accessLog: "{ path: /x }" }), banned("accessLog.path"));
  assert.deepEqual(toldOf({ maintenance: { page: "/x" } }), banned("maintenance.page"));
  const reading = read({
    services: {
      a: { backends, tls: { ca: "/etc/passwd" } },
      b: { backends, maintenance: "{ page: /etc/passwd }" },
    },
    tcpRoutes: { t: { sni: "t", service: "a", tls: { cert: "/c", key: "/k" } } },
  });
  assert.deepEqual(reading.services, {});
  assert.deepEqual(told(reading), [
    `services.a.tls.ca: a label may not name a file of the host; ${remedy}`,
    `services.b.maintenance.page: a label may not name a file of the host; ${remedy}`,
    "tcpRoutes.t.tls.cert: a label may not name a file of the host; write tls: true for the certificates of tls",
    "tcpRoutes.t.tls.key: a label may not name a file of the host; write tls: true for the certificates of tls",
  ]);
});

test("a label leads to nobody but its own service", () => {
  const remedy = "leave it out; the configuration file can lead to NAME@PROVIDER";
  for (const service of ["http://10.0.0.9:80", "other", "x@docker", ["http://x:1"], { backends }]) {
    assert.deepEqual(toldOf({ service }), [
      `routes.bad.service: a label may not lead to anybody else; ${remedy}`,
    ]);
  }
  const services = {
    a: { split: { s: 1 } },
    b: { failover: "s, a" },
    c: { mirror: "s", to: "{ a: 10% }" },
  };
  const reading = read({ services });
  assert.deepEqual(reading.services, {});
  assert.deepEqual(told(reading), [
    `services.a.split: a label may not lead to anybody else; ${remedy}`,
    `services.b.failover: a label may not lead to anybody else; ${remedy}`,
    `services.c.mirror: a label may not lead to anybody else; ${remedy}`,
  ]);
});

test("pages for errors are nobody else's either, of whatever source", () => {
  for (const service of ["intranet@store", "intranet", "shop@docker", "s"]) {
    const middlewares = [{ errors: { service } }];
    const [message = ""] = toldOf({ middlewares });
    assert.match(message, /a label may not say this of errors/, service);
  }
  const steps = read({
    services: { s: { files: { root: "/srv", try: ["@intranet@store"] } } },
  });
  assert.deepEqual(steps.services, {});
});

test("a service without backends is kept, with settings of any protocol", () => {
  const reading = read({
    routes: { r: { host: "r", service: "s" } },
    tcpRoutes: { t: { sni: "t.example", service: "db" } },
    services: { s: { backends: [], sticky: true }, db: { backends: [], proxyProtocol: "v2" } },
  });
  assert.deepEqual(told(reading), []);
  assert.deepEqual(Object.keys(reading.services), ["s", "db"]);
  assert.equal(reading.routes.length + reading.streamRoutes.length, 2);
});

test("a route needs a host of its own, since its name is none, and something that answers", () => {
  const reading = read({
    routes: { "shop/web@docker": { path: "/x", service: "s" }, none: { host: "h" } },
  });
  assert.deepEqual(reading.routes, []);
  assert.deepEqual(told(reading), [
    'routes["shop/web@docker"]: the route says no host; add host, or a rule',
    "routes.none: nothing answers; add service, files, redirect, respond or whoami",
  ]);
});

test("routes of streams need a listener, and backends that speak as they do", () => {
  const tcp = { backends: [{ url: "tcp://10.0.0.2:5432", weight: 1, tier: 0 }] };
  const input = {
    routes: { r: { host: "r", service: "tcp" } },
    tcpRoutes: {
      t: { SNI: "a.example,*.b.example", service: "tcp", timeouts: { tunnel: "1h" } },
      other: { sni: "x", listener: "tsl", service: "tcp" },
    },
    services: { tcp },
  };
  const reading = read(input);
  assert.deepEqual(told(reading), [
    'tcpRoutes.other.listener: there is no listener "tsl"; write tls',
    "routes.r.service: tcp has tcp backends, and an HTTP route needs http ones; give it to a listener with protocol: tcp, or write http://HOST:PORT",
  ]);
  assert.deepEqual(
    reading.streamRoutes.map(({ name, rule, timeouts: { idle } }) => [name, rule, idle]),
    [
      [
        "t",
        {
          kind: "any",
          rules: ["a.example", "*.b.example"].map((host) => ({ kind: "hostSni", host })),
        },
        3_600_000,
      ],
    ],
  );
  const [warning] = told(read({ tcpRoutes: { t: input.tcpRoutes.t }, services: { tcp } }, []));
  assert.match(warning ?? "", /^warning: tcpRoutes\.t: there is no tcp listener/);
});

test("names that objects have by themselves are names like any other", () => {
  const reading = read({
    routes: {
      a: { host: "a", service: "constructor", headers: { constructor: "1" } },
      b: JSON.parse('{ "host": "b", "service": "s", "__proto__": { "priority": 1 } }'),
      c: { host: "c", service: "s", constructor: "x" },
    },
    services: { constructor: { backends }, s: { backends } },
  });
  assert.deepEqual(
    reading.routes.map(({ name, service }) => [name, service]),
    [["a", "constructor"]],
  );
  assert.deepEqual(
    reading.problems.map(({ path }) => formatPath(path)),
    ["routes.b.__proto__", "routes.c.constructor"],
  );
});

test("what is too deep, too long or too much is refused before it costs anything", () => {
  const deep = "{ a: ".repeat(2000) + "1" + " }".repeat(2000);
  const long = "x".repeat(labelBounds.text + 1);
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`h${at}`, "1"]));
  const bombs =
    "{ a: &a [x,x,x,x,x,x,x,x], b: &b [*a,*a,*a,*a,*a,*a,*a,*a], c: [*b,*b,*b,*b,*b,*b] }";
  for (const value of [deep, long, many, bombs]) {
    const start = performance.now();
    const problems = toldOf({ headers: value });
    assert.equal(problems.length, 1);
    assert.match(
      problems[0] ?? "",
      /^routes\.bad(: is deeper, longer or more than a label may say; write less: 500 values|\.headers: )/,
    );
    assert.ok(performance.now() - start < 1000);
  }
});

test("rubbish of any kind is told of, and never thrown", () => {
  const values = [
    null,
    true,
    0,
    "",
    [],
    {},
    "{",
    "[",
    "{ a: [ }",
    "*x",
    "&x",
    "!!js x",
    "? : -",
    [[]],
  ];
  let count = 0;
  for (const value of values) {
    for (const key of ["host", "timeouts", "priority", "stripPrefix", "redirect", "headers"]) {
      const reading = read({ routes: { x: { host: "h", service: "s", [key]: value } } });
      assert.ok(reading.problems.length > 0 || reading.routes.length === 1);
      count += 1;
    }
    read({ routes: { x: value }, tcpRoutes: { x: value }, services: { x: value } });
  }
  assert.equal(count, 84);
});

test("a regular expression that could keep a worker busy for ever makes no route", () => {
  for (const pattern of ["(?=a)b", "(?i)^(a+)+$", "(a)\\1"]) {
    const remedy = "write it without lookahead, \\1, (?i), and repeated groups with {n,m}";
    const shown = JSON.stringify(pattern.replace("(?i)", ""));
    assert.deepEqual(toldOf({ pathRegex: pattern }), [
      `routes.bad: the regular expression ${shown} could take for ever; ${remedy}`,
    ]);
  }
  const reading = read({ routes: { r: { host: "h", service: "s", pathRegex: "^/(a+)+$" } } });
  assert.deepEqual(told(reading), []);
});

test("what a service may cost is bounded, with a warning", () => {
  const costly = {
    backends,
    retry: { replayBody: "10GiB" },
    pool: { maxIdle: "1000000" },
    sticky: { session: "cookie:SID", sessions: "10000000" },
    check: { http: "/", interval: "100ms" },
  };
  const reading = read({ services: { s: costly } });
  const { s } = reading.services;
  assert.ok(s?.kind === "backends" && s.sticky?.kind === "application");
  assert.equal(s.retry.replayBody, 1024 * 1024);
  assert.equal(s.pool.maxIdle, 1024);
  assert.equal(s.sticky.sessions, 100_000);
  assert.deepEqual([s.check?.interval, s.check?.fastInterval], [1000, 1000]);
  const remedy = "leave it out, or say it in the configuration file";
  assert.deepEqual(
    told(reading),
    [
      "retry.replayBody: 1MiB",
      "pool.maxIdle: 1024",
      "sticky.sessions: 100000",
      "check.interval: 1s",
    ]
      .map((each) => each.split(": "))
      .map(
        ([key, shown]) =>
          `warning: services.s.${key}: is beyond what a label may say, and ${shown} is used; ${remedy}`,
      ),
  );
  const check = { http: "/", interval: "5s", fastInterval: "1s" };
  assert.deepEqual(told(read({ services: { s: { backends, check } } })), []);
});

const guest = { name: "docker/blog", addresses: ["172.17.0.2"] };

function ofGuest(service: object, route: object = {}) {
  return readDiscovered(
    {
      routes: { r: { host: "a.test", service: "s", ...route } },
      tcpRoutes: {},
      services: { s: service },
    },
    {
      defaults: { timeouts, maxBody: 7, tcpListeners: [] },
      guest,
      originOf: (path) => ({ provider: "docker", place: path.join(" ") }),
    },
  );
}

test("files and programs that a label names are the container's own", () => {
  const reading = ofGuest({
    FILES: "{ root: /var/www, index: 'a.html, b.html' }",
    fastcgi: "unix:/run/php.sock",
    backends: [],
    pool: { maxIdle: "100000" },
  });
  assert.deepEqual(
    reading.problems.map(({ severity }) => severity),
    ["warning"],
  );
  const { s, "s@scripts": program } = reading.services;
  assert.ok(s?.kind === "files" && program?.kind === "backends");
  assert.equal(s.guest, guest.name);
  assert.equal(s.root, "/var/www");
  assert.deepEqual(s.index, ["a.html", "b.html"]);
  assert.equal(s.scripts?.service, program.name);
  assert.deepEqual(program.backends[0]?.address, {
    kind: "unix",
    path: "/run/php.sock",
    guest: guest.name,
  });
  assert.ok(program.pool.maxIdle < 100_000);
  assert.deepEqual(
    reading.routes.map(({ service }) => service),
    ["s"],
  );
  const alone = ofGuest({ preset: "django", uwsgi: "172.17.0.2:3031", container: guest.name });
  assert.deepEqual(told(alone), []);
  assert.equal(alone.services["s"]?.kind, "backends");
});

test("a label names no other container, no other's address, no service and no file of the host", () => {
  const cases: readonly [service: object, what: string][] = [
    [{ files: "/srv", container: "docker/other" }, "services.s.container: a label means the"],
    [{ container: "lxc/blog", files: "/srv" }, "services.s.container: a label means the container"],
    [{ files: "/srv", fastcgi: "10.0.0.9:9000" }, "services.s.fastcgi: fastcgi://10.0.0.9:9000 is"],
    [{ scgi: "other.internal:9000" }, "services.s.scgi: scgi://other.internal:9000 is not the"],
    [{ files: { root: "/srv", try: ["$path", "@x"] } }, "services.s.files.try[1]: a label may not"],
    [{ files: "srv" }, 'services.s.files: "srv" is not absolute'],
    [{ files: "/srv/../../etc" }, 'services.s.files: "/srv/../../etc" has ".."'],
    [{ files: "/srv", split: { x: 1 } }, "services.s.split: a label may not lead to anybody else"],
  ];
  for (const [service, what] of cases) {
    const reading = ofGuest(service);
    assert.deepEqual(reading.services, {}, JSON.stringify(service));
    assert.deepEqual(reading.routes, []);
    assert.ok(
      told(reading).some((line) => line.startsWith(what)),
      told(reading).join("\n"),
    );
  }
  for (const route of [{ errorLog: "/etc/x" }, { files: "/srv" }, { container: "docker/other" }]) {
    assert.deepEqual(ofGuest({ files: "/srv" }, route).routes, []);
  }
});

test("who has no files that could be reached may not speak of them", () => {
  for (const key of ["files", "fastcgi", "scgi", "uwsgi", "preset", "container"]) {
    const reading = read({ services: { s: { [key]: "docker/x" } } });
    assert.deepEqual(reading.services, {});
    const [line = ""] = told(reading);
    assert.ok(line.startsWith(`services.s.${key}: says nothing here`), line);
  }
});
