import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleService, sampleSnapshot } from "../../test/harness/health-sample.ts";
import { watched } from "../../test/harness/watched-health.ts";

test("orders of operators are news, survive a new primary, and go with what they are about", () => {
  using w = watched();
  const [one, two] = ["http://127.0.0.1:1", "http://127.0.0.1:2"];
  const shop = sampleService("shop", [one, two]);
  const blog = sampleService("blog", [one]);
  w.health.update(sampleSnapshot(shop, blog));
  assert.ok(w.health.drain("shop", one) && w.health.drain("shop", one));
  assert.ok(w.health.pause("shop") && w.health.setMaintenance("blog", true));
  assert.ok(!w.health.drain("shop", "http://127.0.0.1:3") && !w.health.drain("toString", one));
  assert.ok(!w.health.pause("constructor") && !w.health.setMaintenance("", true));
  const draining = { service: "shop", backend: one, health: "up", isDraining: true } as const;
  const paused = { service: "shop", isPaused: true, isInMaintenance: false };
  const maintained = { service: "blog", isPaused: false, isInMaintenance: true };
  assert.deepEqual(w.news, [
    { backends: [draining], services: [], marks: [] },
    { backends: [], services: [paused], marks: [] },
    { backends: [], services: [maintained], marks: [] },
  ]);
  const states = { backends: [draining], services: [paused, maintained], marks: [] };
  assert.deepEqual(w.health.states(), states);
  assert.deepEqual([w.stateOf("shop"), w.stateOf("blog")], ["paused", "maintenance"]);
  assert.equal(w.backendRow("shop").state, "draining");
  assert.deepEqual(w.events, []);

  const orders = structuredClone(w.health.orders());
  using next = watched({ orders });
  next.health.update(sampleSnapshot(shop, blog));
  assert.deepEqual(next.health.states(), states);
  const less = sampleSnapshot(sampleService("shop", [two]));
  next.health.update(less);
  next.health.settled(less);
  assert.deepEqual(next.health.orders(), { draining: [], paused: ["shop"], maintenance: [] });
  const dropped = next.lines.filter((each) => each.startsWith("order dropped"));
  assert.equal(dropped.length, 2);

  assert.ok(w.health.undrain("shop", one) && w.health.unpause("shop"));
  assert.ok(w.health.setMaintenance("blog", false));
  assert.deepEqual(w.health.states(), { backends: [], services: [], marks: [] });
  assert.deepEqual(w.health.orders(), { draining: [], paused: [], maintenance: [] });
});

test("workers hear that an order is over when what it was about is really gone", () => {
  using w = watched();
  const [one, two] = ["http://127.0.0.1:1", "http://127.0.0.1:2"];
  const shop = sampleService("shop", [one, two]);
  const blog = sampleService("blog", [one]);
  const all = sampleSnapshot(shop, blog);
  const less = sampleSnapshot(sampleService("shop", [two]));
  w.health.update(all);
  w.health.settled(all);
  w.health.pause("blog");
  w.health.setMaintenance("blog", true);
  w.health.drain("shop", one);
  const { services } = w.health.states();
  w.news.length = 0;

  // It never goes live.
  w.health.update(less);
  w.health.update(all);
  assert.ok(w.news.every((each) => each.services.length === 0));
  assert.ok(w.news.every(({ backends }) => backends.every(({ isDraining }) => isDraining)));
  assert.deepEqual(w.health.states().services, services);
  assert.deepEqual(w.health.orders().draining, [{ service: "shop", backend: one }]);
  assert.deepEqual([w.stateOf("blog"), w.backendRow("shop").state], ["maintenance", "draining"]);
  w.news.length = 0;

  w.health.update(less);
  // A worker that starts now may have to serve by what was there before.
  assert.deepEqual(w.health.states().services, services);
  w.health.settled(less);
  const usual = { service: "shop", backend: one, health: "up", isDraining: false } as const;
  const free = { service: "blog", isPaused: false, isInMaintenance: false };
  assert.deepEqual(w.news.at(-1), { backends: [usual], services: [free], marks: [] });
  assert.deepEqual(w.health.states(), { backends: [], services: [], marks: [] });
  w.health.update(all);
  w.health.settled(all);
  assert.deepEqual([w.stateOf("blog"), w.backendRow("shop").state], ["up", "up"]);
});

test("a pause ends with the backends of its service, and its maintenance does not", () => {
  using w = watched();
  const shop = sampleService("shop", ["http://127.0.0.1:1"]);
  const before = sampleSnapshot(shop, sampleService("blog", ["http://127.0.0.1:1"]));
  w.health.update(before);
  w.health.settled(before);
  w.health.pause("blog");
  w.health.setMaintenance("blog", true);
  const { maintenance, origin } = shop;
  const after = sampleSnapshot(shop, {
    ...{ maintenance, origin, name: "blog" },
    ...{ kind: "failover", services: ["shop"], statuses: [] },
  });
  w.health.update(after);
  w.health.settled(after);
  const services = [{ service: "blog", isPaused: false, isInMaintenance: true }];
  assert.deepEqual(w.news.at(-1), { backends: [], services, marks: [] });
  assert.equal(w.stateOf("blog"), "maintenance");
});

test("an order that is given again is told again", () => {
  using w = watched();
  w.health.update(sampleSnapshot(sampleService("shop", ["http://127.0.0.1:1"])));
  const free = { service: "shop", isPaused: false, isInMaintenance: false };
  for (const order of ["pause", "pause", "unpause", "unpause"] as const) w.health[order]("shop");
  assert.ok(w.health.setMaintenance("shop", false));
  const told = [{ ...free, isPaused: true }, { ...free, isPaused: true }, free, free, free];
  assert.deepEqual(
    w.news.map(({ services }) => services),
    told.map((each) => [each]),
  );
  assert.equal(w.lines.length, 2, "and noted once");
});
