import assert from "node:assert/strict";
import { test } from "node:test";
import { routeOf } from "../../test/harness/routes-sample.ts";
import { commonSettings } from "../../test/harness/watched-source.ts";
import { overlaid } from "./overlay.ts";
import { readItem } from "./read-item.ts";
import type { Route } from "./snapshot.ts";

const options = { source: "kept", defaults: commonSettings.defaults };

function routeWith(value: Record<string, unknown>): Route {
  const item = {
    section: "routes",
    name: "a",
    value: { host: "a.test", ...value },
    place: "",
  } as const;
  const { routes, problems } = readItem(item, options);
  assert.deepEqual(problems, []);
  return routes[0] ?? assert.fail("there is no route");
}

function laidOn(route: Route, value: unknown): Route {
  const item = { section: "overlays", name: "a@kept", value, place: "" } as const;
  const { overlays, problems } = readItem(item, options);
  assert.deepEqual(problems, []);
  return overlaid(route, overlays[0] ?? assert.fail("there is no overlay"));
}

const kindsOf = ({ middlewares }: Route) => middlewares.map(({ kind }) => kind);

test("what an overlay does not say stays as it is", () => {
  const route = routeOf("a", "Host(`a.test`)");
  assert.deepEqual(laidOn(route, {}), route);
  const { timeouts, ...rest } = laidOn(route, { timeouts: { response: "7s" } });
  assert.deepEqual({ ...rest, timeouts: route.timeouts }, route);
  assert.deepEqual(timeouts, { ...route.timeouts, response: 7000 });
  assert.deepEqual(laidOn(route, { priority: 3 }), { ...route, priority: 3 });
});

test("middlewares take the place of their kind, and run in the order they always do", () => {
  const route = routeWith({ service: "pool", path: "/app", stripPrefix: true, addPrefix: "/x" });
  assert.deepEqual(kindsOf(route), ["stripPrefix", "addPrefix"]);
  const changed = laidOn(route, { addPrefix: "/y", forceHttps: true });
  assert.deepEqual(kindsOf(changed), ["forceHttps", "stripPrefix", "addPrefix"]);
  assert.deepEqual(changed.middlewares[2], { kind: "addPrefix", prefix: "/y" });
  assert.equal(changed.service, "pool@kept");
});

test("who is led elsewhere is not answered by what answered before", () => {
  const ways = [
    { service: "other" },
    { redirect: "https://b.test/" },
    { respond: { status: 410 } },
    { whoami: true },
  ];
  for (const before of ways) {
    for (const after of ways) {
      const now = laidOn(routeWith({ ...before, forceHttps: true }), after);
      const alone = routeWith({ ...after, forceHttps: true });
      assert.deepEqual(now.middlewares, alone.middlewares);
      assert.equal(now.service, alone.service);
    }
  }
});
