// A provider that says one thing and never changes its mind: the embedded defaults.

import { once } from "node:events";
import type { Catalog } from "../config/snapshot.ts";
import type { Provider } from "./provider.ts";

export function fixedProvider(catalog: Catalog): Provider {
  return {
    name: "default",
    async *catalogs(signal) {
      yield { kind: "catalog", catalog, warnings: [] };
      if (!signal.aborted) await once(signal, "abort");
    },
  };
}
