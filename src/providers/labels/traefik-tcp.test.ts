import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { http, notesOf, problemsOf, read, routesOf } from "../../../test/harness/traefik-wishes.ts";
import type { Labels } from "../../../test/harness/traefik-wishes.ts";

test("TCP routers become TCP routes, or are left out", () => {
  const tcp = (labels: Labels): Labels =>
    Object.fromEntries(Object.entries(labels).map(([key, value]) => [`traefik.tcp.${key}`, value]));
  const db = {
    "routers.db.rule": "HostSNI(`*`)",
    "routers.db.entrypoints": "mysql",
    "services.db.loadbalancer.server.port": "3306",
  };
  assert.deepEqual(routesOf(tcp(db)), {
    db: { rule: 'HostSNI("*")', listener: ["mysql"], to: "tcp://db:3306" },
  });
  assert.deepEqual(problemsOf(tcp(db)), []);
  const secure = {
    "routers.s.rule": "HostSNI(`a.test`, `b.test`)",
    "routers.s.tls.passthrough": "true",
    "routers.s.entrypoints": "websecure",
    "routers.s.middlewares": "lan",
    "middlewares.lan.ipallowlist.sourcerange": "10.0.0.0/8",
    "services.s.loadbalancer.server.port": "443",
    "services.s.loadbalancer.proxyprotocol.version": "2",
  };
  assert.deepEqual(
    routesOf({ ...tcp(secure), ...http({ "services.s.loadbalancer.server.port": "80" }) }),
    {
      s: {
        rule: '((HostSNI("a.test") || HostSNI("b.test"))) && ClientIP("10.0.0.0/8")',
        to: "tcp://s-tcp:443",
        settings: { proxyProtocol: "v2" },
      },
    },
  );
  assert.deepEqual(problemsOf(tcp(secure)), []);
  // With the certificates of the file.
  assert.equal(routesOf(tcp({ ...db, "routers.db.tls": "true" }))["db"]?.["tls"], true);
  const resolved = tcp({ ...db, "routers.db.tls.certresolver": "le" });
  assert.equal(routesOf(resolved)["db"]?.["tls"], true);
  assert.match(notesOf(resolved).join("\n"), /had for routes of HTTP alone/);
  const left = [
    [{ "routers.db.tls.options": "mutual@file" }, /may ask for client certificates/],
    [{ "routers.db.middlewares": "x@file" }, /the route is left out/],
    [{ "routers.db.foo": "x" }, /no key "foo"/],
    [{ "services.db.loadbalancer.server.port": "0" }, /"0" is no port: the route is left out/],
  ] as const;
  for (const [labels, why] of left) {
    const all = tcp({ ...db, ...labels });
    assert.deepEqual(routesOf(all), {});
    assert.ok(
      notesOf(all).some((note) => why.test(note)),
      String(why),
    );
  }
});

test("whatever the labels are, they are read", () => {
  const word = fc.constantFrom(
    ...["http", "tcp", "udp", "routers", "services", "middlewares", "a", "b", "rule", "service"],
    ...["entrypoints", "tls", "priority", "chain", "stripprefix", "prefixes", "ipallowlist"],
    ...["sourcerange", "loadbalancer", "server", "port", "sticky", "cookie", "healthcheck", "path"],
    ...["redirectscheme", "scheme", "retry", "attempts", "enable", "__proto__", "", "[0]"],
  );
  const label = fc.array(word, { maxLength: 7 }).map((words) => ["traefik", ...words].join("."));
  const value = fc.oneof(
    fc.constantFrom(
      "a",
      "a,b",
      "b@docker",
      "a@file",
      "Host(`a`,`b`)",
      "HostSNI(`*`)",
      "true",
      "80",
      "",
    ),
    fc.string({ unit: "binary", maxLength: 30 }),
  );
  fc.assert(
    fc.property(fc.dictionary(label, value, { maxKeys: 12 }), (labels) => {
      const { wishes } = read(labels, { defaultHost: "x.test/y" });
      for (const { kind, route, service } of wishes) {
        assert.ok(route !== undefined && (kind === "http" || service !== undefined));
      }
    }),
    { numRuns: 500 },
  );
});
