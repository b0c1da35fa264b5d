// What a start prints: where we listen, what is routed where, and a line to try.

import { formatRule } from "../config/rule.ts";
import type { Route, Snapshot, StreamRoute } from "../config/snapshot.ts";
import type { Service } from "../config/service.ts";
import { table } from "./table.ts";

/** A unix socket has its path as host, and port 0. */
interface WelcomeAddress {
  readonly host: string;
  readonly port: number;
}

const maxRoutesShown = 20;

export function welcome(
  snapshot: Snapshot,
  bound: Readonly<Record<string, readonly WelcomeAddress[]>>,
  config: string | undefined,
  isColoured: boolean,
): string {
  const bold = (text: string) => (isColoured ? `\u001B[1m${text}\u001B[0m` : text);
  const lines = [bold("Tidegate"), ""];
  for (const [name, addresses] of Object.entries(bound)) {
    const listener = snapshot.listeners.find((each) => each.name === name);
    const scheme = listener?.tls === undefined ? (listener?.protocol ?? "http") : "https";
    for (const each of addresses) lines.push(`listening  ${name}  ${formatAddress(each, scheme)}`);
  }
  lines.push(
    config === undefined ? "no configuration file: embedded defaults" : `configuration ${config}`,
    ...discoveryLine(snapshot, config),
    "",
    ...table(
      ["ROUTE", "RULE", "GOES TO"],
      snapshot.routes.slice(0, maxRoutesShown).map((each) => routeRow(each, snapshot)),
    ),
  );
  const more = snapshot.routes.length - maxRoutesShown;
  if (more > 0) lines.push(`… and ${more} more: tidegate routes ${config ?? ""}`);
  const example = exampleFor(snapshot, bound);
  if (example !== undefined) lines.push("", "Try it:", `  ${bold(example)}`);
  return `${lines.join("\n")}\n\n`;
}

/** Without a file they were switched on because they are there: whoever started us should know. */
function discoveryLine({ providers }: Snapshot, config: string | undefined): readonly string[] {
  if (providers.length === 0) return [];
  const names = providers.map(({ name }) => name).join(", ");
  const why = config === undefined ? ", found on this host" : "";
  return [`discovering ${names}${why}: \`tidegate discover\` shows what is there`];
}

/** One line of the table of routes. */
export function routeRow(route: Route, snapshot: Snapshot): [string, string, string] {
  return [route.name, formatRule(route.rule), goalOf(route, snapshot)];
}

/** As `routeRow`; the rule names the listeners where the route is not for all of them. */
export function streamRouteRow(route: StreamRoute, snapshot: Snapshot): [string, string, string] {
  const end = route.tls === undefined ? "" : ", TLS ends here";
  const where = route.listeners === undefined ? "" : `${route.listeners.join(", ")}: `;
  const goal = serviceGoal(snapshot.services.get(route.service), snapshot.services);
  return [route.name, `${where}${formatRule(route.rule)}`, `${goal}${end}`];
}

function goalOf(route: Route, snapshot: Snapshot): string {
  const service = route.service === undefined ? undefined : snapshot.services.get(route.service);
  if (service !== undefined) return serviceGoal(service, snapshot.services);
  const last = route.middlewares.at(-1);
  return last?.kind === "redirect" ? `redirect ${last.to}` : (last?.kind ?? "nothing");
}

/** Of services that lead to others, the names of those: each may be long. */
function serviceGoal(service: Service | undefined, services: Snapshot["services"]): string {
  switch (service?.kind) {
    case undefined:
      return "nothing";
    case "backends":
      return `${service.backends.map((each) => each.url).join(", ")}${ofGuest(service.guest)}`;
    case "split":
      return service.parts.map((part) => `${part.service} ${part.weight}`).join(", ");
    case "failover":
      return service.services.join(", else ");
    case "mirror": {
      const copies = service.copies.map((copy) => `${copy.service} ${copy.percent}%`);
      return `${service.service}, copied to ${copies.join(", ")}`;
    }
    case "files": {
      const programs = services.get(service.scripts?.service ?? "");
      const last = service.try.at(-1);
      const isElsewhere = last?.kind === "service" && last.service !== service.scripts?.service;
      return [
        `${service.root}${ofGuest(service.guest)}`,
        ...(programs?.kind === "backends" ? programs.backends.map(({ url }) => url) : []),
        ...(isElsewhere ? [`else ${last.service}`] : []),
      ].join(", ");
    }
    case "addressed":
      return "whoever has the address of the host's name";
  }
}

function ofGuest(guest: string | undefined): string {
  return guest === undefined ? "" : ` of ${guest}`;
}

function formatAddress({ host, port }: WelcomeAddress, scheme: string): string {
  if (port === 0) return host;
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function exampleFor(
  snapshot: Snapshot,
  bound: Readonly<Record<string, readonly WelcomeAddress[]>>,
): string | undefined {
  const open = snapshot.listeners.filter(
    ({ name, protocol }) => protocol === "http" && bound[name] !== undefined,
  );
  const web = open.find(({ tls }) => tls === undefined) ?? open[0];
  const port = (web === undefined ? undefined : bound[web.name])?.[0]?.port ?? 0;
  const host = snapshot.routes.map((each) => hostOf(each)).find((each) => each !== undefined);
  if (port === 0 || host === undefined) return undefined;
  if (web?.tls !== undefined) {
    // The name has to be in the hello, too; the certificate may be one that nobody signed.
    return `curl -k --connect-to ::127.0.0.1:${port} https://${host}/`;
  }
  return `curl -H 'Host: ${host}' http://127.0.0.1:${port}/`;
}

/** A host that the route answers for, if its rule names one outright. */
function hostOf({ rule }: Route): string | undefined {
  const rules = rule.kind === "all" ? rule.rules : [rule];
  const host = rules.find((each) => each.kind === "host");
  return host === undefined || host.host.startsWith("*") ? undefined : host.host;
}
