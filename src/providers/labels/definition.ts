// One service with the routes that lead to it, or a route by itself, checked like the file. What is known of
// backends does not matter here: the reading is the same whether a container runs or not.

import type { DiscoverySettings } from "../../config/provider-settings.ts";
import { readDiscovered } from "../../config/read-discovered.ts";
import type { DiscoveredProblem, DiscoveredReading } from "../../config/read-discovered.ts";
import type { Path } from "../../config/problem.ts";
import type { Origin } from "../../config/snapshot.ts";
import type { Workload } from "../workload.ts";
import { placeOf } from "./naming.ts";
import { isOwnPlace, standInAddress } from "./own-place.ts";
import type { Wish } from "./wish.ts";

/** A wish under the name it has in the snapshot, and whose it is. */
export interface NamedWish {
  readonly name: string;
  readonly wish: Wish;
  readonly workload: Workload;
}

export interface Definition {
  /** undefined = the routes answer by themselves. */
  readonly service: NamedWish | undefined;
  readonly routes: readonly NamedWish[];
}

// A schema wants a backend, and what a service may say depends on what its backends speak.
const standIn = {
  ...{ http: "http", https: "https", h2c: "h2c", grpcs: "grpcs", tcp: "tcp", tls: "tls" },
  ...{ fastcgi: "fastcgi", scgi: "scgi", uwsgi: "uwsgi" },
} as const;

export function readDefinition(
  { service, routes }: Definition,
  settings: DiscoverySettings,
): DiscoveredReading {
  const of = (kind: Wish["kind"]) =>
    Object.fromEntries(
      routes
        .filter(({ wish }) => wish.kind === kind)
        .map(({ name, wish }) => {
          return [
            name,
            service === undefined ? wish.route : { ...wish.route, service: service.name },
          ];
        }),
    );
  const own = service?.wish.service;
  const misplaced = own === undefined ? undefined : backendsIn(own.settings);
  if (service !== undefined && misplaced !== undefined) {
    const path = ["services", service.name, misplaced];
    const message = "a label may not lead to anybody else";
    const remedy = "leave it out: the container itself is the backend";
    const problem: DiscoveredProblem = { path, message, remedy, severity: "error" };
    return { routes: [], streamRoutes: [], services: {}, problems: [problem] };
  }
  const hasPlace = own !== undefined && isOwnPlace(own.settings);
  if (service !== undefined && hasPlace && service.workload.isNamesake === true) {
    const path = ["services", service.name];
    const message = `another container of ${settings.name} is called ${service.workload.name}, and would be taken for this one`;
    const remedy =
      "give this one another name, or let a provider look at its folder or project alone";
    const problem: DiscoveredProblem = { path, message, remedy, severity: "error" };
    return { routes: [], streamRoutes: [], services: {}, problems: [problem] };
  }
  const backends = own === undefined ? [] : [`${standIn[own.scheme]}://127.0.0.1:1`];
  const written = hasPlace ? own.settings : { ...own?.settings, backends };
  const services = service === undefined ? {} : { [service.name]: written };
  return readDiscovered(
    { routes: of("http"), tcpRoutes: of("tcp"), services },
    {
      defaults: settings.defaults,
      ...(service === undefined || !hasPlace ? {} : guestOf(service.workload, settings)),
      originOf: (path) => originOf(path, { service, routes }, settings.name),
    },
  );
}

/** Whose files and programs it is about; {} = what libvirt runs has none here. */
function guestOf({ platform, name }: Workload, { name: provider }: DiscoverySettings) {
  if (platform === "libvirt") return {};
  return { guest: { name: `${provider}/${name}`, addresses: [standInAddress] } };
}

function backendsIn(settings: Readonly<Record<string, unknown>>): string | undefined {
  return Object.keys(settings).find((key) => key.toLowerCase() === "backends");
}

function originOf(path: Path, { service, routes }: Definition, provider: string): Origin {
  const [section, name] = path;
  const of =
    section === "services"
      ? service
      : routes.find((each) => each.name === name && isOf(each, section));
  if (of === undefined) return { provider, place: provider };
  const place = placeOf(of.workload);
  const label = section === "services" ? undefined : mainLabel(of.wish);
  return { provider, place: label === undefined ? place : `${place}, ${label}` };
}

function isOf({ wish }: NamedWish, section: string | number | undefined): boolean {
  return section === (wish.kind === "tcp" ? "tcpRoutes" : "routes");
}

/** The one that makes it a route. */
function mainLabel({ labels, dialect }: Wish): string | undefined {
  const found = ["route.host", "route.rule", "route.sni", "route"].map((key) => labels.get(key));
  const label = found.find((each) => each !== undefined);
  if (label === undefined) return undefined;
  return dialect === "nginx-proxy" && /^[A-Z_]+$/.test(label) ? label : `label ${label}`;
}

/** The label that a problem is about; "" when it is about none of them. */
export function labelOf({ labels }: Wish, { path }: Pick<DiscoveredProblem, "path">): string {
  const [section, , ...keys] = path;
  const root = section === "services" ? "service" : "route";
  for (let length = keys.length; length >= 0; length -= 1) {
    const wanted = [root, ...keys.slice(0, length)].join(".").toLowerCase();
    const all = [...labels].map(([key, label]) => [key.toLowerCase(), label] as const);
    const isBelow = (key: string) => length > 0 && key.startsWith(`${wanted}.`);
    const found = all.find(([key]) => key === wanted) ?? all.find(([key]) => isBelow(key));
    if (found !== undefined) return found[1];
  }
  return "";
}
