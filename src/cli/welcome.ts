// What a start prints: where we listen, what is routed where, and a line to try.

import { formatRule } from "../config/rule.ts";
import type { Route, Snapshot } from "../config/snapshot.ts";
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
    for (const each of addresses) lines.push(`listening  ${name}  ${formatAddress(each)}`);
  }
  lines.push(
    config === undefined ? "no configuration file: embedded defaults" : `configuration ${config}`,
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

/** One line of the table of routes. */
export function routeRow(route: Route, snapshot: Snapshot): [string, string, string] {
  return [route.name, formatRule(route.rule), goalOf(route, snapshot)];
}

function goalOf(route: Route, snapshot: Snapshot): string {
  const service = route.service === undefined ? undefined : snapshot.services[route.service];
  if (service !== undefined) return service.backends.map((each) => each.url).join(", ");
  const last = route.middlewares.at(-1);
  return last?.kind === "redirect" ? `redirect ${last.to}` : (last?.kind ?? "nothing");
}

function formatAddress({ host, port }: WelcomeAddress): string {
  if (port === 0) return host;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function exampleFor(
  snapshot: Snapshot,
  bound: Readonly<Record<string, readonly WelcomeAddress[]>>,
): string | undefined {
  const port = Object.values(bound)[0]?.[0]?.port ?? 0;
  const host = snapshot.routes.map((each) => hostOf(each)).find((each) => each !== undefined);
  if (port === 0 || host === undefined) return undefined;
  return `curl -H 'Host: ${host}' http://127.0.0.1:${port}/`;
}

/** A host that the route answers for, if its rule names one outright. */
function hostOf({ rule }: Route): string | undefined {
  const rules = rule.kind === "all" ? rule.rules : [rule];
  const host = rules.find((each) => each.kind === "host");
  return host === undefined || host.host.startsWith("*") ? undefined : host.host;
}
