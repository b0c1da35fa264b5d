// Labels as compose files have them, whole: what becomes of them is looked at as the configuration reads it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultClientTimeouts, defaultExchangeTimeouts } from "../../config/limits.ts";
import { readDiscovered } from "../../config/read-discovered.ts";
import { formatRule } from "../../config/rule.ts";
import type { Workload } from "../workload.ts";
import { traefikWishes } from "./traefik.ts";

/** As `labels:` of a compose file lists them. */
function deploy(lines: string) {
  const labels = Object.fromEntries(
    lines
      .trim()
      .split("\n")
      .map((line) => {
        const at = line.indexOf("=");
        return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
      }),
  );
  const workload: Workload = {
    platform: "docker",
    id: "f00d",
    name: "stack-app-1",
    project: "stack",
    role: "app",
    hostName: "",
    state: "running",
    health: "none",
    createdAt: 1,
    addresses: [],
    exposed: [],
    published: [],
    labels,
    env: {},
    trouble: undefined,
  };
  const { wishes, notes } = traefikWishes(workload, { exposedByDefault: false });
  const of = (kind: "http" | "tcp") =>
    Object.fromEntries(
      wishes
        .filter((wish) => wish.kind === kind)
        .map(({ name, route, service }) => [
          name,
          { ...route, ...(service === undefined ? {} : { service: service.name }) },
        ]),
    );
  const services = wishes.flatMap(({ service }) => {
    return service === undefined
      ? []
      : [[service.name, { backends: [], ...service.settings }] as const];
  });
  const reading = readDiscovered(
    { routes: of("http"), tcpRoutes: of("tcp"), services: Object.fromEntries(services) },
    {
      defaults: {
        timeouts: { ...defaultClientTimeouts, ...defaultExchangeTimeouts },
        maxBody: 0,
        tcpListeners: ["ssh"],
      },
      originOf: () => ({ provider: "docker", place: "app" }),
    },
  );
  assert.deepEqual(reading.problems, []);
  const ports = new Map(wishes.map(({ name, service }) => [name, service?.port]));
  return {
    routes: reading.routes.map(({ name, rule, middlewares, service }) => ({
      name,
      rule: formatRule(rule),
      middlewares: middlewares.map(({ kind }) => kind),
      service: service === undefined ? undefined : `${service}:${ports.get(name)}`,
    })),
    streamRoutes: reading.streamRoutes.map(({ name, rule, listeners, service }) => ({
      name,
      rule: formatRule(rule),
      listeners,
      service: `${service}:${ports.get(name)}`,
    })),
    services: reading.services,
    notes: notes.map(({ severity, about }) => `${severity} ${about}`),
  };
}

test("a blog of Traefik 2: forced to https, with and without www", () => {
  const { routes, notes } = deploy(`
    traefik.enable=true
    traefik.docker.network=proxy
    traefik.http.middlewares.blog-https.redirectscheme.scheme=https
    traefik.http.middlewares.blog-https.redirectscheme.permanent=true
    traefik.http.middlewares.blog-www.redirectregex.regex=^https?://www\\.blog\\.example\\.com/(.*)
    traefik.http.middlewares.blog-www.redirectregex.replacement=https://blog.example.com/\${1}
    traefik.http.middlewares.blog-zip.compress=true
    traefik.http.routers.blog.entrypoints=web
    traefik.http.routers.blog.rule=Host(\`blog.example.com\`, \`www.blog.example.com\`)
    traefik.http.routers.blog.middlewares=blog-https
    traefik.http.routers.blog-secure.entrypoints=websecure
    traefik.http.routers.blog-secure.rule=Host(\`blog.example.com\`) || Host(\`www.blog.example.com\`)
    traefik.http.routers.blog-secure.tls=true
    traefik.http.routers.blog-secure.tls.certresolver=letsencrypt
    traefik.http.routers.blog-secure.middlewares=blog-www,blog-zip
    traefik.http.routers.blog-secure.service=blog
    traefik.http.services.blog.loadbalancer.server.port=80
  `);
  assert.deepEqual(routes, [
    {
      name: "blog-secure",
      rule: "Host(`blog.example.com`) || Host(`www.blog.example.com`)",
      middlewares: ["forceHttps", "redirectMatch", "compress"],
      service: "blog:80",
    },
  ]);
  assert.deepEqual(notes, [
    "hint traefik.http.routers.blog-secure.entrypoints".replace("hint", "info"),
    "info traefik.http.routers.blog.rule",
  ]);
});

test("a cloud of Traefik 3: health, sticky sessions, a redirect within the site, large uploads", () => {
  const { routes, services, notes } = deploy(`
    traefik.enable=true
    traefik.http.routers.cloud.rule=Host(\`cloud.example.com\`) && !PathPrefix(\`/internal\`)
    traefik.http.routers.cloud.entrypoints=web,websecure
    traefik.http.routers.cloud.middlewares=cloud-chain@docker
    traefik.http.middlewares.cloud-chain.chain.middlewares=cloud-dav,cloud-headers,cloud-body
    traefik.http.middlewares.cloud-dav.redirectregex.permanent=true
    traefik.http.middlewares.cloud-dav.redirectregex.regex=https://(.*)/.well-known/(?:card|cal)dav
    traefik.http.middlewares.cloud-dav.redirectregex.replacement=https://\${1}/remote.php/dav
    traefik.http.middlewares.cloud-headers.headers.stsSeconds=15552000
    traefik.http.middlewares.cloud-headers.headers.stsIncludeSubdomains=true
    traefik.http.middlewares.cloud-headers.headers.customFrameOptionsValue=SAMEORIGIN
    traefik.http.middlewares.cloud-body.buffering.maxRequestBodyBytes=10737418240
    traefik.http.services.cloud.loadBalancer.server.port=8080
    traefik.http.services.cloud.loadBalancer.healthCheck.path=/status.php
    traefik.http.services.cloud.loadBalancer.healthCheck.interval=15s
    traefik.http.services.cloud.loadBalancer.healthCheck.timeout=5s
    traefik.http.services.cloud.loadBalancer.sticky.cookie.name=cloud_lb
    traefik.http.services.cloud.loadBalancer.sticky.cookie.httpOnly=true
    traefik.http.services.cloud.loadBalancer.sticky.cookie.secure=true
    traefik.http.services.cloud.loadBalancer.passHostHeader=true
  `);
  assert.deepEqual(routes, [
    {
      name: "cloud",
      rule: "Host(`cloud.example.com`) && !PathPrefix(`/internal`)",
      middlewares: ["redirectMatch", "securityHeaders"],
      service: "cloud:8080",
    },
  ]);
  const { cloud } = services;
  assert.ok(cloud?.kind === "backends");
  assert.equal(cloud.check?.interval, 15_000);
  assert.deepEqual(cloud.check?.probe.kind === "http" && cloud.check.probe.path, "/status.php");
  assert.ok(cloud.sticky?.kind === "cookie");
  assert.deepEqual([cloud.sticky.name, cloud.sticky.secure], ["cloud_lb", "always"]);
  assert.deepEqual(notes, []);
});

test("a forge: HTTP, an API for the local network, metrics behind a password, and TCP", () => {
  const { routes, streamRoutes, notes } = deploy(`
    traefik.enable=true
    traefik.http.routers.forge.rule=Host(\`git.example.com\`)
    traefik.http.routers.forge.service=forge
    traefik.http.routers.forge-api.rule=Host(\`git.example.com\`) && PathPrefix(\`/api\`, \`/hooks\`)
    traefik.http.routers.forge-api.service=forge
    traefik.http.routers.forge-api.middlewares=lan
    traefik.http.routers.forge-metrics.rule=Host(\`git.example.com\`) && Path(\`/metrics\`)
    traefik.http.routers.forge-metrics.service=forge
    traefik.http.routers.forge-metrics.middlewares=metrics-auth
    traefik.http.middlewares.lan.ipallowlist.sourcerange=192.168.0.0/16, fd00::/8
    traefik.http.middlewares.metrics-auth.basicauth.users=prom:$apr1$x$y
    traefik.http.services.forge.loadbalancer.server.port=3000
    traefik.tcp.routers.forge.rule=HostSNI(\`*\`)
    traefik.tcp.routers.forge.entrypoints=ssh
    traefik.tcp.routers.forge.service=forge
    traefik.tcp.services.forge.loadbalancer.server.port=22
    com.example.team=tools
  `);
  assert.deepEqual(routes, [
    {
      name: "forge-api",
      rule: "Host(`git.example.com`) && (PathPrefix(`/api`) || PathPrefix(`/hooks`)) && (ClientIP(`192.168.0.0/16`) || ClientIP(`fd00::/8`))",
      middlewares: [],
      service: "forge:3000",
    },
    {
      name: "forge-api-others",
      rule: "Host(`git.example.com`) && (PathPrefix(`/api`) || PathPrefix(`/hooks`)) && !(ClientIP(`192.168.0.0/16`) || ClientIP(`fd00::/8`))",
      middlewares: ["respond"],
      service: undefined,
    },
    {
      name: "forge-metrics",
      rule: "Host(`git.example.com`) && Path(`/metrics`)",
      middlewares: ["respond"],
      service: undefined,
    },
    { name: "forge", rule: "Host(`git.example.com`)", middlewares: [], service: "forge:3000" },
  ]);
  assert.deepEqual(streamRoutes, [
    { name: "forge-tcp", rule: "HostSNI(`*`)", listeners: ["ssh"], service: "forge-tcp:22" },
  ]);
  assert.deepEqual(notes, ["error traefik.http.middlewares.metrics-auth.basicauth.users"]);
});
