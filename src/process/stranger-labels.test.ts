import { noCredentials } from "../config/certificate.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { subjectOf } from "../../test/harness/routes-sample.ts";
import { discoverySettings, workloadOf } from "../../test/harness/workload.ts";
import type { Catalog, StreamRoute } from "../config/snapshot.ts";
import { translate } from "../providers/labels/translate.ts";
import type { Workload } from "../providers/workload.ts";
import { merge } from "../routing/merge.ts";
import { Table } from "../routing/table.ts";
import { defaultSnapshot } from "../config/read.ts";
import { StreamTable } from "../stream/stream-table.ts";

// From the labels of all containers to what requests find: whatever a stranger's container says, those that
// were there go on as they were, for every request to a host of theirs.

const settings = discoverySettings({ defaultHost: "{name}.test", mayStart: true });
const options = { exposedByDefault: true, withPlainServices: true };

const residents = [
  workloadOf({
    name: "shop",
    project: "good",
    labels: {
      "tidegate.host": "shop.test",
      "tidegate.path": "/",
      "tidegate.tcp.db.sni": "db.test",
    },
  }),
  workloadOf({
    name: "blog",
    project: "good",
    addresses: [{ ip: "172.18.0.3", network: "web" }],
    env: { VIRTUAL_HOST: "blog.test,*.blog.test" },
  }),
];

const api = { kind: "tcp", host: "127.0.0.1", port: 16_000 } as const;
const { version: _version, secret: _secret, ...usual } = defaultSnapshot(8080, []);
const file: Catalog = {
  ...usual,
  compat: { ...usual.compat, dockerProxyApi: api },
  routes: [],
  services: new Map(),
};

const made = {
  version: 1,
  secret: "",
  credentials: noCredentials,
  isOwnAddress: (ip: string) => ip.startsWith("127."),
};
const mergedWith = (workloads: readonly Workload[], holders = new Map<string, string>()) =>
  merge(
    file,
    { collections: [], discoveries: [translate(workloads, settings, options).discovery] },
    { ...made, holders },
  );
const alone = mergedWith(residents);

// --- what a stranger might write -------------------------------------------------------------------

const host = fc.oneof(
  fc.constantFrom(...["shop.test", "SHOP.test", "shop.test.", "blog.test", "*.blog.test", "*"]),
  fc.constantFrom(
    ...["a.blog.test", "*.test", "db.test", "shop.TEST:80", "[::1]", "stranger.test"],
  ),
);
const call = fc.oneof(
  host.map((name) => `Host(\`${name}\`)`),
  fc.constantFrom("HostRegexp(`.*`)", "HostRegexp(`^(shop|blog)`)", "HostRegexp(`(?i)SHOP`)"),
  fc.constantFrom("PathPrefix(`/`)", "Path(`/x`)", "Method(`GET`)", "!Method(`TRACE`)"),
  fc.constantFrom("ClientIP(`0.0.0.0/0`)", "HeaderRegexp(`Host`, `.*`)", "PathRegexp(`.*`)"),
);
const { rule } = fc.letrec<{ rule: string }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 3, arbitrary: call },
    { weight: 2, arbitrary: fc.tuple(tie("rule"), tie("rule")).map(([a, b]) => `(${a} && ${b})`) },
    { weight: 2, arbitrary: fc.tuple(tie("rule"), tie("rule")).map(([a, b]) => `(${a} || ${b})`) },
    { weight: 1, arbitrary: tie("rule").map((inner) => `!(${inner})`) },
  ),
}));
const sniRule = rule.map((text) =>
  text.replaceAll("HostRegexp(", "HostSNIRegexp(").replaceAll("Host(", "HostSNI("),
);
const elsewhere = fc.constantFrom(
  ...["http://127.0.0.1:16000", "[http://172.18.0.2:80]", "shop@docker", "good/shop@docker"],
  ...[
    "{ backends: [http://127.0.0.1:16000] }",
    "{ failover: [good/shop@docker] }",
    "true",
    "16000",
  ],
);
const pair = fc.oneof(
  { weight: 4, arbitrary: rule.map((value) => ["tidegate.rule", value] as const) },
  { weight: 2, arbitrary: rule.map((value) => ["tidegate.routes.r.rule", value] as const) },
  { weight: 2, arbitrary: host.map((value) => ["tidegate.host", value] as const) },
  { weight: 2, arbitrary: sniRule.map((value) => ["tidegate.tcp.t.rule", value] as const) },
  { weight: 2, arbitrary: host.map((value) => ["tidegate.tcp.t.sni", value] as const) },
  { weight: 2, arbitrary: rule.map((value) => ["traefik.http.routers.r.rule", value] as const) },
  fc.tuple(fc.constantFrom("caddy", "VIRTUAL_HOST"), host),
  fc.tuple(
    fc.constantFrom(
      ...["tidegate.priority", "tidegate.routes.r.priority", "tidegate.tcp.t.priority"],
      "traefik.http.routers.r.priority",
    ),
    fc.constantFrom("1000000000", "1", "-5"),
  ),
  fc.tuple(
    fc.constantFrom(
      ...["tidegate.service", "tidegate.service.backends", "tidegate.service.failover"],
      ...["tidegate.service.split.x", "tidegate.service.mirror", "tidegate.routes.r.service"],
      ...["tidegate.service.Backends.0.url", "tidegate.service.check.port", "tidegate.port"],
      ...["tidegate.group", "tidegate.routes.shop.host", "tidegate.service.maintenance"],
      "traefik.http.services.shop.loadbalancer.server.url",
    ),
    fc.oneof(elsewhere, fc.constantFrom("shop", "db", "blog")),
  ),
);
const stranger: fc.Arbitrary<Workload> = fc
  .record({
    name: fc.constantFrom("shop", "blog", "by-address", "good-shop", "__proto__", "shop.test"),
    role: fc.constantFrom("shop", "blog", undefined),
    // Younger than the others or older: that whoever holds a name keeps it.
    createdAt: fc.constantFrom(0, 1, 2000),
    hostName: fc.constantFrom("", "shop.test", "www.blog.test"),
    addresses: fc.constantFrom(
      [{ ip: "172.18.0.66", network: "web" }],
      [{ ip: "127.0.0.1", network: "host" }],
    ),
    labels: fc.array(pair, { maxLength: 8 }).map((all) => Object.fromEntries(all)),
  })
  .map((given) =>
    workloadOf({
      ...given,
      id: `stranger ${given.name}`,
      project: "bad",
      env: { VIRTUAL_HOST: given.labels["VIRTUAL_HOST"] ?? "" },
    }),
  );

// --- what requests find ----------------------------------------------------------------------------

type Snapshot = ReturnType<typeof mergedWith>["snapshot"];

const asked = ["shop.test", "blog.test", "a.blog.test"].flatMap((name) =>
  [
    {},
    { path: "/x" },
    { method: "POST", path: "/x/y" },
    { headers: { host: name }, clientIp: "127.0.0.1" },
  ].map((more) => ({ name, subject: subjectOf(more) })),
);

function foundIn({ routes }: Snapshot): readonly (string | undefined)[] {
  const table = Table.compile(routes, ({ name }) => name);
  return asked.map(({ name, subject }) => table.match(name, subject));
}

function streamFoundIn(snapshot: Snapshot): string | undefined {
  const [listener] = snapshot.listeners;
  assert.ok(listener);
  const streamRoutes = snapshot.streamRoutes.map((each): StreamRoute => ({
    ...each,
    listeners: undefined,
  }));
  const table = new StreamTable(listener, { ...snapshot, streamRoutes });
  const hello = { serverName: "db.test", protocols: ["h2"] };
  return table.find({ clientIp: "192.0.2.1", hello })?.route;
}

const isGood = (name: string) => name.startsWith("good/");

test("no labels of a stranger change what requests to somebody else's hosts find", () => {
  const expected = foundIn(alone.snapshot);
  assert.ok(expected.slice(0, 8).every((name) => name !== undefined));
  assert.equal(streamFoundIn(alone.snapshot), "good/shop-db@docker");
  let routed = 0;
  fc.assert(
    fc.property(fc.array(stranger, { minLength: 1, maxLength: 2 }), (strangers) => {
      const { snapshot } = mergedWith([...strangers, ...residents], new Map(alone.holders));
      const own = (all: Snapshot) => ({
        routes: all.routes.filter(({ name }) => isGood(name)),
        streamRoutes: all.streamRoutes.filter(({ name }) => isGood(name)),
        services: [...all.services].filter(([name]) => isGood(name)),
      });
      assert.deepEqual(own(snapshot), own(alone.snapshot));
      const found = foundIn(snapshot);
      const others = snapshot.routes.filter(({ name }) => !isGood(name));
      routed += others.length;
      for (const [at, name] of expected.entries()) {
        // A name below somebody's wildcard is free for all.
        if (name !== undefined && asked[at]?.name !== "a.blog.test") assert.equal(found[at], name);
      }
      assert.equal(streamFoundIn(snapshot), "good/shop-db@docker");
      for (const service of snapshot.services.values()) {
        if (isGood(service.name)) continue;
        assert.ok(service.kind === "backends");
        const places = service.backends.map(({ address }) =>
          address.kind === "tcp" ? `${address.host}:${address.port}` : address.path,
        );
        for (const place of places) {
          assert.match(place, /^(172\.18\.0\.66:|127\.0\.0\.1:(?!16000$|8080$))/);
          const isShared = place.startsWith("127.");
          const { port } = service.check ?? {};
          assert.ok(!isShared || port === undefined || place.endsWith(`:${port}`));
        }
      }
    }),
    { numRuns: 500 },
  );
  assert.ok(routed > 100, `only ${routed} routes of strangers were made`);
});
