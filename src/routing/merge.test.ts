import { deepStrictEqual, match, strictEqual } from "node:assert";
import { test } from "node:test";
import { defaultHold, defaultPassive, defaultRetry, defaultWorkers } from "../config/limits.ts";
import type { Catalog, StreamRoute } from "../config/snapshot.ts";
import type { BackendService } from "../config/service.ts";
import { merge } from "./merge.ts";
import { routeOf } from "../../test/harness/routes-sample.ts";

function serviceOf(name: string, place: string): BackendService {
  return {
    kind: "backends",
    name,
    origin: { provider: "file", place },
    maintenance: undefined,
    backends: [],
    balance: { policy: "round-robin" },
    slowStart: 0,
    sticky: undefined,
    host: "keep",
    pool: { maxConnections: 1, maxWaiting: 1, maxWait: 1, maxIdle: 1, idleTimeout: 1 },
    tls: { verify: true, ca: undefined, serverName: undefined },
    retry: defaultRetry,
    check: undefined,
    passive: defaultPassive,
    whenAllDown: "try",
    hold: defaultHold,
    breaker: undefined,
    proxyProtocol: undefined,
  };
}

function streamRouteOf(name: string): StreamRoute {
  return {
    name,
    origin: { provider: "file", place: `${name}.yaml:1:1` },
    listeners: undefined,
    rule: { kind: "hostSni", host: "*" },
    priority: undefined,
    service: "s",
    tls: undefined,
    timeouts: { connect: 0, idle: 0 },
  };
}

/** @param mark tells one catalog from another */
function catalogOf(mark: number, routes: readonly string[], services: readonly string[]): Catalog {
  const empty: Partial<Catalog> = { listeners: [], errorPages: undefined };
  return {
    ...empty,
    routes: routes.map((name) => routeOf(name, "Host(`a`)")),
    streamRoutes: routes.map(streamRouteOf),
    services: Object.fromEntries(services.map((name) => [name, serviceOf(name, `w${mark}`)])),
    workers: { ...defaultWorkers, count: mark },
  } as Catalog;
}

const first = { version: 1, secret: "" };

test("one catalog becomes a snapshot as it is", () => {
  const catalog = catalogOf(1, ["a"], ["s"]);
  const made = { version: 7, secret: "5e" };
  deepStrictEqual(merge([catalog], made), { snapshot: { ...catalog, ...made }, refusals: [] });
});

test("routes and services of all catalogs are there, settings of the first", () => {
  const { snapshot, refusals } = merge(
    [catalogOf(1, ["a"], ["s"]), catalogOf(2, ["b"], ["t"])],
    first,
  );
  strictEqual(snapshot.workers.count, 1);
  deepStrictEqual(
    snapshot.routes.map((route) => route.name),
    ["a", "b"],
  );
  deepStrictEqual(
    snapshot.streamRoutes.map(({ name }) => name),
    ["a", "b"],
  );
  deepStrictEqual(Object.keys(snapshot.services), ["s", "t"]);
  strictEqual(refusals.length, 0);
});

test("a name claimed twice stays with the first, and the second is refused by name and place", () => {
  const { snapshot, refusals } = merge(
    [catalogOf(1, ["a"], ["s"]), catalogOf(2, ["a"], ["s"])],
    first,
  );
  strictEqual(snapshot.routes.length, 1);
  strictEqual(snapshot.services["s"]?.origin.place, "w1");
  strictEqual(snapshot.streamRoutes.length, 1);
  strictEqual(refusals.length, 3);
  match(refusals[0]?.message ?? "", /^the route "a" is already claimed by file at a\.yaml:1:1/);
  match(refusals[1]?.message ?? "", /^the tcp route "a" is already claimed by file at a\.yaml:1:1/);
  match(refusals[2]?.message ?? "", /service "s" is already claimed by file at w1/);
  strictEqual(refusals[2]?.origin.place, "w2");
});
