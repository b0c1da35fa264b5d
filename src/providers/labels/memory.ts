// What a provider's last listing came to, so that the next one reads only what changed.

import type { DiscoverySettings } from "../../config/provider-settings.ts";
import type { DiscoveredReading } from "../../config/read-discovered.ts";
import type { Workload } from "../workload.ts";
import { readDefinition } from "./definition.ts";
import type { Definition } from "./definition.ts";
import { plainWishOf } from "./groups.ts";
import type { Entry } from "./groups.ts";
import { scopeOf } from "./naming.ts";
import { spokenBy } from "./spoken.ts";

interface Read {
  /** What it was made of. */
  readonly parts: readonly unknown[];
  readonly reading: DiscoveredReading;
}

export class Memory {
  readonly exposedByDefault: boolean;
  readonly #settings: DiscoverySettings;
  readonly #entries = new WeakMap<Workload, Entry>();
  #before: ReadonlyMap<string, Read> = new Map();
  #now = new Map<string, Read>();

  constructor(settings: DiscoverySettings, exposedByDefault: boolean) {
    this.exposedByDefault = exposedByDefault;
    this.#settings = settings;
  }

  entryOf(workload: Workload): Entry {
    const known = this.#entries.get(workload);
    if (known !== undefined) return known;
    const spoken = spokenBy(workload, this.#settings, this);
    const scope = scopeOf(workload, this.#settings);
    const entry = { workload, scope, spoken, plain: plainWishOf(workload, spoken) };
    this.#entries.set(workload, entry);
    return entry;
  }

  readingOf(definition: Definition): DiscoveredReading {
    const { service, routes } = definition;
    const all = service === undefined ? routes : [service, ...routes];
    const parts = all.flatMap(({ name, wish, workload }) => [name, wish, workload.name]);
    const key = `${service === undefined ? "" : "service "}${all[0]?.name} ${all[0]?.wish.kind}`;
    const known = this.#before.get(key);
    const isSame =
      known?.parts.length === parts.length && parts.every((each, at) => each === known.parts[at]);
    const read = isSame ? known : { parts, reading: readDefinition(definition, this.#settings) };
    this.#now.set(key, read);
    return read.reading;
  }

  /** Keeps what was asked for since the last call. */
  forgetOthers(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }
}
