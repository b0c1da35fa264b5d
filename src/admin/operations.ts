// What an operator can ask of the running program. Declared here, implemented by `process`: the control
// socket, the API and the console know the rest of the program only through this.

import type { Problem } from "../config/problem.ts";
import type { LogRecord } from "../lib/log.ts";

export interface Operations {
  status(): Status;
  routes(): readonly RouteRow[];
  workers(): readonly WorkerRow[];
  /** Reads the configuration again. */
  reload(): Promise<Outcome>;
  /** Replaces all workers, one by one, by such that run the code now on disk. */
  restart(): Promise<Outcome>;
  /** Replaces the primary and all workers by such that run the code now on disk. */
  upgrade(): Promise<Outcome>;
  /** Goes over to another number of workers, until the configuration says another one. */
  resize(size: number | "auto"): Promise<Outcome>;
  /** Accepts no more connections, and finishes what runs; everything else stays. */
  drain(): Promise<Outcome>;
  /** Accepts connections again after `drain`. */
  resume(): Promise<Outcome>;
  /** Ends the program; the second time at once. */
  stop(): void;
  /** Drains and ends a primary that lost its supervisor, in favour of a successor; refused otherwise. */
  retire(): Outcome;
  readonly log: LogTail;
}

/** The latest lines of the diagnostics log, and those to come. */
export interface LogTail {
  recent(count: number): readonly LogRecord[];
  /** Returns the function that ends it. */
  follow(listener: (record: LogRecord) => void): () => void;
}

export interface Outcome {
  readonly ok: boolean;
  /** One sentence for a person. */
  readonly message: string;
  /** What is wrong with the configuration, if that is the reason. */
  readonly problems?: readonly Problem[];
}

export interface Status {
  readonly version: string;
  readonly pid: number;
  /** Of the process that was started; the same as `pid` with `workers: 0`. */
  readonly mainPid: number;
  readonly node: string;
  /** `serving`, `draining` (accepts no more), `stopping`, `orphaned` (lost its supervisor). */
  readonly state: "serving" | "draining" | "stopping" | "orphaned";
  /** Milliseconds since this primary began. */
  readonly uptime: number;
  readonly config: string | undefined;
  readonly snapshot: { readonly version: number; readonly routes: number; readonly since: string };
  /** Problems of a configuration that could not go live, until one does. */
  readonly problems: readonly Problem[];
  readonly listeners: readonly {
    readonly name: string;
    readonly addresses: readonly { readonly host: string; readonly port: number }[];
  }[];
  readonly workers: { readonly wanted: number; readonly live: number; readonly leaving: number };
  readonly counts: Counts;
  /** Resident bytes of primary and workers. */
  readonly memory: number;
}

/** Of one worker, or the sum of all. */
export interface Counts {
  /** Client connections open now. */
  readonly connections: number;
  readonly exchanges: number;
  readonly tunnels: number;
  /** Exchanges answered since the start, workers that are gone included. */
  readonly answered: number;
}

export const noCounts: Counts = { connections: 0, exchanges: 0, tunnels: 0, answered: 0 };

export interface RouteRow {
  readonly name: string;
  readonly rule: string;
  readonly service: string | undefined;
  readonly backends: readonly string[];
  readonly origin: string;
}

export interface WorkerRow {
  readonly pid: number;
  /** Place in the row of workers, from 0; a replacement has the place of whom it replaces. */
  readonly slot: number;
  /** `leaving` finishes what it carries. */
  readonly state: "starting" | "live" | "leaving";
  readonly since: string;
  /** Snapshot it serves with. */
  readonly snapshot: number;
  readonly memory: number;
  readonly counts: Counts;
  /** Why it is leaving, or why its predecessor left. */
  readonly reason: string | undefined;
}
