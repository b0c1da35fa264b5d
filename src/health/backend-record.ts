// All that is known of one backend of one service: what checks found, what traffic showed, what an operator
// wants. From it come the states that workers act on and the row that people see.

import type { Backend } from "../config/service.ts";
import type { BackendState, Mark } from "../upstream/state.ts";
import type { Checker, CheckUser } from "./checker.ts";
import type { Found } from "./standing.ts";

export type Shown = "up" | "down" | "unchecked" | "dead" | "draining";

/** What traffic showed. Kept when its time is over, until somebody says that it is alive. */
export interface Death {
  readonly since: number;
  readonly until: number;
  readonly why: string;
  readonly isUnreachable: boolean;
  /** Nobody was told of it. */
  readonly isQuiet: boolean;
}

export class BackendRecord implements CheckUser {
  readonly service: string;
  backend: Backend;
  /** Which check it is; "" = none. */
  checkKey = "";
  checker: Checker | undefined;
  isDraining = false;
  death: Death | undefined;
  /** Told to be down by checks, since then; milliseconds since 1970. */
  downSince: number | undefined;
  /** What workers were told; undefined = nothing, and they take it for up. */
  told: BackendState | undefined;
  readonly #onAnswer: (record: BackendRecord, before: Found) => void;
  #shown: Shown | undefined;
  #since = 0;

  constructor(
    service: string,
    backend: Backend,
    onAnswer: (record: BackendRecord, before: Found) => void,
  ) {
    this.service = service;
    this.backend = backend;
    this.#onAnswer = onAnswer;
  }

  onAnswer(_: Checker, before: Found): void {
    this.#onAnswer(this, before);
  }

  /** By checks; without any it is up. */
  get found(): Found {
    return this.checker?.found ?? "up";
  }

  get isDown(): boolean {
    return this.found !== "up";
  }

  /** It would be used. Somebody whose mark is over is tried, but not yet known to be well. */
  get isWell(): boolean {
    return this.backend.weight > 0 && !this.isDown && !this.isDraining && this.death === undefined;
  }

  /** Something else than what a worker takes it for by itself. */
  get isOdd(): boolean {
    return this.isDown || this.isDraining;
  }

  get state(): BackendState {
    const { service, isDraining } = this;
    const health = this.isDown ? "down" : "up";
    return { service, backend: this.backend.url, health, isDraining };
  }

  /** What is left of its death; undefined = it lives. */
  markAt(now: number): Mark | undefined {
    const { death, service } = this;
    if (death === undefined || !this.isDeadAt(now)) return undefined;
    const { until, why, isUnreachable } = death;
    return {
      kind: "dead",
      service,
      backend: this.backend.url,
      for: until - now,
      why,
      isUnreachable,
    };
  }

  isDeadAt(now: number): boolean {
    // A clock that was set back must not make it last for ever.
    return this.death !== undefined && now < this.death.until && now >= this.death.since;
  }

  /** What people see now, since when, and why. */
  shownAt(now: number): { readonly state: Shown; readonly since: number; readonly why: string } {
    const state = this.#stateAt(now);
    if (state !== this.#shown) {
      // The end of a mark is no event: it is noticed when somebody looks.
      const isRevived = this.#shown === "dead" && state === "up" && this.death !== undefined;
      this.#since = isRevived ? Math.min(this.death?.until ?? now, now) : now;
      this.#shown = state;
    }
    return { state, since: this.#since, why: this.#whyOf(state) };
  }

  #stateAt(now: number): Shown {
    if (this.isDraining) return "draining";
    if (this.found !== "up") return this.found;
    return this.isDeadAt(now) ? "dead" : "up";
  }

  #whyOf(state: Shown): string {
    const answer = this.checker?.last?.text;
    switch (state) {
      case "down":
        return answer ?? "it was when its check was changed";
      case "unchecked":
        return answer === undefined ? "waits for its first check" : `waits: ${answer}`;
      case "dead":
        return this.death?.why ?? "";
      case "draining":
        return this.isDown && answer !== undefined
          ? `drained by an operator; ${answer}`
          : "drained by an operator";
      case "up":
        return this.death === undefined ? "" : `tried again after: ${this.death.why}`;
    }
  }
}
