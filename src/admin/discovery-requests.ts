// What is asked about discovery. It changes nothing: what is found is steered where it runs, and by the
// configuration.

import type { App } from "./app.ts";
import type { Operations } from "./operations.ts";

export function addDiscovery(app: App, operations: Operations): void {
  app.get("/v1/discovery", (c) => c.json(operations.discovery()));
}
