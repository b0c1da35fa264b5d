// All that is known of one service: its backends, and whether any of them is left.

import type { Service } from "../config/service.ts";
import type { BackendRecord } from "./backend-record.ts";

export type ShownService = "up" | "degraded" | "down" | "paused" | "maintenance";

export class ServiceRecord {
  service: Service;
  /** By URL, in the order of the configuration. Of other services than `backends` there are none. */
  backends: ReadonlyMap<string, BackendRecord> = new Map();
  isPaused = false;
  isInMaintenance = false;
  /** Told to be down, since then; milliseconds since 1970. */
  downSince: number | undefined;
  #shown: ShownService | undefined;
  #since = 0;

  constructor(service: Service) {
    this.service = service;
  }

  /** Nobody is left, and not because somebody wants it so or nobody was asked yet. */
  get isAllDown(): boolean {
    let isLost = false;
    for (const each of this.backends.values()) {
      if (each.backend.weight === 0) continue;
      if (each.isWell || each.found === "unchecked") return false;
      isLost ||= !each.isDraining;
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
