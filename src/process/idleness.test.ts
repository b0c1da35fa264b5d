import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyService } from "../config/empty-service.ts";
import type { Backend, BackendService, Service } from "../config/service.ts";
import type { ServiceLoad } from "../upstream/state.ts";
import { Idleness } from "./idleness.ts";

const backend: Backend = {
  url: "http://10.0.0.1:80",
  protocol: "http",
  secure: false,
  address: { kind: "tcp", host: "10.0.0.1", port: 80 },
  basePath: "",
  authority: "10.0.0.1",
  weight: 1,
  tier: 0,
};

function serviceOf(name: string, change: Partial<BackendService> = {}): BackendService {
  const onDemand = { wait: "page", startTimeout: 1000, idleStop: 100 } as const;
  const empty = emptyService(name, { provider: "docker", place: name });
  return { ...empty, absent: [], backends: [backend], onDemand, ...change };
}

function loadOf(service: string, change: Partial<ServiceLoad["backends"][number]> = {}) {
  const quiet = { inFlight: 0, waiting: 0, begun: 3, answered: 3, failed: 0, latency: 1 };
  const load: ServiceLoad = {
    service,
    held: 0,
    breaker: undefined,
    backends: [{ service, backend: backend.url, ...quiet, ...change }],
  };
  return load;
}

const all = (services: Readonly<Record<string, Service>>) => new Map(Object.entries(services));

const members = new Map([
  ["a", ["one"]],
  ["b", ["two"]],
]);

test("a service is to be stopped when nothing was carried for so long", () => {
  const idleness = new Idleness();
  const services = { a: serviceOf("a") };
  assert.deepEqual(idleness.look(all(services), [[loadOf("a")]], members, 0), []);
  assert.deepEqual(idleness.look(all(services), [[loadOf("a")]], members, 99), []);
  assert.deepEqual(idleness.look(all(services), [[loadOf("a")]], members, 100), ["a"]);
});

test("requests begin its time anew, whichever worker carried them", () => {
  const idleness = new Idleness();
  const services = { a: serviceOf("a") };
  idleness.look(all(services), [[loadOf("a")], [loadOf("a")]], members, 0);
  const later = [[loadOf("a")], [loadOf("a", { answered: 4 })]];
  assert.deepEqual(idleness.look(all(services), later, members, 100), []);
  assert.deepEqual(idleness.look(all(services), later, members, 199), []);
  assert.deepEqual(idleness.look(all(services), later, members, 200), ["a"]);
});

test("a request that began and ended between two looks is use, also when nothing came of it", () => {
  for (const change of [{ begun: 4 }, { answered: 4 }, { failed: 1 }, { answered: 2, failed: 1 }]) {
    const idleness = new Idleness();
    const services = { a: serviceOf("a") };
    idleness.look(all(services), [[loadOf("a")]], members, 0);
    const later = [[loadOf("a", change)]];
    assert.deepEqual(idleness.look(all(services), later, members, 100), [], JSON.stringify(change));
    assert.deepEqual(idleness.look(all(services), later, members, 200), ["a"]);
  }
});

test("a worker that does not answer may carry anything: nobody is stopped until it does", () => {
  const idleness = new Idleness();
  const services = { a: serviceOf("a") };
  const tunnel = [loadOf("a", { inFlight: 1 })];
  idleness.look(all(services), [[loadOf("a")], tunnel], members, 0);
  for (const now of [100, 200, 300]) {
    assert.deepEqual(idleness.look(all(services), [[loadOf("a")], []], members, now), []);
  }
  const quiet = [[loadOf("a")], [loadOf("a")]];
  assert.deepEqual(idleness.look(all(services), quiet, members, 350), []);
  assert.deepEqual(idleness.look(all(services), quiet, members, 450), ["a"]);
});

test("what lasts keeps it running: a tunnel, a wait", () => {
  for (const busy of [
    [[loadOf("a", { inFlight: 1 })]],
    [[loadOf("a", { waiting: 1 })]],
    [[{ ...loadOf("a"), held: 1 }]],
  ]) {
    const idleness = new Idleness();
    idleness.look(all({ a: serviceOf("a") }), busy, members, 0);
    assert.deepEqual(idleness.look(all({ a: serviceOf("a") }), busy, members, 500), []);
  }
});

test("only who asked for it, and is up, is stopped", () => {
  const services = {
    never: serviceOf("never", {
      onDemand: { wait: "page", startTimeout: 1000, idleStop: 0 },
    }),
    other: serviceOf("other", { onDemand: undefined }),
    down: serviceOf("down", { backends: [] }),
  };
  const idleness = new Idleness();
  idleness.look(all(services), [], members, 0);
  assert.deepEqual(idleness.look(all(services), [], members, 1000), []);
});

test("a container of two services is stopped when both are idle", () => {
  const shared = new Map([
    ["a", ["one"]],
    ["b", ["one", "two"]],
  ]);
  const services = { a: serviceOf("a"), b: serviceOf("b") };
  const idleness = new Idleness();
  const quiet = [[loadOf("a"), loadOf("b")]];
  const busy = [[loadOf("a"), loadOf("b", { inFlight: 1 })]];
  idleness.look(all(services), busy, shared, 0);
  assert.deepEqual(idleness.look(all(services), busy, shared, 200), []);
  idleness.look(all(services), quiet, shared, 300);
  assert.deepEqual(idleness.look(all(services), quiet, shared, 400), ["a", "b"]);
  // Also when the other one is nobody's to stop.
  const always = { a: serviceOf("a"), b: serviceOf("b", { onDemand: undefined }) };
  assert.deepEqual(idleness.look(all(always), quiet, shared, 900), []);
});
