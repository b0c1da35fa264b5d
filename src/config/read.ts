// Reads tidegate.yaml (or JSON) into a Snapshot. Each route, service, listener and section is checked by
// itself, so that one reading reports all problems there are; a Snapshot comes only without errors.

import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type * as z from "zod";
import { given, isGiven, originInFile, report } from "./context.ts";
import type { Context } from "./context.ts";
import { problemsOf } from "./issue.ts";
import { defaultClientTimeouts, defaultExchangeTimeouts, defaultLimits } from "./limits.ts";
import { defaultHttp2 } from "./http2-client-limits.ts";
import { defaultMaxBody, defaultShutdown } from "./limits.ts";
import { listener, tcpRoute } from "./listener-schema.ts";
import { resolveSets } from "./middlewares/sets.ts";
import { nearest } from "../lib/nearest.ts";
import { warnOfCertified } from "./certified.ts";
import { resolveAdmin } from "./resolve-admin.ts";
import { resolveNetworks } from "./network-sources.ts";
import type { Path, Problem } from "./problem.ts";
import type { RouteDefaults } from "./provider-settings.ts";
import { resolveAlerts } from "./resolve-alerts.ts";
import { resolveFleet } from "./resolve-fleet.ts";
import { resolveMetrics } from "./resolve-metrics.ts";
import {
  ownersOf,
  refuseSharedAddresses,
  resolveListener,
  securePortOf,
} from "./resolve-listener.ts";
import { resolvePath, resolveRunAs, resolveSocket, resolveWorkers } from "./resolve-process.ts";
import { noDocuments } from "./documents.ts";
import { noGuests } from "./guest.ts";
import {
  addressedNames,
  providerKinds,
  providerNames,
  resolveProviders,
} from "./resolve-providers.ts";
import { folderOf, resolveAccessLog, resolveRoute } from "./resolve-route.ts";
import { resolveRouteTests } from "./resolve-route-tests.ts";
import { resolveService } from "./resolve-service.ts";
import { noCredentials } from "./certificate.ts";
import { resolveTls, resolveTlsOptions } from "./resolve-tls.ts";
import { resolveTracing } from "./resolve-tracing.ts";
import { checkStreams, resolveStreamRoute } from "./resolve-stream.ts";
import type { ListenerNames } from "./resolve-stream.ts";
import { route } from "./route-schema.ts";
import { named } from "./scalar.ts";
import { config } from "./schema.ts";
import { checkServices } from "./service-graph.ts";
import { service } from "./service-schema.ts";
import type { Compat, Listener, Route, Snapshot, StreamRoute, Written } from "./snapshot.ts";
import type { TlsOptions } from "./tls-settings.ts";
import { warnOfSharedCookies } from "./shared-cookies.ts";
import { parseSource, problemAt } from "./source.ts";
import type { Source } from "./source.ts";

export interface Reading {
  /** undefined when there is an error; its version is 0. */
  readonly snapshot: Snapshot | undefined;
  /** In the order of the text. */
  readonly problems: readonly Problem[];
}

export interface ReadOptions {
  /** The file's name, for messages. */
  readonly file: string;
  /** Where relative paths in it start. */
  readonly baseFolder: string;
  /** Middlewares that whoever embeds this program wrote, by the names that lists may say. */
  readonly inline?: ReadonlyMap<string, string>;
}

/** Of our own format, or of another program's. */
export type ConfigReader = (text: string, options: ReadOptions) => Reading;

export async function readConfigFile(path: string): Promise<Reading> {
  try {
    const text = await readFile(path, "utf8");
    return readConfig(text, { file: path, baseFolder: dirname(resolve(path)) });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return unreadable(path, `cannot be read: ${why}`);
  }
}

/** For a file that has no text to read. */
export function unreadable(file: string, message: string): Reading {
  const problem = { file, line: 1, column: 1, path: "", message, severity: "error" } as const;
  return { snapshot: undefined, problems: [problem] };
}

export function readConfig(text: string, options: ReadOptions): Reading {
  const source = parseSource(text.replace(/^\uFEFF/, " "), options.file);
  const problems = [...source.problems];
  const root = source.value ?? {};
  if (source.value !== undefined && (typeof root !== "object" || Array.isArray(root))) {
    const remedy = "write routes: and, indented below, HOST: URL";
    problems.push(
      problemAt(source, [], { message: `must be a mapping, not ${named(root)}`, remedy }),
    );
    return { snapshot: undefined, problems };
  }
  if (source.value === undefined) return { snapshot: undefined, problems };
  const snapshot = resolveAll(source, new Map(Object.entries(root)), options, problems);
  const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  const isUsable = !sorted.some(({ severity }) => severity === "error");
  return { snapshot: isUsable ? snapshot : undefined, problems: sorted };
}

type Root = ReadonlyMap<string, unknown>;

const defaultCompat: Compat = {
  bareLf: false,
  forwarded: false,
  hipache: false,
  dockerProxyApi: undefined,
  proxyEtcApi: undefined,
};

/** What the primary adds. */
const unmade = {
  ...{ version: 0, secret: "", credentials: noCredentials, guests: noGuests },
  documents: noDocuments,
} as const;

function resolveAll(
  source: Source,
  root: Root,
  options: ReadOptions,
  problems: Problem[],
): Snapshot {
  checkKeys(source, root, problems);
  const section = <Schema extends z.ZodType>(name: string, schema: Schema) => {
    // A section whose lines are all commented out is null: as good as not there.
    const value = root.get(name) ?? undefined;
    return check({ source, problems }, schema, value, [name]);
  };
  const { shape } = config;
  const { maxBody = defaultMaxBody, ...otherLimits } = given(section("limits", shape.limits));
  const accessLog = section("accessLog", shape.accessLog);
  const context: Context = {
    ...contextOf(source, root, options, problems),
    maxBody,
    timeouts: {
      ...defaultClientTimeouts,
      ...defaultExchangeTimeouts,
      ...given(section("timeouts", shape.timeouts)),
    },
    ownFolder: folderOf(
      { source, problems, baseFolder: options.baseFolder },
      section("ownMiddlewares", shape.ownMiddlewares),
      ["ownMiddlewares"],
    ),
  };
  const sets = resolveSets(context, namedEntries(context, root, "middlewares"));
  const trusted = section("trustedProxies", shape.trustedProxies) ?? [];
  const trustedProxies = resolveNetworks(context, trusted, "proxies", ["trustedProxies"]);
  const traffic = resolveTraffic({ ...context, sets, trustedProxies }, root);
  const http2 = { ...defaultHttp2, ...given(otherLimits.http2) };
  const merged = { ...defaultLimits, ...otherLimits, http2 };
  checkLimits(context, merged);
  const compat = { ...defaultCompat, ...given(section("compat", shape.compat)) };
  const controlSocket = resolveSocket(context, section("controlSocket", shape.controlSocket));
  const isSaid = isGiven(root.get("admin") ?? undefined);
  const adminWish = { input: isSaid ? section("admin", shape.admin) : {}, isSaid };
  const defaults = { ...routeDefaultsOf(context, traffic.listeners), ...sets.forOthers() };
  const admin = resolveAdmin(context, adminWish, traffic.listeners);
  const metrics = resolveMetrics(context, section("metrics", shape.metrics));
  const owners = ownersOf(controlSocket, compat, admin, metrics);
  refuseSharedAddresses(context, traffic.listeners, owners);
  return {
    ...unmade,
    ...traffic,
    accessLog: resolveAccessLog(context, accessLog ?? true),
    limits: merged,
    shutdown: { ...defaultShutdown, ...given(section("shutdown", shape.shutdown)) },
    errorPages: folderOf(context, section("errorPages", shape.errorPages), ["errorPages"]),
    debug: { allow: [], ...given(section("debug", shape.debug)) },
    compat,
    workers: resolveWorkers(context, section("workers", shape.workers)),
    runAs: resolveRunAs(context, section("user", shape.user), section("group", shape.group)),
    controlSocket,
    pidFile: resolvePath(context, section("pidFile", shape.pidFile)),
    stateFolder: resolvePath(context, section("stateFolder", shape.stateFolder)),
    admin,
    metrics,
    tracing: resolveTracing(context, section("tracing", shape.tracing)),
    alerts: resolveAlerts(context, section("alerts", shape.alerts)),
    fleet: resolveFleet(context, section("fleet", shape.fleet)),
    tests: resolveRouteTests(context, section("tests", shape.tests)),
    providers: resolveProviders(context, section("providers", shape.providers), defaults),
    written: writtenIn(root, defaults, options),
  };
}

/** What is known before any section is read. */
function contextOf(
  source: Source,
  root: Root,
  { baseFolder, inline }: ReadOptions,
  problems: Problem[],
): Omit<Context, "maxBody" | "timeouts"> {
  return {
    ...{ source, baseFolder, problems, inline },
    originOf: originInFile(source),
    trustedProxies: { networks: [], lists: [] },
    serviceNames: new Set(entriesOf(root, "services").map(([name]) => name)),
    providerNames: providerNames(root.get("providers")),
    providerKinds: providerKinds(root.get("providers")),
    addressedNames: addressedNames(root.get("providers")),
    services: new Map(),
    servicePaths: new Map(),
    serviceTimeouts: new Map(),
    uses: [],
  };
}

/** What routes are granted that do not say otherwise, wherever they are said. */
function routeDefaultsOf(
  { timeouts, maxBody }: Context,
  listeners: readonly Listener[],
): RouteDefaults {
  const tcpListeners = listeners.filter(({ protocol }) => protocol === "tcp");
  const securePort = securePortOf(listeners);
  return {
    ...{ timeouts, maxBody, tcpListeners: tcpListeners.map(({ name }) => name) },
    ...(securePort === undefined ? {} : { securePort }),
  };
}

/** Whom we ask with what key, and whom we tell by what password, is for nobody else. */
const apart = ["routes", "tcpRoutes", "services", "providers", "alerts", "fleet", "tracing"];

function writtenIn(root: Root, defaults: RouteDefaults, { baseFolder }: ReadOptions): Written {
  const itemsOf = (section: string) => new Map(entriesOf(root, section));
  return {
    defaults,
    items: {
      routes: itemsOf("routes"),
      tcpRoutes: itemsOf("tcpRoutes"),
      services: itemsOf("services"),
    },
    sections: Object.fromEntries([...root].filter(([name]) => !apart.includes(name))),
    folder: baseFolder,
  };
}

/** What comes in and where it goes. Services first: who leads to them grants what they do. */
function resolveTraffic(
  context: Context,
  root: Root,
): Pick<Snapshot, "listeners" | "routes" | "streamRoutes" | "services" | "tls"> {
  for (const [name, value] of namedEntries(context, root, "services")) {
    const path = ["services", name];
    if (name.includes("@")) {
      const message = "a name with @ is of a service that is discovered";
      report(context, path, { message, remedy: "leave out the @", at: "key" });
    }
    const input = check(context, service, value, path);
    if (input !== undefined) resolveService(context, name, input, path);
  }
  const tlsInput = check(context, config.shape.tls, root.get("tls") ?? undefined, ["tls"]);
  const tlsOptions = resolveTlsOptions(context, tlsInput, ["tls"]);
  const listeners = resolveListeners(context, root, tlsOptions);
  const securePort = securePortOf(listeners);
  const routes = resolveRoutes({ ...context, securePort }, root, listeners);
  const names = new Set(entriesOf(root, "listeners").map(([name]) => name));
  const streamRoutes = resolveTcpRoutes(context, root, { names, listeners });
  checkServices(context);
  warnOfSharedCookies(context, routes);
  checkStreams(context, listeners, streamRoutes);
  const tls = resolveTls(context, tlsInput, tlsOptions);
  const hasDns = tls.acme?.dns !== undefined;
  warnOfCertified(context, { listeners, routes, streamRoutes }, hasDns);
  return { listeners, routes, streamRoutes, services: context.services, tls };
}

function check<Schema extends z.ZodType>(
  { source, problems }: { source: Source; problems: Problem[] },
  schema: Schema,
  value: unknown,
  path: Path,
): z.output<Schema> | undefined {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  problems.push(...problemsOf(source, path, result.error.issues));
  return undefined;
}

function checkKeys(source: Source, root: Root, problems: Problem[]): void {
  const known = Object.keys(config.shape);
  for (const name of root.keys()) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    const remedy = near === undefined ? `known are ${known.join(", ")}` : `write ${near}`;
    const message = `unknown key ${JSON.stringify(name)}`;
    problems.push(problemAt(source, [name], { message, remedy, at: "key" }));
  }
}

function checkLimits(context: Context, limits: Snapshot["limits"]): void {
  if (limits.targetBytes <= limits.headBytes) return;
  const message = `targetBytes (${limits.targetBytes}) is more than headBytes (${limits.headBytes})`;
  report(context, ["limits", "targetBytes"], { message, remedy: "the target is part of the head" });
}

function entriesOf(root: Root, section: string): [string, unknown][] {
  const value = root.get(section);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.entries(value);
}

function namedEntries(context: Context, root: Root, section: string): [string, unknown][] {
  const value = root.get(section) ?? {};
  if (typeof value !== "object" || Array.isArray(value)) {
    const message = `must be a mapping of name to ${section.slice(0, -1)}, not ${named(value)}`;
    report(context, [section], { message });
  }
  return entriesOf(root, section).filter(([name]) => {
    if (name !== "" && name !== "__proto__") return true;
    report(context, [section, name], {
      message: `${JSON.stringify(name)} cannot be a name`,
      at: "key",
    });
    return false;
  });
}

function resolveRoutes(context: Context, root: Root, listeners: readonly Listener[]): Route[] {
  const entries = namedEntries(context, root, "routes");
  const hasHttp = listeners.some(({ protocol }) => protocol === "http");
  const warn = (message: string, remedy: string) =>
    report(context, ["routes"], { message, remedy, at: "key", severity: "warning" });
  // Somebody else may say them.
  const isAlone = context.providerNames.size === 0;
  if (entries.length === 0 && isAlone && (hasHttp || listeners.length === 0)) {
    warn("there are no routes", "write routes: and, indented below, HOST: URL");
  } else if (entries.length > 0 && !hasHttp && listeners.length > 0) {
    warn("no listener takes requests", 'add one without protocol, such as web: ":8080"');
  }
  return entries.flatMap(([name, value]) => {
    const path = ["routes", name];
    const input = check(context, route, value, path);
    return input === undefined ? [] : (resolveRoute(context, name, input, path) ?? []);
  });
}

function resolveTcpRoutes(context: Context, root: Root, listeners: ListenerNames): StreamRoute[] {
  return namedEntries(context, root, "tcpRoutes").flatMap(([name, value]) => {
    const path = ["tcpRoutes", name];
    const input = check(context, tcpRoute, value, path);
    if (input === undefined) return [];
    return resolveStreamRoute(context, { name, input, path }, listeners) ?? [];
  });
}

function resolveListeners(context: Context, root: Root, tls: TlsOptions): Listener[] {
  const entries = namedEntries(context, root, "listeners");
  // An empty mapping may be meant, but never helps: nothing could reach the proxy.
  if (entries.length === 0) entries.push(["web", ":8080"]);
  return entries.flatMap(([name, value]) => {
    const path = ["listeners", name];
    const input = check(context, listener, value, path);
    return input === undefined ? [] : [resolveListener(context, name, input, { path, tls })];
  });
}

/** What runs without a file: all addresses, a sample route, and these kinds of `providers`. */
export function defaultSnapshot(port: number, providers: readonly string[] = []): Snapshot {
  const text = `
listeners: { web: ":${port}" }
routes: { whoami.localhost: { whoami: true } }
providers: { ${providers.map((kind) => `${kind}: true`).join(", ")} }`;
  const { snapshot } = readConfig(text, { file: "defaults", baseFolder: "/" });
  if (snapshot === undefined) throw new Error("the built-in configuration is broken");
  const origin = { provider: "default", place: "built in" };
  return {
    ...snapshot,
    listeners: snapshot.listeners.map((each) => ({ ...each, origin })),
    routes: snapshot.routes.map((each) => ({ ...each, origin })),
    providers: snapshot.providers.map((each) => ({ ...each, place: origin.place })),
  };
}
