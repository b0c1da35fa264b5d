// Where routes and services lead that were read apart from one another: services that lead in a circle, or too
// far, and routes whose service speaks another protocol, cannot be served. The file alone has none of
// those, since it is read as a whole; what it says is never the one that is left out.

import { maxServiceDepth } from "../config/limits.ts";
import { partsOf } from "../config/service-parts.ts";
import type { Backend, Service } from "../config/service.ts";
import type { Route, StreamRoute } from "../config/snapshot.ts";

export interface Leading {
  readonly routes: readonly Route[];
  readonly streamRoutes: readonly StreamRoute[];
  readonly services: ReadonlyMap<string, Service>;
}

/** What cannot be served, and why. */
export function unsoundOf({
  routes,
  streamRoutes,
  services,
}: Leading): ReadonlyMap<Route | StreamRoute | Service, string> {
  const unsound = new Map<Route | StreamRoute | Service, string>();
  const visit = visitorOf(services, unsound);
  // Nearly all have backends of their own, and end there.
  for (const each of services.values()) if (each.kind !== "backends") visit(each);
  const protocolOf = protocolsOf(services, unsound);
  const check = (item: Route | StreamRoute, wanted: Backend["protocol"]) => {
    const found = item.service === undefined ? undefined : protocolOf(item.service);
    if (found === undefined || found === wanted || item.origin.provider === "file") return;
    const isFiles = services.get(item.service ?? "")?.kind === "files";
    const what = isFiles ? "answers requests with files" : `has ${found} backends`;
    unsound.set(item, `${item.service} ${what}, and this route needs ${wanted} ones`);
  };
  for (const each of routes) check(each, "http");
  for (const each of streamRoutes) check(each, "tcp");
  return unsound;
}

/** Finds circles and chains that are too long, and leaves out a service of each that is not the file's. */
function visitorOf(
  byName: ReadonlyMap<string, Service>,
  unsound: Map<Route | StreamRoute | Service, string>,
): (service: Service) => void {
  /** Of those that are through: how many services one after the other, itself included. */
  const depths = new Map<Service, number>();
  const visit = (service: Service, above: readonly Service[]): void => {
    if (service.kind === "backends") {
      depths.set(service, 1);
      return;
    }
    const chain = [...above, service];
    let depth = 1;
    for (const name of partsOf(service)) {
      const next = byName.get(name);
      if (next === undefined || unsound.has(next)) continue;
      if (next.kind === "addressed") {
        leaveOut([service], `${name} finds its container by name, and cannot be a part`, unsound);
        return;
      }
      if (next.kind === "files") {
        const message = `${name} answers with files, and cannot be a part of another service`;
        leaveOut([next, service], message, unsound);
        if (unsound.has(service)) return;
        continue;
      }
      const start = chain.indexOf(next);
      if (start !== -1) {
        const names = [...chain.slice(start), next].map((each) => each.name).join(" → ");
        leaveOut(chain.slice(start), `the services lead in a circle: ${names}`, unsound);
        return;
      }
      if (!depths.has(next) && chain.length < maxServiceDepth) visit(next, chain);
      if (chain.some((each) => unsound.has(each))) return;
      if (unsound.has(next)) continue;
      depth = Math.max(depth, 1 + (depths.get(next) ?? maxServiceDepth));
      if (depth <= maxServiceDepth) continue;
      leaveOut(chain, `more than ${maxServiceDepth} services lead to one another`, unsound);
      return;
    }
    depths.set(service, depth);
  };
  return (service) => {
    if (!depths.has(service) && !unsound.has(service)) visit(service, []);
  };
}

function leaveOut(
  chain: readonly Service[],
  message: string,
  unsound: Map<Route | StreamRoute | Service, string>,
): void {
  const last = chain.findLast(({ origin }) => origin.provider !== "file") ?? chain.at(-1);
  if (last !== undefined) unsound.set(last, message);
}

/** Of the first backend that a service leads to; undefined = not known. */
function protocolsOf(
  byName: ReadonlyMap<string, Service>,
  unsound: ReadonlyMap<unknown, string>,
): (name: string) => Backend["protocol"] | undefined {
  const find = (name: string, depth: number): Backend["protocol"] | undefined => {
    const service = byName.get(name);
    if (service === undefined || unsound.has(service) || depth > maxServiceDepth) return undefined;
    if (service.kind === "backends") return service.backends[0]?.protocol;
    if (service.kind === "files") return "http";
    const [first] = partsOf(service);
    return first === undefined ? undefined : find(first, depth + 1);
  };
  return (name) => find(name, 0);
}
