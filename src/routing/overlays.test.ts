import { deepStrictEqual, match, strictEqual } from "node:assert";
import { test } from "node:test";
import type { Collection } from "../config/collection.ts";
import type { Claim, Discovery } from "../config/discovery.ts";
import type { Overlay } from "../config/overlay.ts";
import type { Catalog, Route } from "../config/snapshot.ts";
import { formatRule } from "../config/rule.ts";
import { routeOf, ruleOf } from "../../test/harness/routes-sample.ts";
import { merge } from "./merge.ts";

type Change = Overlay["change"];

interface Stand {
  readonly file?: readonly Route[];
  readonly collections?: readonly Collection[];
  readonly found?: readonly Claim<Route>[];
}

function keptBy(
  provider: string,
  overlays: Readonly<Record<string, Change>>,
  more: Partial<Collection> = {},
): Collection {
  const origin = { provider, place: `overlay of ${provider}` };
  return {
    ...{ provider, hosts: undefined, routes: [], streamRoutes: [], services: [] },
    certificates: [],
    overlays: Object.entries(overlays).map(([route, change]) => ({ route, origin, change })),
    ...more,
  };
}

function by(provider: string, route: Route): Route {
  return { ...route, origin: { provider, place: route.name } };
}

function claim(name: string, rule: string, more: Partial<Claim<Route>> = {}): Claim<Route> {
  return { item: by("docker", routeOf(name, rule)), tenant: name, since: 1, ...more };
}

function mergeOf({ file = [], collections = [], found = [] }: Stand) {
  const compat = { dockerProxyApi: undefined, proxyEtcApi: undefined };
  const catalog = { routes: file, streamRoutes: [], services: new Map(), listeners: [], compat };
  const discovery: Discovery = {
    ...{ provider: "docker", hosts: undefined, streamRoutes: [], services: {} },
    routes: found,
  };
  const { snapshot, refusals } = merge(
    catalog as unknown as Catalog,
    { collections, discoveries: [discovery] },
    { version: 1, secret: "", holders: new Map(), isOwnAddress: () => false },
  );
  return {
    routes: snapshot.routes,
    shown: snapshot.routes.map(({ name, rule }) => `${name} ${formatRule(rule)}`),
    told: refusals.map(({ origin, message }) => `${origin.place}: ${message}`),
  };
}

const stolen: Change = { service: "stolen" };

test("a source changes what is found, what less trusted sources say, and its own", () => {
  const { routes, told } = mergeOf({
    collections: [
      keptBy(
        "redis",
        { "a@redis": stolen, "a@etcd": stolen, "web@docker": stolen },
        { routes: [by("redis", routeOf("a@redis", "Host(`a.test`)"))] },
      ),
      keptBy("etcd", {}, { routes: [by("etcd", routeOf("a@etcd", "Host(`b.test`)"))] }),
    ],
    found: [claim("web@docker", "Host(`c.test`)")],
  });
  deepStrictEqual(
    routes.map(({ service }) => service),
    ["stolen", "stolen", "stolen"],
  );
  deepStrictEqual(told, []);
});

test("a source does not change what is trusted more; the store may, knowing what it does", () => {
  const file = [routeOf("web", "Host(`a.test`)")];
  const store = keptBy(
    "store",
    { web: { maxBody: 7 } },
    { routes: [by("store", routeOf("b@store", "Host(`b.test`)"))] },
  );
  const etcd = keptBy("etcd", {}, { routes: [by("etcd", routeOf("c@etcd", "Host(`c.test`)"))] });
  const redis = keptBy("redis", { web: stolen, "b@store": stolen, "c@etcd": stolen });
  const { routes, told } = mergeOf({ file, collections: [store, etcd, redis] });
  deepStrictEqual(
    routes.map(({ service, maxBody }) => [service, maxBody]),
    [
      ["s", 7],
      ["s", 0],
      ["s", 0],
    ],
  );
  strictEqual(told.length, 3);
  match(
    told[0] ?? "",
    /^overlay of redis: web belongs to the configuration file, which is trusted more than redis/,
  );
  match(told[2] ?? "", /c@etcd belongs to the provider etcd/);
});

test("no overlay gets at hosts that its source may not have", () => {
  const hosts = ["*.ours.test"];
  const found = [
    claim("bank@docker", "Host(`bank.test`)"),
    claim("a@docker", "Host(`a.ours.test`)"),
  ];
  const rule = ruleOf("Host(`bank.test`)");
  const { shown, routes, told } = mergeOf({
    collections: [keptBy("redis", { "bank@docker": stolen, "a@docker": { rule } }, { hosts })],
    found,
  });
  deepStrictEqual(shown, ["bank@docker Host(`bank.test`)", "a@docker Host(`a.ours.test`)"]);
  deepStrictEqual(
    routes.map(({ service }) => service),
    ["s", "s"],
  );
  strictEqual(told.length, 2);
  match(
    told[0] ?? "",
    /^overlay of redis: the host name bank\.test is not claimed: .*redis\.hosts/,
  );
});

test("a host that an overlay gives to a container is nobody else's, and its own stays with it", () => {
  const rule = ruleOf("Host(`given.test`) && PathPrefix(`/app`)");
  const { shown, told } = mergeOf({
    collections: [keptBy("store", { "a@docker": { rule } })],
    found: [
      claim("thief@docker", "Host(`given.test`) && PathPrefix(`/app/deeper`)", { since: 0.5 }),
      claim("heir@docker", "Host(`a.test`)", { since: 2 }),
      claim("a@docker", "Host(`a.test`)", { tenant: "a" }),
      claim("b@docker", "Host(`given.test`) && PathPrefix(`/more`)", { tenant: "a" }),
    ],
  });
  deepStrictEqual(shown, [
    "a@docker Host(`given.test`) && PathPrefix(`/app`)",
    "b@docker Host(`given.test`) && PathPrefix(`/more`)",
  ]);
  strictEqual(told.length, 2);
  match(told[0] ?? "", /given\.test belongs to a, so thief@docker does not get it/);
});

test("a host that an overlay gives to a route of the file is taken, and so is the one it had", () => {
  const rule = ruleOf("Host(`new.test`)");
  const { shown } = mergeOf({
    file: [routeOf("web", "Host(`old.test`)")],
    collections: [keptBy("store", { web: { rule } })],
    found: [
      claim("a@docker", "Host(`old.test`) && PathPrefix(`/a`)"),
      claim("b@docker", "Host(`new.test`) && PathPrefix(`/b`)"),
    ],
  });
  deepStrictEqual(shown, ["web Host(`new.test`)"]);
});

test("an overlay solves what two containers fight for", () => {
  const rule = ruleOf("Host(`second.test`)");
  const { shown, told } = mergeOf({
    collections: [keptBy("store", { "b@docker": { rule } })],
    found: [claim("a@docker", "Host(`a.test`)"), claim("b@docker", "Host(`a.test`)", { since: 2 })],
  });
  deepStrictEqual(shown, ["a@docker Host(`a.test`)", "b@docker Host(`second.test`)"]);
  deepStrictEqual(told, []);
});

test("a container's own rank does not go with it to a host that it was given", () => {
  const rule = ruleOf("Host(`*.given.test`)");
  const item = { ...by("docker", routeOf("a@docker", "Host(`a.test`)", 99)) };
  const stand = (change: Change) =>
    mergeOf({
      collections: [keptBy("store", { "a@docker": change })],
      found: [claim("a@docker", "Host(`a.test`)", { item })],
    }).routes[0]?.priority;
  strictEqual(stand({ rule }), undefined);
  strictEqual(stand({ rule, priority: 5 }), 5);
});

test("an overlay of nobody says so, and what did not change is the same route as before", () => {
  const file = [routeOf("web", "Host(`a.test`)")];
  const collections = [keptBy("store", { web: stolen, later: stolen })];
  const [one, two] = [mergeOf({ file, collections }), mergeOf({ file, collections })];
  strictEqual(one.routes[0], two.routes[0]);
  match(one.told.join(), /^overlay of store: there is no route called later to change/);
});
