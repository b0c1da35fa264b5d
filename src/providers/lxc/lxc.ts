// LXC as a provider: its containers are routed by what comments in their configurations say, by their names,
// and by their addresses where that is wanted.

import type { Finding } from "../../config/finding.ts";
import type { LxcSettings } from "../../config/provider-settings.ts";
import type { Log } from "../../lib/log.ts";
import { discovererOf } from "../discoverer.ts";
import type { Discoverer } from "../provider.ts";
import { withByAddress } from "./by-address.ts";
import type { Container } from "./container.ts";
import { LxcSource } from "./lxc-source.ts";

export function lxcDiscoverer(settings: LxcSettings, { log }: { log: Log }): Discoverer {
  const source = new LxcSource(settings, log);
  const { byAddress } = settings;
  return discovererOf(source, settings, {
    withPlainServices: byAddress !== undefined,
    complete(translation) {
      const { containers, addresses } = source;
      const found =
        byAddress === undefined
          ? translation
          : withByAddress({ settings, byAddress, translation, containers, addresses });
      return { ...found, findings: found.findings.map((each) => withNotes(each, containers)) };
    },
  });
}

/** With what is the matter with its configuration file. */
function withNotes(finding: Finding, containers: ReadonlyMap<string, Container>): Finding {
  const container = containers.get(finding.id || finding.name);
  const notes = container?.config.notes ?? [];
  return notes.length === 0 ? finding : { ...finding, notes: [...notes, ...finding.notes] };
}
