import { deepStrictEqual, match, strictEqual } from "node:assert";
import { test } from "node:test";
import type { Claim, Discovery } from "../config/discovery.ts";
import { parseRule } from "../config/rule.ts";
import type { Route, StreamRoute } from "../config/snapshot.ts";
import { namesOfRule, namesOfStreamRule } from "./claimed-names.ts";
import { settleClaims, type Holders } from "./ownership.ts";
import { routeOf, ruleOf } from "../../test/harness/routes-sample.ts";

const nobody: Holders = new Map();
const wanted = (route: Route) => route;
const noFile = { trusted: { routes: [], streamRoutes: [] }, wanted };

interface Asked {
  readonly tenant: string;
  readonly rule: string;
  readonly since?: number;
  readonly priority?: number;
}

function provider(name: string, asked: readonly Asked[], hosts?: readonly string[]): Discovery {
  const routes = asked.map(({ tenant, rule, since = 1, priority }, at): Claim<Route> => ({
    item: routeOf(`${tenant}-${at}@${name}`, rule, priority),
    tenant,
    since,
  }));
  return { provider: name, hosts, routes, streamRoutes: [], services: {} };
}

function kept(discoveries: readonly Discovery[], file: readonly Route[] = [], before = nobody) {
  const settled = settleClaims(
    { trusted: { routes: file, streamRoutes: [] }, wanted },
    discoveries,
    before,
  );
  return { ...settled, names: settled.routes.map(({ name }) => name) };
}

test("a rule claims every host that it can match", () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    "Host(`a.test`)": ["a.test"],
    "Host(`a.test`) && PathPrefix(`/api`)": ["a.test"],
    "Host(`a.test`) || Host(`b.test`)": ["a.test", "b.test"],
    "Host(`*.a.test`)": ["*.a.test"],
    "HostRegexp(`^a`)": ["~^a"],
    "PathPrefix(`/api`)": ["*"],
    "!Host(`a.test`)": ["*"],
    "Host(`a.test`) || PathPrefix(`/login`)": ["a.test", "*"],
    "(Host(`a.test`) || Method(`GET`)) && Host(`b.test`)": ["a.test", "b.test"],
    "!(!Host(`a.test`))": ["a.test"],
    "!(!Host(`a.test`) || Method(`GET`))": ["a.test"],
    "HostRegexp(`.*`) && Host(`a.test`)": ["a.test"],
    "Host(`*.test`) && Host(`a.test`)": ["a.test"],
    "(Host(`b.test`) || HostRegexp(`.`)) && Host(`*.test`) && Host(`a.test`)": ["b.test", "a.test"],
    "(Host(`a.test`) || PathPrefix(`/`)) && HostRegexp(`.*`)": ["a.test", "~.*"],
  };
  for (const [rule, names] of Object.entries(cases)) {
    deepStrictEqual(namesOfRule(ruleOf(rule)), names, rule);
  }
});

test("a rule of streams claims every name that it says", () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    "HostSNI(`a.test`)": ["a.test"],
    "HostSNI(`*`)": ["*"],
    "HostSNI(`*.test`) && HostSNI(`a.test`)": ["*.test", "a.test"],
    "HostSNIRegexp(`.*`) && HostSNI(`a.test`)": ["~.*", "a.test"],
    "ClientIP(`10.0.0.0/8`) && HostSNI(`a.test`)": ["a.test"],
    "(HostSNI(`a.test`) || ALPN(`h2`)) && HostSNI(`b.test`)": ["a.test", "b.test"],
    "HostSNI(`a.test`) || ALPN(`h2`)": ["a.test", "*"],
    "!HostSNI(`a.test`)": ["*"],
  };
  for (const [rule, names] of Object.entries(cases)) {
    const parsed = parseRule(rule, "stream");
    strictEqual(parsed.kind, "rule", rule);
    deepStrictEqual(namesOfStreamRule(parsed.rule), names, rule);
  }
});

test("nobody gets among the routes of another's host by a roundabout rule", () => {
  const own = { tenant: "own", rule: "Host(`shop.test`)", since: 10 };
  for (const rule of [
    "HostRegexp(`.*`) && Host(`shop.test`)",
    "Host(`*.test`) && Host(`shop.test`)",
    "!(!Host(`shop.test`))",
    "!(!Host(`shop.test`) || Method(`TRACE`))",
    "(Host(`mine.test`) || HostRegexp(`.`)) && Host(`shop.test`)",
    "(Host(`shop.test`) || PathPrefix(`/`)) && HostRegexp(`.*`)",
  ]) {
    const other = { tenant: "other", rule, since: 20 };
    deepStrictEqual(kept([provider("docker", [own, other])]).names, ["own-0@docker"], rule);
    const file = [routeOf("file", "Host(`shop.test`)")];
    deepStrictEqual(kept([provider("docker", [other])], file).names, [], rule);
  }
});

test("the older tenant gets a host, whoever comes first in the list", () => {
  const young = { tenant: "young", rule: "Host(`shop.test`)", since: 20 };
  const old = { tenant: "old", rule: "Host(`shop.test`)", since: 10 };
  for (const both of [
    [young, old],
    [old, young],
  ]) {
    const { routes, refusals } = kept([provider("docker", both)]);
    deepStrictEqual(
      routes.map(({ name }) => name.split("-")[0]),
      ["old"],
    );
    match(
      refusals[0]?.message ?? "",
      /shop\.test belongs to old, so young does not get it; use another/,
    );
  }
});

test("an unknown age is younger than any", () => {
  const { names } = kept([
    provider("d", [
      { tenant: "a", rule: "Host(`x`)", since: 0 },
      { tenant: "b", rule: "Host(`x`)", since: 5 },
    ]),
  ]);
  deepStrictEqual(names, ["b-1@d"]);
});

test("another path of a host belongs to its holder too", () => {
  const { names } = kept([
    provider("d", [
      { tenant: "shop", rule: "Host(`shop.test`)", since: 1 },
      { tenant: "thief", rule: "Host(`shop.test`) && PathPrefix(`/login`)", since: 2 },
    ]),
  ]);
  deepStrictEqual(names, ["shop-0@d"]);
});

test("one tenant shares its host among its routes", () => {
  const { names, refusals } = kept([
    provider("d", [
      { tenant: "shop", rule: "Host(`shop.test`)" },
      { tenant: "shop", rule: "Host(`shop.test`) && PathPrefix(`/api`)" },
    ]),
  ]);
  strictEqual(names.length, 2);
  strictEqual(refusals.length, 0);
});

test("who holds a host keeps it while it claims it, even from an older one", () => {
  const newcomer = { tenant: "older", rule: "Host(`x`)", since: 1 };
  const holder = { tenant: "holder", rule: "Host(`x`)", since: 9 };
  const before = new Map([["x", "holder"]]);
  deepStrictEqual(kept([provider("d", [newcomer, holder])], [], before).names, ["holder-1@d"]);
  // Gone, it is free.
  deepStrictEqual(kept([provider("d", [newcomer])], [], before).names, ["older-0@d"]);
});

test("a more trusted provider takes a host over from its holder, and the file from everybody", () => {
  const trusted = provider("docker", [{ tenant: "a", rule: "Host(`x`)", since: 9 }]);
  const other = provider("lxc", [{ tenant: "b", rule: "Host(`x`)", since: 1 }]);
  deepStrictEqual(kept([trusted, other], [], new Map([["x", "b"]])).names, ["a-0@docker"]);
  const { names, refusals } = kept([trusted, other], [routeOf("mine", "Host(`x`) && Path(`/y`)")]);
  deepStrictEqual(names, []);
  match(
    refusals[0]?.message ?? "",
    /belongs to the configuration file, so a does not get it; lead/,
  );
});

test("a name below somebody's wildcard may be claimed, and a wildcard beside a name", () => {
  const { names } = kept([
    provider("d", [
      { tenant: "a", rule: "Host(`*.x.test`)", since: 1 },
      { tenant: "b", rule: "Host(`api.x.test`)", since: 2 },
      { tenant: "c", rule: "Host(`*.x.test`)", since: 3 },
    ]),
  ]);
  deepStrictEqual(names, ["a-0@d", "b-1@d"]);
});

test("only the whole host names one may have an explicit priority", () => {
  const { routes, refusals } = kept([
    provider("d", [
      { tenant: "thief", rule: "PathPrefix(`/login`)", priority: 1_000_000 },
      { tenant: "wild", rule: "Host(`*.test`)", priority: 5 },
      { tenant: "fine", rule: "Host(`fine.test`)", priority: 7 },
    ]),
  ]);
  deepStrictEqual(
    routes.map(({ priority }) => priority),
    [undefined, undefined, 7],
  );
  strictEqual(refusals.length, 2);
  match(refusals[0]?.message ?? "", /the priority 1000000 is left out/);
});

test("a provider may be held to some hosts", () => {
  const hosts = ["*.apps.test", "shop.test"];
  const asked: readonly (readonly [string, boolean])[] = [
    ["Host(`a.apps.test`)", true],
    ["Host(`*.a.apps.test`)", true],
    ["Host(`*.apps.test`)", true],
    ["Host(`shop.test`)", true],
    ["Host(`apps.test`)", false],
    ["Host(`evilapps.test`)", false],
    ["Host(`*.test`)", false],
    ["Host(`shop.test`) || Host(`other.test`)", false],
    ["HostRegexp(`apps.test`)", false],
    ["PathPrefix(`/`)", false],
  ];
  for (const [rule, isGranted] of asked) {
    const { names, refusals } = kept([provider("docker", [{ tenant: "t", rule }], hosts)]);
    strictEqual(names.length === 1, isGranted, rule);
    if (!isGranted) match(refusals[0]?.message ?? "", /providers\.docker\.hosts allows only/, rule);
  }
});

test("streams without a name are told apart by their listener", () => {
  const stream = (tenant: string, listener: string): Claim<StreamRoute> => ({
    item: {
      name: `${tenant}@d`,
      origin: { provider: "d", place: tenant },
      listeners: [listener],
      rule: { kind: "hostSni", host: "*" },
      priority: undefined,
      service: "s",
      tls: undefined,
      timeouts: { connect: 0, idle: 0 },
    },
    tenant,
    since: 1,
  });
  const discovery: Discovery = {
    ...provider("d", []),
    streamRoutes: [stream("a", "pg"), stream("b", "mysql"), stream("c", "pg")],
  };
  const { streamRoutes } = settleClaims(noFile, [discovery], nobody);
  deepStrictEqual(
    streamRoutes.map(({ name }) => name),
    ["a@d", "b@d"],
  );
});

test("a host of requests and one of TLS streams are one name", () => {
  const discovery: Discovery = {
    ...provider("d", [{ tenant: "a", rule: "Host(`x.test`)", since: 1 }]),
    streamRoutes: [
      {
        item: {
          name: "b@d",
          origin: { provider: "d", place: "b" },
          listeners: undefined,
          rule: { kind: "hostSni", host: "x.test" },
          priority: undefined,
          service: "s",
          tls: undefined,
          timeouts: { connect: 0, idle: 0 },
        },
        tenant: "b",
        since: 2,
      },
    ],
  };
  strictEqual(settleClaims(noFile, [discovery], nobody).streamRoutes.length, 0);
});
