// What this process knows of backends and services beyond their configuration. Kept apart from live services:
// a state may come before the snapshot that has the service, and stays when a service is made anew.

import type { BackendState, Mark, ServiceState, StateNews } from "./state.ts";

/** Told when something is known of a service of this name. */
export interface StateUser {
  onStates(): void;
  onMark(mark: Mark): void;
}

export class StateBook {
  readonly #backends = new Map<string, Map<string, BackendState>>();
  readonly #services = new Map<string, ServiceState>();
  readonly #users = new Map<string, StateUser>();
  #arePausesOver = false;

  /** What was known before is forgotten. */
  replace(states: StateNews): void {
    const before = new Set([...this.#backends.keys(), ...this.#services.keys()]);
    this.#backends.clear();
    this.#services.clear();
    for (const service of this.#record(states)) before.add(service);
    for (const service of before) this.#users.get(service)?.onStates();
  }

  learn(news: StateNews): void {
    for (const service of this.#record(news)) this.#users.get(service)?.onStates();
    for (const each of news.marks) this.#users.get(each.service)?.onMark(each);
  }

  /** For when nobody would tell of the end of a pause: no service is paused from now on. */
  endPauses(): void {
    this.#arePausesOver = true;
    const services = [...this.#services.values()].filter(({ isPaused }) => isPaused);
    this.learn({ backends: [], services, marks: [] });
  }

  #record({ backends, services }: StateNews): Set<string> {
    const touched = new Set<string>();
    for (const each of backends) {
      touched.add(each.service);
      const known = this.#backends.get(each.service) ?? new Map<string, BackendState>();
      this.#backends.set(each.service, known);
      if (each.health === "up" && !each.isDraining) known.delete(each.backend);
      else known.set(each.backend, each);
      if (known.size === 0) this.#backends.delete(each.service);
    }
    for (const each of services) {
      touched.add(each.service);
      const isPaused = each.isPaused && !this.#arePausesOver;
      if (isPaused || each.isInMaintenance) this.#services.set(each.service, { ...each, isPaused });
      else this.#services.delete(each.service);
    }
    return touched;
  }

  backend(service: string, backend: string): BackendState | undefined {
    return this.#backends.get(service)?.get(backend);
  }

  service(service: string): ServiceState | undefined {
    return this.#services.get(service);
  }

  /** One for each name; the latest counts. */
  join(service: string, user: StateUser): void {
    this.#users.set(service, user);
  }

  leave(service: string, user: StateUser): void {
    if (this.#users.get(service) === user) this.#users.delete(service);
  }
}
