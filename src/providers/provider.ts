// The contract of a provider: a source of configuration. It always tells the whole picture, never a
// difference, so that losing one update, or starting again, loses nothing.

import type { Collection } from "../config/collection.ts";
import type { Discovery } from "../config/discovery.ts";
import type { Finding } from "../config/finding.ts";
import type { GuestPlace } from "../config/guest.ts";
import type { Problem } from "../config/problem.ts";
import type { Catalog } from "../config/snapshot.ts";

/** What the configuration file says. */
export type Update =
  | {
      readonly kind: "catalog";
      readonly catalog: Catalog;
      readonly warnings: readonly Problem[];
    }
  /** What is there now cannot be used; the last catalog stays valid. */
  | { readonly kind: "problems"; readonly problems: readonly Problem[] };

export interface Provider<Word = Update> {
  readonly name: string;
  /**
   * Ends when the signal is aborted. Throws when its source cannot be asked: it is started again, later each
   * time, and what it said last stays.
   */
  catalogs(signal: AbortSignal): AsyncIterable<Word>;
}

/** All that a provider found, and what became of it. */
export interface Found {
  readonly discovery: Discovery;
  readonly findings: readonly Finding[];
  /** Workloads of each service, by id: one that several share is stopped only when all of them are idle. */
  readonly members: ReadonlyMap<string, readonly string[]>;
  /** Where the files of each container are, by its name. Of this moment: a process number is soon somebody else's. */
  readonly guests: ReadonlyMap<string, GuestPlace>;
}

/** A provider of what runs on a host. */
export interface Discoverer extends Provider<Found> {
  /** Starts and stops those that asked for it; undefined = it cannot. */
  readonly power: Power | undefined;
}

export interface Power {
  /**
   * Starts all of this service that are stopped. Settles when they were told to, with how many these are;
   * rejects with a sentence.
   */
  start(service: string): Promise<number>;
  stop(service: string): Promise<number>;
}

/** All that a source holds. */
export interface Gathered {
  readonly collection: Collection;
  /** Of what cannot be used, and why. */
  readonly findings: readonly Finding[];
  /** Backends that somebody else found dead. */
  readonly dead: readonly DeadBackend[];
}

export interface DeadBackend {
  readonly service: string;
  /** URL, as in the service. */
  readonly backend: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** A place where operators keep routes. */
export interface Source extends Provider<Gathered> {
  /** Traffic showed that a backend is dead: whoever else reads there wants to know. undefined = nobody does. */
  readonly tellDead: ((dead: DeadBackend) => void) | undefined;
}
