// What libvirt says there is, at all URIs that are configured. One that cannot be asked does not hide the
// others: its domains stay as they were, and it is told of as if it were one.

import { discovery } from "../../config/provider-limits.ts";
import type { Finding } from "../../config/finding.ts";
import type { LibvirtSettings } from "../../config/provider-settings.ts";
import type { Log } from "../../lib/log.ts";
import { Pulse } from "../../lib/pulse.ts";
import type { WorkloadSource } from "../discoverer.ts";
import { kept } from "../kept.ts";
import type { Workload } from "../workload.ts";
import { type Domains, Hypervisor } from "./hypervisor.ts";

export type LibvirtSourceSettings = Pick<LibvirtSettings, "name" | "uris">;

interface Place {
  readonly uri: string;
  readonly hypervisor: Hypervisor;
  /** undefined = it has not said anything yet. */
  domains: Domains | undefined;
  trouble: string | undefined;
}

export class LibvirtSource implements WorkloadSource {
  readonly #name: string;
  readonly #log: Log;
  readonly #places: readonly Place[];

  constructor({ name, uris }: LibvirtSourceSettings, log: Log) {
    this.#name = name;
    this.#log = log;
    this.#places = [...new Set(uris)].map((uri) => ({
      uri,
      hypervisor: new Hypervisor(uri),
      domains: undefined,
      trouble: undefined,
    }));
  }

  /** Throws when none of them can be asked. */
  async *workloads(signal: AbortSignal): AsyncGenerator<readonly Workload[]> {
    const ending = new AbortController();
    const either = AbortSignal.any([signal, ending.signal]);
    const pulse = new Pulse();
    for (const place of this.#places) place.trouble = undefined;
    const spoken = new Set<Place>();
    const following = this.#places.map((place) =>
      this.#follow(place, either, () => {
        spoken.add(place);
        pulse.raise();
      }),
    );
    const startedAt = performance.now();
    try {
      while (!signal.aborted) {
        // The first word is the whole picture, unless somebody takes too long for it.
        const rest = startedAt + discovery.firstWord - performance.now();
        const isWaiting = spoken.size < this.#places.length && rest > 0;
        await pulse.wait(isWaiting ? rest : discovery.relist, either);
        pulse.clear();
        if (signal.aborted) return;
        if (
          spoken.size < this.#places.length &&
          performance.now() - startedAt < discovery.firstWord
        )
          continue;
        const troubles = this.#places.flatMap(({ trouble }) => trouble ?? []);
        if (troubles.length === this.#places.length) throw new Error(troubles[0]);
        yield this.#all();
      }
    } finally {
      ending.abort();
      await Promise.all(following);
    }
  }

  async power(workload: Workload, action: "start" | "stop"): Promise<void> {
    const place = this.#places.find((each) =>
      each.domains?.workloads.some(({ id }) => id === workload.id),
    );
    if (place === undefined) throw new Error(`${workload.name} is not there any more`);
    await place.hypervisor.power(workload.id, action);
  }

  findings(): readonly Finding[] {
    return this.#places.flatMap(({ uri, domains, trouble }) => {
      const unreadable = domains?.unreadable.map(({ uuid, why }) =>
        this.#finding({ name: uuid, state: "unknown", message: `${why}, so it is not routed` }),
      );
      if (trouble === undefined) return unreadable ?? [];
      const message = `${trouble}; its domains stay as they were`;
      return [this.#finding({ name: uri, state: "failing", message }), ...(unreadable ?? [])];
    });
  }

  #finding({ name, state, message }: { name: string; state: string; message: string }): Finding {
    return {
      provider: this.#name,
      platform: "libvirt",
      name,
      id: "",
      project: undefined,
      state,
      addresses: [],
      became: [],
      notes: [{ severity: "error", about: "", message, remedy: undefined }],
    };
  }

  async #follow(place: Place, signal: AbortSignal, changed: () => void): Promise<void> {
    const provider = {
      name: `${this.#name} at ${place.uri}`,
      catalogs: (following: AbortSignal) => place.hypervisor.domains(following),
    };
    const onTrouble = (trouble: string | undefined) => {
      place.trouble = trouble;
      if (trouble !== undefined) changed();
    };
    const options = { log: this.#log, restart: discovery.restart, onTrouble };
    for await (const domains of kept(provider, options).catalogs(signal)) {
      place.domains = domains;
      changed();
    }
  }

  /** Two URIs may lead to one daemon. */
  #all(): readonly Workload[] {
    const all = this.#places.flatMap(({ domains }) => domains?.workloads ?? []);
    return [...new Map(all.map((each) => [each.id, each])).values()];
  }
}
