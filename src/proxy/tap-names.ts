// Names under which the configuration lets somebody in, whatever they are: what stands there is not shown.

import type { MiddlewareUse, Snapshot } from "../config/snapshot.ts";
import type { SecretNames } from "../traffic/secrets.ts";

type Said = Pick<Snapshot, "listeners" | "routes" | "services">;

export function secretNamesOf({ listeners, routes, services }: Said): SecretNames {
  const fields = new Set<string>();
  const parameters = new Set<string>();
  const look = (uses: readonly MiddlewareUse[] = []) => {
    for (const use of uses) {
      if (use.kind !== "apiKey" && use.kind !== "jwt") continue;
      for (const { from, name } of use.from) {
        if (from === "header") fields.add(name.toLowerCase());
        if (from === "query") parameters.add(name.toLowerCase());
      }
    }
  };
  for (const each of listeners) look(each.middlewares);
  for (const each of routes) look(each.middlewares);
  for (const each of services.values()) look(each.middlewares);
  return { fields, parameters };
}
