// Whether anything is kept on disk of what backends answer, so that a folder for it is made where somebody wants it alone.

import type { Catalog } from "./snapshot.ts";

export function isCachedOnDisk({
  routes,
  services,
}: Pick<Catalog, "routes" | "services">): boolean {
  return [...routes, ...services.values()].some(
    (each) =>
      "middlewares" in each &&
      each.middlewares?.some((use) => use.kind === "cache" && use.disk > 0),
  );
}
