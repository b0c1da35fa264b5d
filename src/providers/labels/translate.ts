// From what runs to what is routed: reads everybody's wishes, puts those who share a service together, and
// checks it all like the configuration file. One bad label spoils its own route, and nothing else.

import type { DiscoverySettings } from "../../config/provider-settings.ts";
import type { Found } from "../provider.ts";
import type { Workload } from "../workload.ts";

export interface Translation extends Found {
  /** Workloads of each service, by id: who is to be started for it. */
  readonly members: ReadonlyMap<string, readonly string[]>;
  /** Service of each workload by itself, by id; empty unless asked for. */
  readonly plain: ReadonlyMap<string, string>;
}

export interface TranslateOptions {
  /** false: only those that say so. */
  readonly exposedByDefault: boolean;
  /** Everybody gets a service of its own, routed or not. */
  readonly withPlainServices: boolean;
}

export function translate(
  workloads: readonly Workload[],
  settings: DiscoverySettings,
  options: TranslateOptions,
): Translation {
  throw new Error(
    `not written yet: ${workloads.length} ${settings.name} ${options.exposedByDefault}`,
  );
}
