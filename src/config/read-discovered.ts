// Routes and services that labels ask for, checked with the schemas of the file; but whoever writes labels
// is trusted with nothing: no file is named, nobody else's backend is led to, and what is wrong spoils
// its own item alone.

import type * as z from "zod";
import type { Context, OwnGuest } from "./context.ts";
import { report } from "./context.ts";
import { refuseForbidden } from "./forbidden-labels.ts";
import { problemsOf } from "./issue.ts";
import { readLabelValue, shapeOf } from "./label-values.ts";
import type { Shape } from "./label-values.ts";
import { withinBounds } from "./label-service.ts";
import { labelBounds } from "./provider-limits.ts";
import { tcpRoute } from "./listener-schema.ts";
import type { TcpRouteInput } from "./listener-schema.ts";
import { setsOfFile } from "./middlewares/sets.ts";
import type { Path, Problem } from "./problem.ts";
import type { RouteDefaults } from "./provider-settings.ts";
import { resolveRoute } from "./resolve-route.ts";
import { resolveService } from "./resolve-service.ts";
import { resolveStreamRoute } from "./resolve-stream.ts";
import { routeMapping } from "./route-schema.ts";
import type { RouteInput } from "./route-schema.ts";
import { checkServices } from "./service-graph.ts";
import { scriptsOf } from "./service-parts.ts";
import { serviceMapping } from "./service-schema.ts";
import type { ServiceInput } from "./service-schema.ts";
import type { Origin, Route, StreamRoute } from "./snapshot.ts";
import type { Service } from "./service.ts";
import type { Source } from "./source.ts";
import { type Pattern, patternsIn, patternsOf, unboundedOf } from "./unbounded-pattern.ts";

export interface DiscoveredInput {
  /** As in the file; `service` of the first two names one of `services`. Values may be texts of labels. */
  readonly routes: Readonly<Record<string, unknown>>;
  readonly tcpRoutes: Readonly<Record<string, unknown>>;
  /** `backends` may be empty. */
  readonly services: Readonly<Record<string, unknown>>;
}

export interface DiscoveredProblem {
  /** `["routes", NAME, "timeouts", "response"]`, with keys spelled as the schema does. */
  readonly path: Path;
  readonly message: string;
  readonly remedy: string | undefined;
  readonly severity: Problem["severity"];
}

export interface DiscoveredReading {
  readonly routes: readonly Route[];
  readonly streamRoutes: readonly StreamRoute[];
  readonly services: Readonly<Record<string, Service>>;
  readonly problems: readonly DiscoveredProblem[];
}

export interface DiscoveredOptions {
  readonly defaults: RouteDefaults;
  /** The container that asks for all of this; left out = it has no files that could be reached from here. */
  readonly guest?: OwnGuest | undefined;
  /** Of an item: `["routes", NAME]`. */
  originOf(path: Path): Origin;
}

/** An item with an error is left out, and so is a route whose service was. */
export function readDiscovered(
  input: DiscoveredInput,
  options: DiscoveredOptions,
): DiscoveredReading {
  const data = plainInput(input);
  const places: Place[] = [];
  const names = new Set(Object.keys(input.services));
  const context = contextOf(data.input, names, options, places);
  for (const path of data.refused) {
    const message = "is deeper, longer or more than a label may say";
    report(context, path, { message, remedy: `write less: ${labelBounds.values} values` });
  }
  for (const [name, value] of Object.entries(data.input.services))
    readService(context, name, value);
  const routes = Object.entries(data.input.routes).flatMap(([name, value]) => {
    return readRoute(context, name, value) ?? [];
  });
  const streamRoutes = Object.entries(data.input.tcpRoutes).flatMap(([name, value]) => {
    return readStreamRoute(context, name, value, options.defaults) ?? [];
  });
  checkServices(context);
  return withoutBroken(context, places, routes, streamRoutes);
}

interface Place {
  readonly path: Path;
  readonly offset: number;
}

interface Plain {
  readonly input: DiscoveredInput;
  readonly refused: readonly Path[];
}

let shapes: Readonly<Record<keyof DiscoveredInput, Shape>> | undefined;

/** With values as the schema wants them. */
function plainInput(input: DiscoveredInput): Plain {
  shapes ??= {
    routes: shapeOf(routeMapping),
    tcpRoutes: shapeOf(tcpRoute),
    services: shapeOf(serviceMapping),
  };
  const { routes, tcpRoutes, services } = shapes;
  const refused: Path[] = [];
  const section = (name: keyof DiscoveredInput, shape: Shape) =>
    Object.fromEntries(
      Object.entries(input[name]).flatMap(([item, value]) => {
        const plain = readLabelValue(shape, value);
        if (plain === undefined) refused.push([name, item]);
        return plain === undefined ? [] : [[item, plain.value] as const];
      }),
    );
  return {
    input: {
      routes: section("routes", routes),
      tcpRoutes: section("tcpRoutes", tcpRoutes),
      services: section("services", services),
    },
    refused,
  };
}

// A problem knows its line only: here the line is where its path stands in `places`.
function contextOf(
  input: DiscoveredInput,
  serviceNames: Context["serviceNames"],
  { defaults, guest, originOf }: DiscoveredOptions,
  places: Place[],
): Context {
  const placeAt = (path: Path, offset = 0) => {
    places.push({ path, offset });
    return { line: places.length, column: 1 };
  };
  const source: Source = { file: "", value: input, problems: [], keyAt: placeAt, valueAt: placeAt };
  return {
    source,
    originOf,
    // Nothing that could be relative to it is let through.
    baseFolder: "/nonexistent",
    problems: [],
    timeouts: defaults.timeouts,
    trustedProxies: { networks: [], lists: [] },
    maxBody: defaults.maxBody,
    securePort: defaults.securePort,
    serviceNames,
    providerNames: new Set(),
    providerKinds: new Map(),
    guest,
    addressedNames: new Set(),
    writer: "label",
    sets: setsOfFile(defaults.sets),
    services: new Map(),
    servicePaths: new Map(),
    serviceTimeouts: new Map(),
    uses: [],
  };
}

function check<Schema extends z.ZodType>(
  context: Context,
  schema: Schema,
  value: unknown,
  path: Path,
): z.output<Schema> | undefined {
  if (refuseForbidden(context, value, path)) return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  context.problems.push(...problemsOf(context.source, path, result.error.issues));
  return undefined;
}

function readService(context: Context, name: string, value: unknown): void {
  const path = ["services", name];
  const hasNone = isMapping(value) && Array.isArray(value["backends"]) && !value["backends"].length;
  const isEmpty = hasNone && !programKeys.some((key) => value[key] !== undefined);
  // The schema is the file's, where an empty list is a slip.
  const written = hasNone ? { ...value, backends: undefined } : value;
  const input: ServiceInput | undefined = check(context, serviceMapping, written, path);
  if (input === undefined) return;
  const service = resolveService(context, name, isEmpty ? { ...input, backends: [] } : input, path);
  const program = service?.kind === "files" ? service.scripts?.service : service?.name;
  const own = program === undefined ? undefined : context.services.get(program);
  if (own?.kind === "backends") {
    context.services.set(own.name, withinBounds(context, own, path));
  }
  refusePattern(context, patternsIn(service?.middlewares ?? []), path);
}

/** What a service may lead to instead of backends. */
const programKeys = ["files", "fastcgi", "scgi", "uwsgi", "preset"];

function readRoute(context: Context, name: string, value: unknown): Route | undefined {
  const path = ["routes", name];
  const input: RouteInput | undefined = check(context, routeMapping, value, path);
  if (input === undefined) return undefined;
  // In the file the name would be the host. Here it is the container's.
  if (input.host === undefined && input.rule === undefined) {
    const remedy = "add host, or a rule";
    report(context, path, { message: "the route says no host", remedy, at: "key" });
    return undefined;
  }
  const resolved = resolveRoute(context, name, input, path);
  if (resolved === undefined) return undefined;
  refusePattern(context, [...patternsOf(resolved.rule), ...patternsIn(resolved.middlewares)], path);
  return resolved;
}

function readStreamRoute(
  context: Context,
  name: string,
  value: unknown,
  { tcpListeners }: RouteDefaults,
): StreamRoute | undefined {
  const path = ["tcpRoutes", name];
  const input: TcpRouteInput | undefined = check(context, tcpRoute, value, path);
  if (input === undefined) return undefined;
  if (tcpListeners.length === 0) {
    const remedy = 'the configuration file needs one, such as tls: { bind: ":443", protocol: tcp }';
    const message = "there is no tcp listener, so nothing will come here";
    report(context, path, { message, remedy, at: "key", severity: "warning" });
  }
  const known = { names: new Set(tcpListeners), listeners: [] };
  const resolved = resolveStreamRoute(context, { name, input, path }, known);
  if (resolved !== undefined) refusePattern(context, patternsOf(resolved.rule), path);
  return resolved;
}

function refusePattern(context: Context, patterns: readonly Pattern[], path: Path): void {
  const pattern = unboundedOf(patterns);
  if (pattern === undefined) return;
  const message = `the regular expression ${JSON.stringify(pattern)} could take for ever`;
  const remedy = "write it without lookahead, \\1, (?i), and repeated groups with {n,m}";
  report(context, path, { message, remedy, at: "key" });
}

function withoutBroken(
  context: Context,
  places: readonly Place[],
  routes: readonly Route[],
  streamRoutes: readonly StreamRoute[],
): DiscoveredReading {
  const broken = { routes: new Set<unknown>(), tcpRoutes: new Set(), services: new Set() };
  const problems = context.problems.map(({ line, message, remedy, severity }) => {
    const { path, offset } = places[line - 1] ?? { path: [], offset: 0 };
    const [section, name] = path;
    const isItem = section === "routes" || section === "tcpRoutes" || section === "services";
    if (isItem && severity === "error") broken[section].add(name);
    const where = offset > 0 ? ` (at character ${offset + 1})` : "";
    return { path, message: `${message}${where}`, remedy, severity };
  });
  for (const name of [...broken.services]) broken.services.add(scriptsOf(String(name)));
  const services = [...context.services].filter(([name]) => !broken.services.has(name));
  const isThere = (service: string | undefined) =>
    service === undefined || (context.services.has(service) && !broken.services.has(service));
  return {
    routes: routes.filter(({ name, service }) => !broken.routes.has(name) && isThere(service)),
    streamRoutes: streamRoutes.filter(
      ({ name, service }) => !broken.tcpRoutes.has(name) && isThere(service),
    ),
    services: Object.fromEntries(services),
    problems,
  };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
