// Who asks for certificates, for which names, and how those can be proven here; read off a snapshot. Who started a container has not
// agreed to the terms of an authority for us, and gets none for a name that is not theirs, however they write a rule.

import type { OrderingWish } from "../acme/certificate-orders.ts";
import type { Wanted } from "../acme/plan.ts";
import type { AcmeSettings, ChallengeType, RouteTls } from "../config/acme-settings.ts";
import { isAnyShown, issuedFor, provesByTls } from "../config/certified.ts";
import { storeSource } from "../config/item.ts";
import { isPlatform } from "../config/provider-settings.ts";
import { hostsOf } from "../config/rule-hosts.ts";
import type { Listener, Route, Snapshot, StreamRoute } from "../config/snapshot.ts";
import { namesOfRoute, namesOfStream } from "../routing/claimed-names.ts";

type AnyRoute = Route | StreamRoute;

export interface Asking {
  /** Routes that want certificates, and may. */
  readonly routes: readonly AnyRoute[];
  /** One that wants one, and may not as long as the file says nothing of authorities. */
  readonly unheard: AnyRoute | undefined;
  readonly challenges: readonly ChallengeType[];
  readonly settings: AcmeSettings;
}

export function askingIn(snapshot: Snapshot, settings: AcmeSettings): Asking {
  const said = { challenges: provableIn(snapshot, settings), settings };
  if (!isAnyShown(snapshot)) return { ...said, routes: [], unheard: undefined };
  const isAsking = (each: AnyRoute) => issuedFor(each) !== undefined;
  const isHeard = ({ origin: { provider } }: AnyRoute) =>
    settings.isSaid || provider === "file" || provider === storeSource;
  const { routes, streamRoutes } = snapshot;
  const all = [...routes.filter(isAsking), ...streamRoutes.filter(isAsking)];
  return {
    ...said,
    routes: all.filter(isHeard),
    unheard: all.find((each) => !isHeard(each)),
  };
}

/** Proofs that come and go are snapshots, too, and nobody asks for anything else then. */
export function isSameAsking(a: Asking, b: Asking | undefined): boolean {
  return (
    a.settings === b?.settings &&
    a.challenges.join() === b.challenges.join() &&
    a.routes.length === b.routes.length &&
    a.routes.every((each, at) => each === b.routes[at])
  );
}

export function wishOf(
  { routes, challenges, settings }: Asking,
  { providers }: Pick<Snapshot, "providers">,
): Omit<OrderingWish, "isServed"> {
  const platforms = new Set(providers.filter(isPlatform).map(({ name }) => name));
  const wantedBy = (kind: RouteTls) =>
    routes
      .filter((each) => issuedFor(each) === kind)
      .map((each): Wanted => {
        const { name: route, rule, origin } = each;
        if (platforms.has(origin.provider)) return { route, hosts: ownHostsOf(each), by: "label" };
        return { route, hosts: hostsOf(rule) ?? [], by: "operator" };
      });
  return { settings, challenges, auto: wantedBy("auto"), internal: wantedBy("internal") };
}

/** Of a rule that is too long to be taken apart nobody holds the names. */
function ownHostsOf(route: AnyRoute): readonly string[] {
  const claimed = "middlewares" in route ? namesOfRoute(route) : namesOfStream(route);
  return (hostsOf(route.rule) ?? []).filter((each) => claimed.includes(each));
}

/** In the order in which they are tried: where an authority certainly comes to goes first. */
function provableIn(
  { listeners, streamRoutes }: Snapshot,
  { challenges, dns }: AcmeSettings,
): readonly ChallengeType[] {
  const plain = listeners.filter(({ protocol, tls }) => protocol === "http" && tls === undefined);
  const secure = listeners.filter((each) => provesByTls(each, streamRoutes));
  const isAt = (all: readonly Listener[], port: number) =>
    all.some(({ bind }) => bind.some((each) => each.kind === "tcp" && each.port === port));
  const can: Readonly<Record<ChallengeType, boolean>> = {
    "http-01": plain.length > 0,
    "tls-alpn-01": secure.length > 0,
    "dns-01": dns !== undefined,
  };
  const likely = (type: ChallengeType) =>
    (type === "http-01" && isAt(plain, 80)) || (type === "tls-alpn-01" && isAt(secure, 443));
  return challenges
    .filter((each) => can[each])
    .toSorted((a, b) => Number(likely(b)) - Number(likely(a)));
}
