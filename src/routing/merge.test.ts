import { deepStrictEqual, match, strictEqual } from "node:assert";
import { test } from "node:test";
import { defaultWorkers } from "../config/limits.ts";
import type { Catalog, Service } from "../config/snapshot.ts";
import { merge } from "./merge.ts";
import { routeOf } from "../../test/harness/routes-sample.ts";

function serviceOf(name: string, place: string): Service {
  return {
    name,
    origin: { provider: "file", place },
    backends: [],
    balance: "round-robin",
    host: "keep",
    pool: { maxConnections: 1, maxWaiting: 1, maxWait: 1, maxIdle: 1, idleTimeout: 1 },
    tls: { verify: true, ca: undefined, serverName: undefined },
    retry: { attempts: 0, replayBody: 0, nonIdempotent: false },
  };
}

/** @param mark tells one catalog from another */
function catalogOf(mark: number, routes: readonly string[], services: readonly string[]): Catalog {
  const empty: Partial<Catalog> = { listeners: [], errorPages: undefined };
  return {
    ...empty,
    routes: routes.map((name) => routeOf(name, "Host(`a`)")),
    services: Object.fromEntries(services.map((name) => [name, serviceOf(name, `w${mark}`)])),
    workers: { ...defaultWorkers, count: mark },
  } as Catalog;
}

test("one catalog becomes a snapshot as it is", () => {
  const catalog = catalogOf(1, ["a"], ["s"]);
  deepStrictEqual(merge([catalog], 7), { snapshot: { ...catalog, version: 7 }, refusals: [] });
});

test("routes and services of all catalogs are there, settings of the first", () => {
  const { snapshot, refusals } = merge([catalogOf(1, ["a"], ["s"]), catalogOf(2, ["b"], ["t"])], 1);
  strictEqual(snapshot.workers.count, 1);
  deepStrictEqual(
    snapshot.routes.map((route) => route.name),
    ["a", "b"],
  );
  deepStrictEqual(Object.keys(snapshot.services), ["s", "t"]);
  strictEqual(refusals.length, 0);
});

test("a name claimed twice stays with the first, and the second is refused by name and place", () => {
  const { snapshot, refusals } = merge([catalogOf(1, ["a"], ["s"]), catalogOf(2, ["a"], ["s"])], 1);
  strictEqual(snapshot.routes.length, 1);
  strictEqual(snapshot.services["s"]?.origin.place, "w1");
  strictEqual(refusals.length, 2);
  match(refusals[0]?.message ?? "", /route "a" is already claimed by file at a\.yaml:1:1/);
  match(refusals[1]?.message ?? "", /service "s" is already claimed by file at w1/);
  strictEqual(refusals[1]?.origin.place, "w2");
});
