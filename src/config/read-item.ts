// Reads one item by itself, so that of ten thousand only the one that changed is read again. Whoever can write
// items is an operator, and may lead anywhere; but files of this host are named in its own file alone. A
// name without @ is of the same source; `NAME@file` is of the file.

import type * as z from "zod";
import { isRecord } from "../lib/json.ts";
import { certificateItem, type CertificateItem } from "./certificate-item.ts";
import type { Context } from "./context.ts";
import { isGiven, report } from "./context.ts";
import { refuseFiles, refuseSockets } from "./host-files.ts";
import { problemsOf } from "./issue.ts";
import { badItemName, type Item } from "./item.ts";
import { tcpRoute } from "./listener-schema.ts";
import { isAnswering as isAnswerer } from "./middlewares/list.ts";
import { renamedInList } from "./middlewares/named-services.ts";
import { middlewareList, type MiddlewareListInput } from "./middlewares/list-schema.ts";
import { setsOfFile } from "./middlewares/sets.ts";
import type { Overlay } from "./overlay.ts";
import type { Path, Problem } from "./problem.ts";
import { readCertificate } from "./read-certificate.ts";
import type { RouteDefaults } from "./provider-settings.ts";
import { isForSome } from "./resolve-redirect.ts";
import { answers, resolveRoute } from "./resolve-route.ts";
import { resolveService } from "./resolve-service.ts";
import { resolveStreamRoute } from "./resolve-stream.ts";
import { matchingKeys, route, routeMapping } from "./route-schema.ts";
import type { RouteInput } from "./route-schema.ts";
import { checkServices } from "./service-graph.ts";
import { renamedService } from "./service-parts.ts";
import { service } from "./service-schema.ts";
import type { ServiceInput } from "./service-schema.ts";
import type { Service } from "./service.ts";
import type { MiddlewareUse, Route, StreamRoute } from "./snapshot.ts";
import type { Source } from "./source.ts";

export interface ItemOptions {
  /** Name of the provider. */
  readonly source: string;
  readonly defaults: RouteDefaults;
}

export interface ItemProblem {
  /** Within the item, from its section and name on. */
  readonly path: Path;
  readonly message: string;
  readonly remedy: string | undefined;
  readonly severity: Problem["severity"];
}

/** Empty when there is an error; but a certificate says what is wrong with it. */
export interface ItemReading {
  readonly routes: readonly Route[];
  readonly streamRoutes: readonly StreamRoute[];
  readonly services: readonly Service[];
  readonly overlays: readonly Overlay[];
  readonly certificates: readonly CertificateItem[];
  readonly problems: readonly ItemProblem[];
}

export function readItem(item: Item, options: ItemOptions): ItemReading {
  const places: Path[] = [];
  const context = contextOf(item, options, places);
  const path = [item.section, item.name];
  const bad = badItemName(item.section, item.name);
  if (bad !== undefined) report(context, path, { message: bad, at: "key" });
  const made = bad === undefined ? readSection({ context, item, options, path }) : nothing;
  for (const each of context.services.values()) refuseSockets(context, each, path);
  checkServices(context);
  const problems = context.problems.map(({ line, message, remedy, severity }) => {
    return { path: places[line - 1] ?? path, message, remedy, severity };
  });
  if (problems.some(({ severity }) => severity === "error")) {
    return unusableItem(item, options.source, problems);
  }
  return { ...made, services: [...context.services.values()], problems };
}

/** Of an item that could not be read. */
export function unusableItem(
  { section, name, place }: Pick<Item, "section" | "name" | "place">,
  source: string,
  problems: readonly ItemProblem[],
): ItemReading {
  if (section !== "certificates") return { ...nothing, problems };
  const trouble = problems
    .filter(({ severity }) => severity === "error")
    .map(({ path, message, remedy }) => {
      const key = path.slice(2).join(".");
      const what = key === "" ? message : `${key}: ${message}`;
      return remedy === undefined ? what : `${what} (${remedy})`;
    })
    .join("; ");
  const origin = { provider: source, place };
  const now = { name: `${name}@${source}`, origin, held: [], trouble, since: Date.now() };
  return { ...nothing, certificates: [now], problems };
}

interface Reading {
  readonly context: ItemContext;
  readonly item: Item;
  readonly options: ItemOptions;
  readonly path: Path;
}

const nothing: ItemReading = {
  routes: [],
  streamRoutes: [],
  services: [],
  overlays: [],
  certificates: [],
  problems: [],
};

function readSection(reading: Reading): ItemReading {
  switch (reading.item.section) {
    case "services":
      return readService(reading);
    case "routes":
      return readRoute(reading);
    case "tcpRoutes":
      return readStreamRoute(reading);
    case "overlays":
      return readOverlay(reading);
    case "certificates":
      return readCertificateItem(reading);
  }
}

function readService(reading: Reading): ItemReading {
  const { context, item, options, path } = reading;
  const input = check(reading, service);
  const name = `${item.name}@${options.source}`;
  if (input?.timeouts !== undefined) {
    // Routes elsewhere are read without it.
    const message = "count in the configuration file only: routes in other items do not have them";
    const remedy = "write them in the routes";
    report(context, [...path, "timeouts"], { message, remedy, at: "key", severity: "warning" });
  }
  if (input !== undefined) resolveService(context, name, qualified(input, context), path);
  return nothing;
}

function readRoute(reading: Reading): ItemReading {
  const { context, item, path } = reading;
  const input = check(reading, route);
  if (input === undefined) return nothing;
  // By its own name, which may be the host it is for.
  const made = resolveRoute(context, item.name, withService(input, context), path);
  return made === undefined ? nothing : { ...nothing, routes: [named(made, reading)] };
}

function readStreamRoute(reading: Reading): ItemReading {
  const { context, item, options, path } = reading;
  const input = check(reading, tcpRoute);
  if (input === undefined) return nothing;
  const names = new Set(options.defaults.tcpListeners);
  const full = { name: item.name, input: withService(input, context), path };
  const made = resolveStreamRoute(context, full, { names, listeners: [] });
  return made === undefined ? nothing : { ...nothing, streamRoutes: [named(made, reading)] };
}

function readCertificateItem(reading: Reading): ItemReading {
  const { context, item, options, path } = reading;
  if (hasLongKey(item.value)) {
    // It may be somebody's private key, which no message repeats.
    const message = "has a text in the place of the name of a key";
    report(context, path, { message, remedy: "write cert and key, with PEM texts behind them" });
    return nothing;
  }
  const input = check(reading, certificateItem);
  if (input === undefined) return nothing;
  const origin = context.originOf(path);
  const { held, problems } = readCertificate(input, { name: item.name, origin });
  for (const { path: below, ...problem } of problems) {
    report(context, [...path, ...below], { ...problem, at: "key" });
  }
  const name = `${item.name}@${options.source}`;
  return { ...nothing, certificates: [{ name, origin, held, trouble: "", since: 0 }] };
}

const longestKey = 40;

function hasLongKey(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).some((each) => each.length > longestKey);
}

/** A service written in the route itself must not be taken for one of `services` that is called so. */
function named<Made extends Route | StreamRoute>(
  made: Made,
  { context, item, options: { source } }: Reading,
): Made {
  const name = `${item.name}@${source}`;
  const own = made.service === undefined ? undefined : context.services.get(made.service);
  if (own === undefined) return { ...made, name };
  const service = `route/${name}`;
  context.services.delete(own.name);
  context.services.set(
    service,
    renamedService(own, (each) => (each === own.name ? service : each)),
  );
  return { ...made, name, service };
}

// --- overlays ------------------------------------------------------------------------------------------

/** Those whose `false` people mean to count instead of what the route says, and what to do instead. */
const lasting = {
  hsts: "write { maxAge: 0 }, and browsers forget it",
  forceHttps: "change it where the route is written",
} as const;

function readOverlay(reading: Reading): ItemReading {
  const { context, path } = reading;
  const { name } = reading.item;
  const input = check(reading, routeMapping);
  if (input === undefined) return nothing;
  for (const [key, remedy] of Object.entries(lasting)) {
    if (!isRecord(reading.item.value) || reading.item.value[key] !== false) continue;
    const message = `takes nothing away: what the route says of ${key} stays`;
    report(context, [...path, key], { message, remedy, at: "key", severity: "warning" });
  }
  const isMatching = matchingKeys.some((each) => isGiven(Reflect.get(input, each)));
  const isSaying = answers.some(
    (each) => isGiven(input[each]) && !(each === "redirect" && isForSome(input.redirect)),
  );
  // What a whole route must say, and this one need not.
  const standIn: RouteInput = {
    ...(isMatching ? {} : { host: ["overlay.invalid"] }),
    ...(isSaying ? {} : { whoami: true }),
  };
  const made = resolveRoute(context, name, { ...standIn, ...withService(input, context) }, path);
  if (made === undefined) return nothing;
  const whole = named(made, reading);
  const middlewares = whole.middlewares.filter(
    (use: MiddlewareUse) => isSaying || use.kind !== "whoami" || "written" in use,
  );
  const isAnswering = isSaying || middlewares.some(isAnswerer);
  const change: Overlay["change"] = {
    ...(isMatching ? { rule: whole.rule } : {}),
    ...(input.priority === undefined ? {} : { priority: whole.priority }),
    ...(isAnswering ? { service: whole.service } : {}),
    ...(input.maintenance === undefined ? {} : { maintenance: whole.maintenance }),
    ...(input.timeouts === undefined ? {} : { timeouts: timeoutsIn(whole, input) }),
    ...(input.maxBody === undefined ? {} : { maxBody: whole.maxBody }),
    ...(input.accessLog === undefined ? {} : { accessLog: whole.accessLog }),
    ...(input.tls === undefined ? {} : { tls: input.tls }),
    ...(whole.hsts === undefined ? {} : { hsts: whole.hsts }),
    ...(whole.restoreUrls === undefined ? {} : { restoreUrls: whole.restoreUrls }),
    ...(whole.spool === undefined ? {} : { spool: whole.spool }),
    ...(middlewares.length === 0 ? {} : { middlewares }),
  };
  return { ...nothing, overlays: [{ route: name, origin: context.originOf(path), change }] };
}

function timeoutsIn({ timeouts }: Route, input: RouteInput): Partial<Route["timeouts"]> {
  const said = Object.keys(input.timeouts ?? {});
  return Object.fromEntries(Object.entries(timeouts).filter(([name]) => said.includes(name)));
}

// --- names of services ---------------------------------------------------------------------------------

function withService<Input extends Leading>(whole: Input, context: ItemContext): Input {
  const input = withPages(whole, context);
  const { service: use } = input;
  if (use === undefined) return input;
  const full = typeof use === "string" ? fullName(use, context) : qualified(use, context);
  return { ...input, service: full };
}

interface Leading {
  readonly service?: string | ServiceInput | undefined;
  readonly middlewares?: MiddlewareListInput | undefined;
}

/** Its middlewares may have pages from services, too. */
function withPages<Input extends Pick<Leading, "middlewares">>(
  input: Input,
  context: ItemContext,
): Input {
  if (input.middlewares === undefined) return input;
  const full = (name: string) => fullName(name, context);
  const middlewares = middlewareList.parse(renamedInList(input.middlewares, full));
  return { ...input, middlewares };
}

/** With the names of other services as the snapshot has them. */
function qualified(input: ServiceInput, context: ItemContext): ServiceInput {
  const full = (name: string) => fullName(name, context);
  const keys = <T>(all: Record<string, T>) =>
    Object.fromEntries(Object.entries(all).map(([name, each]) => [full(name), each]));
  const { split, failover, mirror, to } = input;
  return {
    ...withPages(input, context),
    ...(split === undefined
      ? {}
      : {
          split: Array.isArray(split)
            ? split.map((part) => ({ ...part, service: full(part.service) }))
            : keys(split),
        }),
    ...(failover === undefined ? {} : { failover: failover.map(full) }),
    ...(mirror === undefined ? {} : { mirror: full(mirror) }),
    ...(to === undefined ? {} : { to: keys(to) }),
  };
}

function fullName(name: string, context: ItemContext): string {
  const full = name.endsWith("@file")
    ? name.slice(0, -"@file".length)
    : name.includes("@")
      ? name
      : `${name}@${context.source.file}`;
  // Whether there is one is known when everything is put together.
  context.serviceNames.add(full);
  return full;
}

// --- what the schemas and resolving need ---------------------------------------------------------------

interface ItemContext extends Context {
  readonly serviceNames: Set<string>;
}

/** A problem knows its line only: here the line is where its path stands in `places`. */
function contextOf(
  item: Item,
  { source: name, defaults }: ItemOptions,
  places: Path[],
): ItemContext {
  const placeAt = (path: Path) => ({ line: places.push(path), column: 1 });
  const value = { [item.section]: { [item.name]: item.value } };
  const source: Source = { file: name, value, problems: [], keyAt: placeAt, valueAt: placeAt };
  return {
    source,
    originOf: () => ({ provider: name, place: item.place }),
    // Nothing that could be relative to it is let through.
    baseFolder: "/nonexistent",
    problems: [],
    timeouts: defaults.timeouts,
    trustedProxies: { networks: [], lists: [] },
    maxBody: defaults.maxBody,
    securePort: defaults.securePort,
    serviceNames: new Set(),
    providerNames: new Set(),
    providerKinds: new Map(),
    addressedNames: new Set(),
    writer: "item",
    sets: setsOfFile(defaults.sets),
    services: new Map(),
    servicePaths: new Map(),
    serviceTimeouts: new Map(),
    uses: [],
  };
}

function check<Schema extends z.ZodType>(
  { context, item, path }: Reading,
  schema: Schema,
): z.output<Schema> | undefined {
  if (refuseFiles(context, item.section, path)) return undefined;
  const result = schema.safeParse(item.value);
  if (result.success) return result.data;
  context.problems.push(...problemsOf(context.source, path, result.error.issues));
  return undefined;
}
