// What a provider of discovered things says now: routes and services, never settings. Who is found is a
// tenant: a host name belongs to whoever claimed it first, and everybody is shown why a claim was refused.

import type { Service } from "./service.ts";
import type { Route, StreamRoute } from "./snapshot.ts";

export interface Discovery {
  /** Name of the provider. */
  readonly provider: string;
  /** Hosts that its tenants may claim, names and `*.name`; undefined = any. */
  readonly hosts: readonly string[] | undefined;
  readonly routes: readonly Claim<Route>[];
  readonly streamRoutes: readonly Claim<StreamRoute>[];
  /** By name, which ends in `@` and the provider's. */
  readonly services: Readonly<Record<string, Service>>;
}

export interface Claim<Item> {
  readonly item: Item;
  /** Who asks for it: claims of one tenant do not dispute each other. */
  readonly tenant: string;
  /** Since when the tenant exists, milliseconds since 1970; 0 = unknown, and younger than all others. */
  readonly since: number;
}
