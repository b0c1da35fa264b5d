// What operators asked for while the program runs. It is no part of the configuration, so it is kept as plain
// data that a new primary can be started with, and forgotten with the service or backend it is about: when a
// configuration without that is live, and not before.

import type { Snapshot } from "../config/snapshot.ts";
import type { ServiceState } from "../upstream/state.ts";

export interface OrderList {
  readonly draining: readonly { readonly service: string; readonly backend: string }[];
  /** Names of services. */
  readonly paused: readonly string[];
  readonly maintenance: readonly string[];
}

export const noOrders: OrderList = { draining: [], paused: [], maintenance: [] };

export class Orders {
  readonly paused: Set<string>;
  readonly maintenance: Set<string>;
  readonly #draining = new Map<string, Set<string>>();

  constructor(list: OrderList) {
    this.paused = new Set(list.paused);
    this.maintenance = new Set(list.maintenance);
    for (const { service, backend } of list.draining) this.setDraining(service, backend, true);
  }

  isDraining(service: string, backend: string): boolean {
    return this.#draining.get(service)?.has(backend) ?? false;
  }

  setDraining(service: string, backend: string, isDraining: boolean): void {
    const backends = this.#draining.get(service) ?? new Set();
    if (isDraining) backends.add(backend);
    else backends.delete(backend);
    if (backends.size === 0) this.#draining.delete(service);
    else this.#draining.set(service, backends);
  }

  stateOf(service: string): ServiceState {
    const isPaused = this.paused.has(service);
    return { service, isPaused, isInMaintenance: this.maintenance.has(service) };
  }

  /** Of services that are not as usual. */
  get states(): ServiceState[] {
    const services = new Set([...this.paused, ...this.maintenance]);
    return [...services].map((each) => this.stateOf(each));
  }

  list(): OrderList {
    const draining = [...this.#draining].flatMap(([service, backends]) =>
      [...backends].map((backend) => ({ service, backend })),
    );
    return { draining, paused: [...this.paused], maintenance: [...this.maintenance] };
  }

  /** Forgets what the configuration no longer has. */
  prune({ services }: Snapshot): DroppedOrder[] {
    const dropped: DroppedOrder[] = [];
    for (const { service, backend } of this.list().draining) {
      const found = services.get(service);
      if (found?.kind === "backends" && found.backends.some((each) => each.url === backend))
        continue;
      this.setDraining(service, backend, false);
      dropped.push({ order: "drain", service, backend });
    }
    for (const order of ["paused", "maintenance"] as const) {
      for (const service of this[order]) {
        const found = services.get(service);
        // What is paused are services with backends; `resume` of another one means its parts.
        if (found !== undefined && (order === "maintenance" || found.kind === "backends")) continue;
        this[order].delete(service);
        dropped.push({ order: order === "paused" ? "pause" : order, service });
      }
    }
    return dropped;
  }
}

export type DroppedOrder =
  | { readonly order: "drain"; readonly service: string; readonly backend: string }
  | { readonly order: "pause" | "maintenance"; readonly service: string };
