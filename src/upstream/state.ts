// What is known of backends and services beyond the configuration: what checks found, what operators asked
// for, what traffic showed. The primary tells it, workers act on it, and what a worker finds out by itself it
// tells back. Plain data, sent between processes as it is.

/** A backend's name: the URL as configured, unique within its service. */
export interface BackendState {
  readonly service: string;
  readonly backend: string;
  /** By checks: `down` gets nothing. `up` is also who is not checked. */
  readonly health: "up" | "down";
  /** An operator wants it to finish what it has: only sessions it has go there. */
  readonly isDraining: boolean;
}

export interface ServiceState {
  readonly service: string;
  /** Exchanges wait. */
  readonly isPaused: boolean;
  /** By an operator; the configuration may say so too. */
  readonly isInMaintenance: boolean;
}

/**
 * A change, or what there is to say about one backend or service again. A worker that starts is sent all that
 * is not as usual.
 */
export interface StateNews {
  readonly backends: readonly BackendState[];
  readonly services: readonly ServiceState[];
  /** What workers found out. */
  readonly marks: readonly Mark[];
}

/** What traffic showed of a backend. */
export type Mark =
  | {
      readonly kind: "dead";
      readonly service: string;
      readonly backend: string;
      /** How long it gets nothing, ms. */
      readonly for: number;
      /** A sentence. */
      readonly why: string;
      /** It accepts no connections: one that could be opened would prove the contrary. */
      readonly isUnreachable: boolean;
    }
  /** It works again: an exchange was tried and did well, or a connection was opened. */
  | { readonly kind: "alive"; readonly service: string; readonly backend: string };

/** How a worker sees a backend, for people. */
export interface BackendLoad {
  readonly service: string;
  readonly backend: string;
  readonly inFlight: number;
  /** Waiting for a connection. */
  readonly waiting: number;
  /** Exchanges, streams and sessions since the worker began, whatever came of them. */
  readonly begun: number;
  /** Since the worker began. */
  readonly answered: number;
  readonly failed: number;
  /** Average of late, ms; 0 = none yet. */
  readonly latency: number;
}

export interface ServiceLoad {
  readonly service: string;
  /** Exchanges waiting for a backend, or for the end of a pause. */
  readonly held: number;
  readonly breaker: "closed" | "open" | "recovering" | undefined;
  readonly backends: readonly BackendLoad[];
}

/** Since the worker began; what error alerts are made from. */
export interface ServiceOutcomes {
  readonly service: string;
  readonly answered: number;
  /** Answered 5xx, or not at all. */
  readonly failed: number;
}
