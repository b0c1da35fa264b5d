// All that is known of one service: its backends, and whether any of them is left.

import type { AbsentBackend, Service } from "../config/service.ts";
import type { BackendRecord } from "./backend-record.ts";

export type ShownService = "up" | "degraded" | "down" | "paused" | "maintenance";

/** With the time since when it has been so; milliseconds since 1970. */
export type ShownAbsent = AbsentBackend & { readonly since: number };

export class ServiceRecord {
  service: Service;
  /** By URL, in the order of the configuration. Of other services than `backends` there are none. */
  backends: ReadonlyMap<string, BackendRecord> = new Map();
  /** Containers that are no backends now. */
  absent: readonly ShownAbsent[] = [];
  isPaused = false;
  isInMaintenance = false;
  /** Told to be down, since then; milliseconds since 1970. */
  downSince: number | undefined;
  #shown: ShownService | undefined;
  #since = 0;

  constructor(service: Service) {
    this.service = service;
  }

  /** Takes over its settings. */
  update(service: Service, now: number): void {
    this.service = service;
    const before = new Map(this.absent.map((each) => [`${each.name} ${each.state}`, each.since]));
    const absent = service.kind === "backends" ? service.absent : [];
    this.absent = absent.map((each) => {
      return { ...each, since: before.get(`${each.name} ${each.state}`) ?? now };
    });
  }

  /**
   * Nobody is left, and not because somebody wants it so or nobody was asked yet. Whoever stops or pauses a
   * container wants it so, and so does who has it started on demand; one that is starting is not known yet.
   */
  get isAllDown(): boolean {
    if (this.absent.some(({ state }) => state === "starting")) return false;
    let isLost = this.absent.some(({ state }) => state === "unhealthy" || state === "unreachable");
    for (const each of this.backends.values()) {
      if (each.backend.weight === 0) continue;
      if (each.isWell || each.found === "unchecked") return false;
      const isStarting = each.found === "up" && each.death?.isQuiet === true;
      isLost ||= !each.isDraining && !isStarting;
    }
    return isLost;
  }

  /** The state, and since when people have seen it. */
  show(state: ShownService, now: number): { readonly state: ShownService; readonly since: number } {
    if (state !== this.#shown) {
      this.#shown = state;
      this.#since = now;
    }
    return { state, since: this.#since };
  }
}
