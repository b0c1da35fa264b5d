// libvirt as a provider: its virtual machines and containers are routed, and started when somebody asks for it.

import type { LibvirtSettings } from "../../config/provider-settings.ts";
import type { Log } from "../../lib/log.ts";
import { discovererOf } from "../discoverer.ts";
import type { Discoverer } from "../provider.ts";
import { LibvirtSource } from "./libvirt-source.ts";

export function libvirtDiscoverer(settings: LibvirtSettings, { log }: { log: Log }): Discoverer {
  return discovererOf(new LibvirtSource(settings, log), settings);
}
