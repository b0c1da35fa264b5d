// A provider from a source of workloads: what the source lists is translated to routes, and members of a
// service are started and stopped by it.

import type { DiscoverySettings } from "../config/provider-settings.ts";
import type { Finding } from "../config/finding.ts";
import { translate, type Translated, type Translation } from "./labels/translate.ts";
import { guestsOf, namesakesMarked } from "./guest-names.ts";
import type { Discoverer, Found } from "./provider.ts";
import type { Workload } from "./workload.ts";

export interface WorkloadSource {
  /** The whole picture, whenever something changed. Throws when it cannot be asked. */
  workloads(signal: AbortSignal): AsyncIterable<readonly Workload[]>;
  /** Settles when it is done; rejects with a sentence. */
  power(workload: Workload, action: "start" | "stop"): Promise<void>;
  /** What people should know besides the workloads. */
  findings?(): readonly Finding[];
}

export interface DiscovererOptions {
  /** false: only those that say so. By default true. */
  readonly exposedByDefault?: boolean;
  /** Everybody gets a service of its own, routed or not. By default false. */
  readonly withPlainServices?: boolean;
  /** What this platform adds to what labels came to. */
  complete?(translation: Translation): Translated;
}

export function discovererOf(
  source: WorkloadSource,
  settings: DiscoverySettings,
  { exposedByDefault = true, withPlainServices = false, complete }: DiscovererOptions = {},
): Discoverer {
  let workloads: ReadonlyMap<string, Workload> = new Map();
  let members: ReadonlyMap<string, readonly string[]> = new Map();
  const switchAll = async (service: string, from: Workload["state"], action: "start" | "stop") => {
    const all = (members.get(service) ?? []).flatMap((id) => workloads.get(id) ?? []);
    const due = all.filter(({ state }) => state === from);
    await Promise.all(due.map((each) => source.power(each, action)));
    return due.length;
  };
  async function* catalogs(signal: AbortSignal): AsyncGenerator<Found> {
    for await (const list of source.workloads(signal)) {
      const all = namesakesMarked(list);
      const translation = translate(all, settings, { exposedByDefault, withPlainServices });
      workloads = new Map(all.map((each) => [each.id, each]));
      members = translation.members;
      const found = complete?.(translation) ?? translation;
      const findings = [...(source.findings?.() ?? []), ...found.findings];
      yield { ...found, findings, guests: guestsOf(all) };
    }
  }
  const power = {
    start: (service: string) => switchAll(service, "stopped", "start"),
    stop: (service: string) => switchAll(service, "running", "stop"),
  };
  return { name: settings.name, catalogs, power: settings.mayStart ? power : undefined };
}
