import { deepStrictEqual, match, strictEqual } from "node:assert";
import { test } from "node:test";
import { emptyService } from "../config/empty-service.ts";
import { noCredentials } from "../config/certificate.ts";
import { noDocuments } from "../config/documents.ts";
import { noGuests } from "../config/guest.ts";
import type { CertificateItem } from "../config/certificate-item.ts";
import type { Collection } from "../config/collection.ts";
import type { Claim, Discovery } from "../config/discovery.ts";
import { defaultWorkers } from "../config/limits.ts";
import type { BackendService, Service } from "../config/service.ts";
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
  const compat = {
    bareLf: false,
    forwarded: false,
    hipache: false,
    dockerProxyApi: undefined,
    proxyEtcApi: undefined,
  };
  const empty: Partial<Catalog> = { listeners: [], errorPages: undefined, compat };
  return {
    ...empty,
    routes,
    streamRoutes: [],
    services: new Map(services.map((name) => [name, serviceOf(name, "file")])),
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

const isOwnAddress = (ip: string) => ip === "127.0.0.1" || ip === "192.0.2.1";
const first = { version: 1, secret: "", holders: new Map<string, string>(), isOwnAddress };

test("the file alone becomes a snapshot as it is", () => {
  const file = fileOf([routeOf("a", "Host(`a`)")]);
  const made = { ...first, version: 7, secret: "5e" };
  const { snapshot, refusals } = merge(file, { collections: [], discoveries: [] }, made);
  deepStrictEqual(snapshot, {
    ...file,
    version: 7,
    secret: "5e",
    credentials: noCredentials,
    guests: noGuests,
    documents: noDocuments,
  });
  deepStrictEqual(refusals, []);
});

test("routes and services of all are there, settings of the file", () => {
  const found = foundBy("docker", [routeOf("b", "Host(`b`)")], ["t"]);
  const { snapshot, refusals } = merge(
    fileOf([routeOf("a", "Host(`a`)")]),
    { collections: [], discoveries: [found] },
    first,
  );
  strictEqual(snapshot.workers.count, 1);
  deepStrictEqual(
    snapshot.routes.map((route) => route.name),
    ["a", "b"],
  );
  deepStrictEqual([...snapshot.services.keys()], ["s", "t"]);
  strictEqual(refusals.length, 0);
});

test("a name claimed twice stays with the first, and the second is refused by name and place", () => {
  const found = foundBy("docker", [routeOf("a", "Host(`b`)")], ["s"]);
  const { snapshot, refusals } = merge(
    fileOf([routeOf("a", "Host(`a`)")]),
    { collections: [], discoveries: [found] },
    first,
  );
  strictEqual(snapshot.routes.length, 1);
  strictEqual(snapshot.services.get("s")?.origin.place, "file");
  strictEqual(refusals.length, 2);
  match(refusals[0]?.message ?? "", /^the route "a" is already claimed by file at a\.yaml:1:1/);
  match(refusals[1]?.message ?? "", /service "s" is already claimed by file at file/);
  strictEqual(refusals[1]?.origin.place, "docker");
});

test("what the file leads to and nobody has found yet is a service without anybody", () => {
  const route = { ...routeOf("a", "Host(`a`)"), service: "shop/web@docker" };
  const missing = merge(
    fileOf([route]),
    { collections: [], discoveries: [] },
    first,
  ).snapshot.services.get("shop/web@docker");
  strictEqual(missing?.kind, "backends");
  deepStrictEqual(missing.backends, []);
  strictEqual(missing.absent[0]?.state, "missing");
  const found = foundBy("docker", [], ["shop/web@docker"]);
  const there = merge(
    fileOf([route]),
    { collections: [], discoveries: [found] },
    first,
  ).snapshot.services.get("shop/web@docker");
  strictEqual(there?.origin.place, "docker");
});

test("parts of a split and the goal of a tcp route and a listener are looked after too", () => {
  const split: Service = {
    kind: "split",
    name: "canary",
    origin: { provider: "file", place: "f" },
    maintenance: undefined,
    parts: [{ service: "x@docker", weight: 1, when: undefined }],
    sticky: undefined,
  };
  const file: Catalog = {
    ...fileOf([]),
    services: new Map([["canary", split]]),
    streamRoutes: [{ ...streamRouteOf("db"), service: "db@docker" }],
  };
  const { services } = merge(file, { collections: [], discoveries: [] }, first).snapshot;
  deepStrictEqual([...services.keys()].toSorted(), ["canary", "db@docker", "x@docker"]);
});

function backendAt(url: string): BackendService["backends"][number] {
  const { hostname, port, host } = new URL(url);
  const address = {
    kind: "tcp",
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port),
  } as const;
  const usual = { protocol: "http", secure: false, basePath: "", weight: 1, tier: 0 } as const;
  return { url, address, authority: host, ...usual };
}

function doorsOf(binds: readonly (readonly [string, number])[], api?: readonly [string, number]) {
  const tcp = ([host, port]: readonly [string, number]) => ({ kind: "tcp", host, port }) as const;
  const bind = binds.map(tcp);
  const compat = {
    bareLf: false,
    forwarded: false,
    hipache: false,
    dockerProxyApi: api && tcp(api),
    proxyEtcApi: undefined,
  };
  const listeners = [{ name: "web", protocol: "http", bind }];
  return { ...fileOf([], []), compat, listeners } as unknown as Catalog;
}

test("no label leads to a listener of this program, or to its administration", () => {
  const binds = [
    ["::", 8080],
    ["192.0.2.1", 81],
  ] as const;
  const admin = {
    ...{ host: "127.0.0.1", port: 8081, isSaid: false, tls: undefined, hosts: [], cors: [] },
  };
  const file = { ...doorsOf(binds, ["127.0.0.1", 16_000]), admin };
  const ours = [
    "http://127.0.0.1:8081",
    ...["http://127.0.0.1:8080", "http://[::1]:8080", "http://192.0.2.1:8080"],
    ...["http://192.0.2.1:81", "http://localhost:16000", "http://127.0.0.1:16000"],
    ...["http://[::ffff:127.0.0.1]:16000", "http://0.0.0.0:16000"],
  ];
  const theirs = [
    ...["http://127.0.0.1:81", "http://192.0.2.9:8080", "http://172.18.0.2:16000"],
    ...["http://127.0.0.1:9000", "http://example.com:8080"],
  ];
  const own = (ip: string) => isOwnAddress(ip) || ip === "::1";
  const service = {
    ...serviceOf("x@docker", "container x"),
    backends: [...ours, ...theirs].map(backendAt),
  };
  const found = { ...foundBy("docker", [], []), services: { "x@docker": service } };
  const { snapshot, refusals } = merge(
    file,
    { collections: [], discoveries: [found] },
    { ...first, isOwnAddress: own },
  );
  const merged = snapshot.services.get("x@docker");
  strictEqual(merged?.kind, "backends");
  deepStrictEqual(
    merged.backends.map(({ url }) => url),
    theirs,
  );
  deepStrictEqual(
    merged.absent.map(({ state }) => state),
    ours.map(() => "unreachable"),
  );
  strictEqual(refusals.length, ours.length);
  match(
    refusals[0]?.message ?? "",
    /^x@docker does not lead there: http:\/\/127\.0\.0\.1:8081 is the admin API of/,
  );
  match(refusals.at(-1)?.message ?? "", /is compat\.dockerProxyApi of this program/);
  strictEqual(refusals[0]?.origin.place, "container x");
});

test("what the file leads to is the operator's affair, also when it is this program", () => {
  const file = {
    ...doorsOf([["::", 8080]]),
    services: new Map([
      ["a", { ...serviceOf("a", "file"), backends: [backendAt("http://127.0.0.1:8080")] }],
    ]),
  };
  const { snapshot, refusals } = merge(file, { collections: [], discoveries: [] }, first);
  strictEqual(snapshot.services.get("a"), file.services.get("a"));
  deepStrictEqual(refusals, []);
});

test("of a service by address those members stay that are there and have backends", () => {
  const name = "by-address@lxc";
  const service: Service = {
    kind: "addressed",
    name,
    origin: { provider: "lxc", place: "byAddress" },
    maintenance: undefined,
    members: { "fd00::1": "a@lxc", "fd00::2": "gone@lxc", "fd00::3": name },
    settings: { rewrites: [], nameInPathOf: undefined },
  };
  const found = foundBy("lxc", [], ["a@lxc"]);
  const { snapshot, refusals } = merge(
    fileOf([]),
    {
      collections: [],
      discoveries: [{ ...found, services: { ...found.services, [name]: service } }],
    },
    first,
  );
  deepStrictEqual(snapshot.services.get(name), { ...service, members: { "fd00::1": "a@lxc" } });
  deepStrictEqual(
    refusals.map(({ message }) => message),
    [
      `${name} does not lead to fd00::2: its service gone@lxc is not there`,
      `${name} does not lead to fd00::3: its service ${name} has no backends of its own`,
    ],
  );
});

test("a source that may route some hosts brings certificates for these, and for no other", () => {
  const origin = { provider: "guest", place: "key tls" };
  const item = (name: string, ...names: readonly string[]): CertificateItem => ({
    ...{ name: `${name}@guest`, origin, trouble: "", since: 0 },
    held: [
      {
        certificate: {
          ...{ id: name, names, chain: "", key: "", kind: "ec", notBefore: 0, notAfter: 1 },
          ...{ origin, staple: undefined },
        },
        ...{ issuer: "", remarks: [] },
      },
    ],
  });
  const said = [item("own", "*.a.test", "b.a.test"), item("both", "b.a.test", "c.test")];
  const collection: Collection = {
    ...{ provider: "guest", routes: [], streamRoutes: [], services: [], overlays: [] },
    ...{ hosts: ["*.a.test"], certificates: said },
  };
  const of = (each: Collection) =>
    merge(fileOf([]), { collections: [each], discoveries: [] }, first);
  const { certificates, refusals } = of(collection);
  strictEqual(certificates[0], said[0]);
  deepStrictEqual(certificates[1]?.held, []);
  const why = "the host name c.test is not claimed: providers.guest.hosts allows only *.a.test";
  deepStrictEqual([certificates[1]?.trouble, refusals], [why, [{ origin, message: why }]]);
  deepStrictEqual(of({ ...collection, hosts: undefined }).certificates, said);
});
