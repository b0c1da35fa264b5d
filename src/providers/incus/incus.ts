// Incus and LXD as a provider: what runs there is routed, and started when somebody asks for it.

import type { IncusSettings } from "../../config/provider-settings.ts";
import type { Log } from "../../lib/log.ts";
import { discovererOf } from "../discoverer.ts";
import type { Discoverer } from "../provider.ts";
import { IncusSource } from "./incus-source.ts";

export function incusDiscoverer(settings: IncusSettings, { log }: { log: Log }): Discoverer {
  return discovererOf(new IncusSource(settings, log), settings);
}
