import assert from "node:assert/strict";
import { test } from "node:test";
import { commonSettings } from "../../test/harness/watched-source.ts";
import type { ItemSection } from "./item.ts";
import { formatPath } from "./problem.ts";
import { readItem } from "./read-item.ts";

const options = { source: "kept", defaults: commonSettings.defaults };

function read(section: ItemSection, name: string, value: unknown) {
  return readItem({ section, name, value, place: "key x" }, options);
}

function told(section: ItemSection, value: unknown, name = "a"): string[] {
  const { problems, ...made } = read(section, name, value);
  const isEmpty = Object.values(made).every((each) => each.length === 0);
  assert.ok(isEmpty, "of what is wrong nothing counts");
  return problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);
}

const url = "http://127.0.0.1:1";

test("names get the name of the source, and services without @ are of the same source", () => {
  const { routes, problems } = read("routes", "a", { host: "a.test", service: "pool" });
  assert.deepEqual(problems, []);
  assert.equal(routes[0]?.name, "a@kept");
  assert.equal(routes[0]?.service, "pool@kept");
  assert.deepEqual(routes[0]?.origin, { provider: "kept", place: "key x" });
  const ofFile = read("routes", "a", { host: "a.test", service: "pool@file" });
  assert.equal(ofFile.routes[0]?.service, "pool");
  const found = read("routes", "a", { host: "a.test", service: "shop/web@docker" });
  assert.equal(found.routes[0]?.service, "shop/web@docker");
});

test("a route may be its host's name, and a URL, as in the file", () => {
  const { routes, services } = read("routes", "a.test/app", url);
  assert.equal(routes[0]?.name, "a.test/app@kept");
  assert.notEqual(routes[0]?.rule.kind, undefined);
  assert.deepEqual(
    services.map(({ name }) => name),
    ["route/a.test/app@kept"],
  );
  assert.equal(routes[0]?.service, "route/a.test/app@kept");
});

test("a service leads to others by their full names", () => {
  for (const [value, parts] of [
    [{ split: { b: 9, "c@file": 1 } }, ["b@kept", "c"]],
    [{ failover: ["b", "c@docker"] }, ["b@kept", "c@docker"]],
    [{ mirror: "b", to: { c: "10%" } }, ["b@kept", "c@kept"]],
  ] as const) {
    const { services, problems } = read("services", "a", value);
    assert.deepEqual(problems, []);
    const [made] = services;
    assert.equal(made?.name, "a@kept");
    const names =
      made?.kind === "split"
        ? made.parts.map(({ service }) => service)
        : made?.kind === "failover"
          ? made.services
          : made?.kind === "mirror"
            ? [made.service, ...made.copies.map(({ service }) => service)]
            : [];
    assert.deepEqual(names, parts);
  }
});

test("pages for errors are of a service with its full name, wherever the list stands", () => {
  const names = [
    ["pages", "pages@kept"],
    ["pages@file", "pages"],
    ["shop/web@docker", "shop/web@docker"],
  ] as const;
  for (const [service, full] of names) {
    const middlewares = [{ errors: { service } }];
    const uses = [
      read("routes", "a", { host: "a.test", service: url, middlewares }).routes[0]?.middlewares,
      read("overlays", "a@docker", { middlewares }).overlays[0]?.change.middlewares,
      read("services", "a", { backends: [url], middlewares: { errors: { service } } }).services[0]
        ?.middlewares,
      read("routes", "a", { host: "a.test", service: { backends: [url], middlewares } }).services[0]
        ?.middlewares,
    ];
    for (const all of uses) {
      const [use] = all ?? [];
      assert.equal(use?.kind === "errors" && use.page.from === "service" && use.page.service, full);
    }
  }
});

test("a Redis of this host's sockets is named in the configuration file alone", () => {
  const of = (redis: unknown) => ({
    host: "a.test",
    service: url,
    middlewares: { rateLimit: { average: 1, redis } },
  });
  const message = "routes.a.middlewares.rateLimit.redis: a socket is a file of this host";
  assert.deepEqual(told("routes", of("unix:///run/redis.sock")), [message]);
  assert.deepEqual(told("routes", of({ url: "unix:///run/redis.sock" })), [message]);
  assert.deepEqual(read("routes", "a", of("redis://127.0.0.1")).problems, []);
});

test("nobody leads past a service of files to its program", () => {
  const message = '"pool@scripts" is the program of another service, which says what of it is run';
  const of = { host: "a.test" };
  assert.deepEqual(told("routes", { ...of, service: "pool@scripts@file" }), [
    `routes.a.service: ${message}`,
  ]);
  assert.deepEqual(told("services", { failover: ["b", "pool@scripts@file"] }), [
    `services.a.failover[1]: ${message}`,
  ]);
  const kept = message.replace("@scripts", "@scripts@kept");
  assert.deepEqual(told("overlays", { service: "pool@scripts@kept" }), [
    `overlays.a.service: ${kept}`,
  ]);
});

test("a route of connections is read as one", () => {
  const value = { sni: "db.test", service: "tcp://127.0.0.1:5432" };
  const { streamRoutes, services, problems } = read("tcpRoutes", "db", value);
  assert.deepEqual(problems, []);
  assert.equal(streamRoutes[0]?.name, "db@kept");
  assert.equal(streamRoutes[0]?.service, services[0]?.name);
});

test("an overlay that says no to what the route says is told that it does nothing", () => {
  const { overlays, problems } = read("overlays", "a@docker", { hsts: false, forceHttps: false });
  assert.deepEqual(overlays[0]?.change, {});
  assert.deepEqual(
    problems.map(({ path, severity, remedy }) => [path.at(-1), severity, remedy]),
    [
      ["hsts", "warning", "write { maxAge: 0 }, and browsers forget it"],
      ["forceHttps", "warning", "change it where the route is written"],
    ],
  );
});

test("an overlay changes what it says, and nothing else", () => {
  const change = (value: unknown) => read("overlays", "shop/web@docker", value).overlays[0]?.change;
  assert.deepEqual(change({ priority: 5 }), { priority: 5 });
  assert.deepEqual(change({ timeouts: { response: "5s" } }), { timeouts: { response: 5000 } });
  assert.deepEqual(change({ maxBody: "1KiB" }), { maxBody: 1024 });
  assert.deepEqual(change({ service: "pool" }), { service: "pool@kept" });
  assert.deepEqual(
    change({ forceHttps: true })?.middlewares?.map(({ kind }) => kind),
    ["forceHttps"],
  );
  const toHttps = change({ redirect: "https", hsts: true });
  assert.deepEqual(Object.keys(toHttps ?? {}), ["hsts", "middlewares"]);
  assert.deepEqual(
    toHttps?.middlewares?.map(({ kind }) => kind),
    ["forceHttps"],
  );
  const whoami = change({ whoami: true });
  assert.deepEqual(
    whoami?.middlewares?.map(({ kind }) => kind),
    ["whoami"],
  );
  assert.ok(whoami !== undefined && "service" in whoami && whoami.service === undefined);
  assert.equal(change({ host: "b.test" })?.rule?.kind, "host");
  assert.notEqual(change({ maintenance: true })?.maintenance, undefined);
  const own = read("overlays", "shop/web@docker", { service: [url] });
  assert.equal(own.overlays[0]?.change.service, own.services[0]?.name);
  assert.equal(own.overlays[0]?.route, "shop/web@docker");
});

test("files of this host are not named from outside", () => {
  const file = "/etc/shadow";
  const cases: readonly (readonly [ItemSection, Record<string, unknown>, string])[] = [
    ["routes", { host: "a", whoami: true, errorPages: file }, "errorPages"],
    ["routes", { host: "a", whoami: true, accessLog: file }, "accessLog"],
    ["routes", { host: "a", whoami: true, accessLog: { path: file } }, "accessLog.path"],
    ["routes", { host: "a", service: url, maintenance: { page: file } }, "maintenance.page"],
    ["routes", { host: "a", service: { backends: [url], tls: { ca: file } } }, "service.tls.ca"],
    [
      "routes",
      { host: "a", service: { backends: [url], maintenance: { page: file } } },
      "service.maintenance.page",
    ],
    ["overlays", { errorPages: file }, "errorPages"],
    ["services", { backends: [url], tls: { ca: file } }, "tls.ca"],
    ["services", { backends: [url], maintenance: { page: file } }, "maintenance.page"],
    ["tcpRoutes", { sni: "a", service: "tcp://h:1", tls: { cert: file } }, "tls.cert"],
    ["tcpRoutes", { sni: "a", service: "tcp://h:1", tls: { key: file } }, "tls.key"],
    ["services", { backends: [url], tls: { cert: file } }, "tls.cert"],
    ["services", { backends: [url], tls: { key: file } }, "tls.key"],
  ];
  for (const [section, value, at] of cases) {
    assert.deepEqual(told(section, value), [`${section}.a.${at}: names a file of this host`]);
  }
});

test("sockets of this host are not led to from outside: ours would believe whoever comes", () => {
  const [http, tcp] = ["unix:/run/tidegate/control.sock", "tcp://unix:/run/docker.sock"];
  const cases: readonly (readonly [ItemSection, unknown, string])[] = [
    ["routes", http, http],
    ["routes", ["http://unix:/a.sock:/base"], "http://unix:/a.sock:/base"],
    ["routes", { host: "a", service: http }, http],
    ["routes", { host: "a", service: { backends: [url, { url: http }] } }, http],
    ["services", http, http],
    ["services", [url, http], http],
    ["services", { backends: [{ url: http, weight: 2 }] }, http],
    ["overlays", { service: [http] }, http],
    ["tcpRoutes", { sni: "a", service: tcp }, tcp],
  ];
  for (const [section, value, shown] of cases) {
    assert.deepEqual(told(section, value), [`${section}.a: ${shown} is a file of this host`]);
  }
});

test("what is wrong is said with its place in the item", () => {
  for (const [section, value, expected] of [
    ["routes", { host: "a", hots: "b" }, /^routes\.a\.hots: unknown key "hots"/],
    ["routes", null, /^routes\.a: has no value/],
    ["routes", [1], /^routes\.a/],
    ["services", {}, /^services\.a: the service leads nowhere/],
    ["services", { backends: [] }, /^services\.a\.backends: must not be empty/],
    ["services", ["tcp://h:1", url], /^services\.a\.backends\[1\]: is a http backend/],
    ["overlays", "text", /^overlays\.a: must be/],
    ["overlays", { service: "a", whoami: true }, /^overlays\.a/],
    ["tcpRoutes", { sni: "a" }, /^tcpRoutes\.a/],
  ] as const) {
    assert.match(told(section, value).join("\n"), expected);
  }
  assert.match(told("services", url, "route/a").join(), /begins with route\/ .* another name/);
  for (const name of ["", "__proto__", "a b", "a\n", "x".repeat(254), "a@b"]) {
    assert.equal(told("routes", { host: "a.test", whoami: true }, name).length, 1, name);
  }
});

test("any JSON at all is an answer, and never an exception", () => {
  let seed = 7;
  const random = (below: number) =>
    (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
  const atoms = [
    null,
    true,
    0,
    -1,
    1e308,
    "",
    "a",
    url,
    "5s",
    "20%",
    "*",
    "Host(`a`)",
    "\0",
    "x@y",
  ];
  const keys = ["host", "path", "rule", "service", "backends", "split", "failover", "mirror", "to"];
  keys.push(
    "check",
    "sticky",
    "balance",
    "retry",
    "pool",
    "tls",
    "timeouts",
    "redirect",
    "respond",
  );
  keys.push("__proto__", "constructor", "maintenance", "breaker", "passive", "priority", "url");
  const make = (depth: number): unknown => {
    const kind = depth === 0 ? 0 : random(3);
    if (kind === 0) return atoms[random(atoms.length)];
    if (kind === 1) return Array.from({ length: random(4) }, () => make(depth - 1));
    const entries = Array.from({ length: random(5) }, () => [
      keys[random(keys.length)],
      make(depth - 1),
    ]);
    return Object.fromEntries(entries);
  };
  let good = 0;
  for (let round = 0; round < 4000; round++) {
    const section =
      (["routes", "services", "tcpRoutes", "overlays"] as const)[round % 4] ?? "routes";
    const { problems } = read(section, "a", make(4));
    if (problems.length === 0) good++;
  }
  assert.ok(good > 0 && good < 4000, `${good} were good`);
});

test("timeouts of a service that routes elsewhere would not have are not passed over in silence", () => {
  const value = { backends: [url], timeouts: { response: "1s" } };
  const { services, problems } = read("services", "a", value);
  assert.equal(services.length, 1);
  assert.deepEqual(
    problems.map(({ path, severity }) => `${formatPath(path)} ${severity}`),
    ["services.a.timeouts warning"],
  );
});

test("files, containers and what programs may send are named in the configuration file alone", () => {
  const cases: readonly [words: object, key: string][] = [
    [{ files: "/etc" }, "files"],
    [{ files: { root: "/etc" } }, "files"],
    [{ container: "lxc/a", backends: ["unix:/run/x"] }, "container"],
    [{ preset: "php" }, "preset"],
    [{ fastcgi: { backends: "10.0.0.1:1", sendFiles: "/etc" } }, "fastcgi.sendFiles"],
    [{ uwsgi: { backends: "10.0.0.1:1", sendFiles: "/etc" } }, "uwsgi.sendFiles"],
  ];
  for (const [words, key] of cases) {
    for (const [section, value, start] of [
      ["services", words, `services.a.${key}`],
      ["routes", { host: "a.test", service: words }, `routes.a.service.${key}`],
      ["routes", { host: "a.test", ...words }, `routes.a.${key}`],
      ["overlays", words, `overlays.a.${key}`],
    ] as const) {
      // A list of backends is not said beside the keys of a route.
      if (section !== "services" && "backends" in words && !("service" in value)) continue;
      const lines = told(section, value);
      assert.ok(
        lines.some((line) => line.startsWith(`${start}: names `)),
        `${start}: ${lines.join("\n")}`,
      );
    }
  }
  assert.deepEqual(told("routes", { host: "a.test", service: url, errorLog: "/etc/x" }), [
    "routes.a.errorLog: names a file of this host",
  ]);
});

test("programs at an address may be led to, and not those behind a socket of this host", () => {
  const { services, problems } = read("services", "a", { fastcgi: "10.0.0.1:9000" });
  assert.deepEqual(problems, []);
  assert.ok(services[0]?.kind === "backends");
  assert.equal(services[0].backends[0]?.speaks, "fastcgi");
  for (const value of ["fastcgi://unix:/run/x.sock", { scgi: "unix:/run/x.sock" }]) {
    assert.match(told("services", value).join(), /is a file of this host/);
  }
  const own = read("routes", "a", { host: "a.test", uwsgi: "10.0.0.1:1" });
  assert.equal(own.routes[0]?.service, "route/a@kept");
  assert.equal(own.services[0]?.name, "route/a@kept");
});

test("an overlay puts right what answers say of URLs, and spools", () => {
  const { overlays } = read("overlays", "a@docker", {
    restoreUrls: { from: "/a", to: "/b" },
    spool: true,
  });
  assert.deepEqual(overlays[0]?.change, {
    restoreUrls: { from: "/a", to: "/b", hosts: [], cookieDomains: [] },
    spool: { memory: 65_536 },
  });
});
