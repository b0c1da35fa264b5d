// Docker and Podman as a provider: their containers, as they come, go, move and get well.

import { discovery, dockerDiscovery } from "../../config/provider-limits.ts";
import type { Finding } from "../../config/finding.ts";
import type { DockerSettings } from "../../config/provider-settings.ts";
import type { Log } from "../../lib/log.ts";
import { discovererOf, type WorkloadSource } from "../discoverer.ts";
import type { Discoverer } from "../provider.ts";
import { relist } from "../relist.ts";
import { Unchanged } from "../unchanged.ts";
import type { Workload } from "../workload.ts";
import { ContainerPlaces } from "./container-places.ts";
import { Engine } from "./engine.ts";
import { Echo, type EngineEvent, followEvents, Told } from "./events.ts";
import { Listing } from "./listing.ts";
import { ownPlace } from "./own-place.ts";
import { driversOf, machineOf } from "./reach.ts";
import { workloadsOf } from "./workloads.ts";

export function dockerDiscoverer(
  settings: DockerSettings,
  { log }: { readonly log: Log },
): Discoverer {
  const source = new DockerSource(settings, log);
  return discovererOf(source, settings, { exposedByDefault: settings.exposedByDefault });
}

export class DockerSource implements WorkloadSource {
  readonly #settings: DockerSettings;
  readonly #log: Log;
  readonly #unchanged = new Unchanged();
  readonly #guests: ContainerPlaces;
  #findings: readonly Finding[] = [];
  #listing: Listing | undefined;

  constructor(settings: DockerSettings, log: Log) {
    this.#settings = settings;
    this.#log = log;
    this.#guests = new ContainerPlaces(settings);
  }

  async *workloads(signal: AbortSignal): AsyncGenerator<readonly Workload[]> {
    try {
      const engine = await Engine.open(this.#settings, signal);
      const machine = await machineOf(engine, signal);
      let hint = () => {};
      const options = { log: this.#log, earlier: this.#listing, late: () => hint() };
      const listing = new Listing(engine, options);
      this.#listing = listing;
      const told = new Told();
      const list = async (during: AbortSignal) => {
        const [containers, drivers, place] = await Promise.all([
          listing.refresh(told.takeIds(), during),
          driversOf(engine, during),
          ownPlace(),
        ]);
        const guests = await this.#guests.of(containers);
        const { workloads, findings } = workloadsOf({
          settings: this.#settings,
          platform: engine.isPodman ? "podman" : "docker",
          ...{ machine, containers, drivers, place },
          signalOf: (id) => told.signalOf(id),
          guestOf: (id) => guests.get(id),
        });
        this.#findings = findings;
        return this.#unchanged.of(workloads);
      };
      const watch = async (changed: () => void, during: AbortSignal) => {
        hint = changed;
        const tell = (event: EngineEvent) => {
          told.add(event);
          changed();
        };
        using echo = new Echo(tell);
        const hear = (event: EngineEvent | undefined) => {
          if (event === undefined) return changed();
          tell(event);
          if (event.isEarly) echo.add(event);
        };
        return await followEvents(engine, hear, during);
      };
      yield* relist({ list, watch, every: discovery.relist }, signal);
    } catch (error) {
      // Whatever fails while it is being ended is of no interest.
      if (!signal.aborted) throw error;
    }
  }

  findings(): readonly Finding[] {
    return this.#findings;
  }

  async power({ id }: Workload, action: "start" | "stop"): Promise<void> {
    const timeout = action === "stop" ? dockerDiscovery.stopTimeout : discovery.answerTimeout;
    // It ends by its time limit at the latest.
    const { signal } = new AbortController();
    const engine = await Engine.open(this.#settings, signal);
    await engine.post(`/containers/${id}/${action}`, { signal, timeout });
  }
}
