// Routes that have everybody come by https, for names that no certificate is for: whoever comes is shown one that nobody signed.

import type { CertificateRow } from "../admin/operations.ts";
import { isAnyShown, issuedFor } from "../config/certified.ts";
import { storeSource } from "../config/item.ts";
import { hostsOf } from "../config/rule-hosts.ts";
import type { Route, Snapshot } from "../config/snapshot.ts";

export class Uncovered {
  /** By route, ms since 1970. */
  #since: ReadonlyMap<string, number> = new Map();

  /** @param names that certificates are for */
  rows(
    snapshot: Pick<Snapshot, "listeners" | "routes" | "streamRoutes">,
    names: ReadonlySet<string>,
    now = Date.now(),
  ): readonly CertificateRow[] {
    const before = this.#since;
    const since = new Map<string, number>();
    this.#since = since;
    if (!isAnyShown(snapshot)) return [];
    return snapshot.routes.filter(isForHttps).flatMap((route): CertificateRow[] => {
      const bare = (hostsOf(route.rule) ?? []).filter((each) => !isCovered(each, names));
      if (bare.length === 0) return [];
      const from = before.get(route.name) ?? now;
      since.set(route.name, from);
      return [
        {
          ...{ names: bare, kind: undefined, issuer: "", fingerprint: undefined, item: undefined },
          ...{ from: undefined, until: undefined, since: new Date(from).toISOString() },
          ...{ state: "unusable", source: `route ${route.name}`, isNeeded: true },
          why: "no certificate is for it, and the route has everybody come by https: clients are shown one that nobody signed; put one into tls.certificates, or write tls: auto",
        },
      ];
    });
  }
}

/** Where it says so itself. What strangers' labels say wakes nobody; those that have one made have a row of their own. */
function isForHttps(route: Route): boolean {
  const { provider } = route.origin;
  const isOurs = provider === "file" || provider === storeSource;
  const hasRedirect = route.middlewares.some(({ kind }) => kind === "forceHttps");
  return isOurs && issuedFor(route) === undefined && (hasRedirect || route.hsts !== undefined);
}

/** A route's star stands for names of any depth, which no certificate does: for some of them is enough. */
function isCovered(host: string, names: ReadonlySet<string>): boolean {
  return host === "*" || names.has(host) || names.has(`*${host.slice(host.indexOf("."))}`);
}
