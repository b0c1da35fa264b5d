import { deepStrictEqual, match, strictEqual } from "node:assert";
import { test } from "node:test";
import { emptyService } from "../config/empty-service.ts";
import type { Claim, Discovery } from "../config/discovery.ts";
import { defaultWorkers } from "../config/limits.ts";
import type { BackendService } from "../config/service.ts";
import type { Catalog, Route, StreamRoute } from "../config/snapshot.ts";
import { merge } from "./merge.ts";
import { routeOf } from "../../test/harness/routes-sample.ts";

function serviceOf(name: string, place: string): BackendService {
  return { ...emptyService(name, { provider: "file", place }), absent: [] };
}

function streamRouteOf(name: string): StreamRoute {
  return {
    name,
    origin: { provider: "file", place: `${name}.yaml:1:1` },
    listeners: undefined,
    rule: { kind: "hostSni", host: `${name}.example.com` },
    priority: undefined,
    service: "s",
    tls: undefined,
    timeouts: { connect: 0, idle: 0 },
  };
}

function fileOf(routes: readonly Route[], services: readonly string[] = ["s"]): Catalog {
  const empty: Partial<Catalog> = { listeners: [], errorPages: undefined };
  return {
    ...empty,
    routes,
    streamRoutes: [],
    services: Object.fromEntries(services.map((name) => [name, serviceOf(name, "file")])),
    workers: { ...defaultWorkers, count: 1 },
  } as unknown as Catalog;
}

function foundBy(provider: string, items: readonly Route[], services: readonly string[]) {
  const claim = (item: Route): Claim<Route> => ({ item, tenant: provider, since: 1 });
  const discovery: Discovery = {
    provider,
    hosts: undefined,
    routes: items.map(claim),
    streamRoutes: [],
    services: Object.fromEntries(services.map((name) => [name, serviceOf(name, provider)])),
  };
  return discovery;
}

const first = { version: 1, secret: "", holders: new Map<string, string>() };

test("the file alone becomes a snapshot as it is", () => {
  const file = fileOf([routeOf("a", "Host(`a`)")]);
  const made = { version: 7, secret: "5e", holders: new Map<string, string>() };
  const { snapshot, refusals } = merge(file, [], made);
  deepStrictEqual(snapshot, { ...file, version: 7, secret: "5e" });
  deepStrictEqual(refusals, []);
});

test("routes and services of all are there, settings of the file", () => {
  const found = foundBy("docker", [routeOf("b", "Host(`b`)")], ["t"]);
  const { snapshot, refusals } = merge(fileOf([routeOf("a", "Host(`a`)")]), [found], first);
  strictEqual(snapshot.workers.count, 1);
  deepStrictEqual(
    snapshot.routes.map((route) => route.name),
    ["a", "b"],
  );
  deepStrictEqual(Object.keys(snapshot.services), ["s", "t"]);
  strictEqual(refusals.length, 0);
});

test("a name claimed twice stays with the first, and the second is refused by name and place", () => {
  const found = foundBy("docker", [routeOf("a", "Host(`b`)")], ["s"]);
  const { snapshot, refusals } = merge(fileOf([routeOf("a", "Host(`a`)")]), [found], first);
  strictEqual(snapshot.routes.length, 1);
  strictEqual(snapshot.services["s"]?.origin.place, "file");
  strictEqual(refusals.length, 2);
  match(refusals[0]?.message ?? "", /^the route "a" is already claimed by file at a\.yaml:1:1/);
  match(refusals[1]?.message ?? "", /service "s" is already claimed by file at file/);
  strictEqual(refusals[1]?.origin.place, "docker");
});

test("what the file leads to and nobody has found yet is a service without anybody", () => {
  const route = { ...routeOf("a", "Host(`a`)"), service: "shop/web@docker" };
  const missing = merge(fileOf([route]), [], first).snapshot.services["shop/web@docker"];
  strictEqual(missing?.kind, "backends");
  deepStrictEqual(missing.backends, []);
  strictEqual(missing.absent[0]?.state, "missing");
  const found = foundBy("docker", [], ["shop/web@docker"]);
  const there = merge(fileOf([route]), [found], first).snapshot.services["shop/web@docker"];
  strictEqual(there?.origin.place, "docker");
});

test("parts of a split and the goal of a tcp route and a listener are looked after too", () => {
  const split: Catalog["services"][string] = {
    kind: "split",
    name: "canary",
    origin: { provider: "file", place: "f" },
    maintenance: undefined,
    parts: [{ service: "x@docker", weight: 1, when: undefined }],
    sticky: undefined,
  };
  const file: Catalog = {
    ...fileOf([]),
    services: { canary: split },
    streamRoutes: [{ ...streamRouteOf("db"), service: "db@docker" }],
  };
  const { services } = merge(file, [], first).snapshot;
  deepStrictEqual(Object.keys(services).toSorted(), ["canary", "db@docker", "x@docker"]);
});
