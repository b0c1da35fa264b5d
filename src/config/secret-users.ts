// Who needs the secret of this program, so that none is made and kept where nobody does.

import type { Catalog } from "./snapshot.ts";

/** Middlewares that seal what they give to clients. */
const sealing: ReadonlySet<string> = new Set(["digestAuth", "oidc"]);

interface Owner {
  readonly middlewares?: readonly { readonly kind: string }[] | undefined;
}

export function needsSecret(catalog: Pick<Catalog, "services" | "routes" | "listeners">): boolean {
  const { services, routes, listeners } = catalog;
  const hasCookie = [...services.values()].some(
    (each) => "sticky" in each && each.sticky?.kind === "cookie",
  );
  const owners: readonly Owner[] = [...routes, ...listeners, ...services.values()];
  return (
    hasCookie ||
    owners.some(({ middlewares }) => middlewares?.some(({ kind }) => sealing.has(kind)) === true)
  );
}
