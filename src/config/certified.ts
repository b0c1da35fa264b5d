// Routes of either kind whose names get certificates by themselves, and what has to be there for that: names, and somebody to show
// them to. Of the file it is looked at as a whole; what is discovered may come and go.

import type { RouteTls } from "./acme-settings.ts";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import type { Path } from "./problem.ts";
import { hostsOf } from "./rule-hosts.ts";
import type { Rule } from "./rule.ts";
import type { Listener, Route, Snapshot, StreamRoute } from "./snapshot.ts";

type Traffic = Pick<Snapshot, "listeners" | "routes" | "streamRoutes">;

/** undefined = certificates are somebody else's affair. */
export function issuedFor({ tls }: Route | StreamRoute): RouteTls | undefined {
  return typeof tls === "object" ? tls.issued : tls;
}

/** TLS ends here with the certificate that is for the name, whoever had it made. */
function showsByName({ tls }: Pick<StreamRoute, "tls">): boolean {
  return tls !== undefined && tls.own === undefined;
}

/** Somebody would be shown a certificate that is there. */
export function isAnyShown({
  listeners,
  streamRoutes,
}: Pick<Traffic, "listeners" | "streamRoutes">): boolean {
  return listeners.some(({ tls }) => tls !== undefined) || streamRoutes.some(showsByName);
}

/** Where an authority may make a connection with TLS, and be shown a proof (RFC 8737). */
export function provesByTls(
  { name, protocol, tls }: Listener,
  streamRoutes: readonly StreamRoute[],
): boolean {
  if (protocol === "http") return tls !== undefined;
  if (protocol !== "tcp") return false;
  const isHere = ({ listeners }: StreamRoute) => listeners?.includes(name) ?? true;
  return streamRoutes.some((each) => showsByName(each) && isHere(each));
}

/** A certificate is for names. */
export function checkNames(context: Context, rule: Rule, path: Path): void {
  const hosts = hostsOf(rule);
  if (hosts !== undefined && !hosts.includes("*")) return;
  const message = "needs to know the names, and this route is for any";
  const remedy = path[0] === "routes" ? "say host, or leave it out" : "say sni, or write true";
  report(context, path, { message, remedy, at: "key" });
}

/** Of the file alone. @param hasDns somebody changes the DNS for us */
export function warnOfCertified(context: Context, traffic: Traffic, hasDns: boolean): void {
  const { listeners, routes, streamRoutes } = traffic;
  const [first] = routes.filter((each) => issuedFor(each) !== undefined);
  if (first !== undefined && !isAnyShown(traffic)) {
    const message = `no listener has TLS, so the certificate of ${first.name} would be shown to nobody`;
    const remedy = 'add secure: { bind: ":443", tls: true } to listeners';
    report(context, pathOf(first), { message, remedy, severity: "warning" });
  }
  if (hasDns) return;
  const asking = [...routes, ...streamRoutes].filter((each) => issuedFor(each) === "auto");
  const [wanting] = asking;
  if (wanting === undefined) return;
  if (isAnyShown(traffic) && !listeners.some((each) => isReached(each, streamRoutes))) {
    const message =
      "no listener is at port 80, or at port 443 with TLS, where authorities look whether a name leads here";
    const remedy = "listen there, have those ports forwarded here, or set tls.acme.dns";
    report(context, pathOf(wanting), { message, remedy, severity: "warning" });
  }
  for (const each of asking) warnOfStar(context, each);
}

function pathOf(route: Route | StreamRoute): Path {
  return ["middlewares" in route ? "routes" : "tcpRoutes", route.name, "tls"];
}

/** Authorities come to ports 80 and 443 alone, wherever those lead to. */
function isReached(listener: Listener, streamRoutes: readonly StreamRoute[]): boolean {
  const { bind, protocol, tls } = listener;
  const isAt = (port: number) => bind.some((each) => each.kind === "tcp" && each.port === port);
  const isPlain = protocol === "http" && tls === undefined;
  return (isPlain && isAt(80)) || (isAt(443) && provesByTls(listener, streamRoutes));
}

/** Whatever else is there: authorities certify stars by the DNS alone. */
function warnOfStar(context: Context, route: Route | StreamRoute): void {
  const star = hostsOf(route.rule)?.find((each) => each.startsWith("*."));
  if (star === undefined) return;
  const message = `${star} can only be proven in the DNS`;
  report(context, pathOf(route), { message, remedy: "set tls.acme.dns", severity: "warning" });
}
