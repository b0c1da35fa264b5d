// All services of a process as they run. They outlive snapshots: one that is in the next snapshot too takes
// over its new settings in place. A change happens whole or not at all: what is new is made first, and what
// is there is touched when nothing can fail any more.

import { isDeepStrictEqual } from "node:util";

import type { Snapshot } from "../config/snapshot.ts";
import { partsOf } from "../config/service-parts.ts";
import type { Service } from "../config/service.ts";
import { Addressed, type AddressedOptions } from "../upstream/addressed.ts";
import type { Guests as Places } from "../config/guest.ts";
import { Guests } from "../guest/guests.ts";
import type { Caps } from "../upstream/caps.ts";
import type { Destination } from "../upstream/destination.ts";
import { Failover } from "../upstream/failover.ts";
import { LiveService, type ServiceOptions } from "../upstream/live-service.ts";
import { Mirror } from "../upstream/mirror.ts";
import { NameLookups } from "../upstream/name-lookups.ts";
import { Served } from "../upstream/served.ts";
import { Split } from "../upstream/split.ts";
import type { Mark, ServiceLoad, StateNews } from "../upstream/state.ts";
import { StateBook } from "../upstream/state-book.ts";
import type { Wheel } from "../lib/wheel.ts";

export interface DestinationsOptions {
  readonly wheel: Wheel;
  readonly caps: Caps;
  onMark(mark: Mark): void;
  onSession(service: string, id: string, backend: string): void;
  onWanted(service: string): void;
  /** `IP:PORT` of name servers that containers are found by; none = the system's. */
  readonly nameServers?: readonly string[];
}

interface Known {
  /** As the snapshot has them; those it was made with may be older and equal. */
  readonly settings: Service;
  readonly destination: Destination;
  /** Services it is made of, as they were when it was made. */
  readonly parts: readonly Destination[];
}

/** What `prepare` made, waiting for `commit` or `undo`: of ten thousand services mostly one. */
export interface Prepared {
  readonly changed: ReadonlyMap<string, Known>;
  readonly removed: ReadonlySet<string>;
  readonly limits: Limits;
  readonly guests: Places;
  /** As it will be. */
  find(name: string): Destination | undefined;
}

type Limits = Snapshot["limits"] & Pick<Snapshot["compat"], "bareLf">;

export class Destinations {
  readonly #options: DestinationsOptions;
  readonly #states = new StateBook();
  /** Outlives snapshots: each start of a container would have everybody asked for again. */
  readonly #names: NameLookups;
  /** Outlive snapshots: what is open of theirs does. */
  readonly #guests = new Guests();
  readonly #known = new Map<string, Known>();
  /** Disposed of while they carried something, which goes on. */
  #leaving: readonly LiveService[] = [];
  #limits: Limits | undefined;
  /** Once there is one, it is the same in every snapshot, unless a fleet has another one. */
  #secret = "";

  constructor(options: DestinationsOptions) {
    this.#options = options;
    this.#names = new NameLookups(options.nameServers);
  }

  /** Throws when the services lead nowhere, or in a circle. */
  prepare(snapshot: Snapshot): Prepared {
    const changed = new Map<string, Known>();
    // Limits are part of how a service talks to its backends.
    const limits = { ...snapshot.limits, bareLf: snapshot.compat.bareLf };
    const isComparable = isDeepStrictEqual(limits, this.#limits);
    const options = this.#serviceOptions(snapshot);
    const making = new Set<string>();
    const { services } = snapshot;
    let stayed = 0;
    const destinationOf = (name: string): Destination => {
      const made = changed.get(name);
      if (made !== undefined) return made.destination;
      const settings = services.get(name);
      if (settings === undefined) throw new Error(`there is no service ${name}`);
      const old = isComparable ? this.#known.get(name) : undefined;
      // Of ten thousand mostly one changes, and the others are the very same objects.
      if (old?.settings === settings && settings.kind === "backends") return old.destination;
      if (making.has(name)) throw new Error(`the service ${name} leads back to itself`);
      making.add(name);
      const each = knownFor(settings, old, all);
      changed.set(name, each);
      return each.destination;
    };
    const all = { ...options, destinationOf, names: this.#names };
    try {
      for (const name of services.keys()) {
        if (this.#known.has(name)) stayed++;
        destinationOf(name);
      }
    } catch (error) {
      this.#disposeOf(changed);
      throw error;
    }
    const isNobodyGone = stayed === this.#known.size;
    const gone = isNobodyGone ? [] : [...this.#known.keys()].filter((each) => !services.has(each));
    const removed = new Set(gone);
    const find = (name: string) =>
      (changed.get(name) ?? (removed.has(name) ? undefined : this.#known.get(name)))?.destination;
    return { changed, removed, limits, guests: snapshot.guests, find };
  }

  #serviceOptions({ limits, compat, secret }: Snapshot): ServiceOptions {
    this.#secret = secret;
    return {
      ...this.#options,
      states: this.#states,
      guests: this.#guests,
      secret: () => this.#secret,
      bufferBytes: limits.bufferBytes,
      limits: {
        headBytes: limits.responseHeadBytes,
        headerCount: limits.headerCount,
        trailerBytes: limits.trailerBytes,
        bareLf: compat.bareLf,
      },
    };
  }

  /** Goes over to what was prepared. */
  commit({ changed, removed, limits, guests }: Prepared): void {
    this.#limits = limits;
    this.#guests.update(guests);
    const replaced: Known[] = [];
    for (const [name, each] of changed) {
      const { settings, destination } = each;
      const old = this.#known.get(name);
      this.#known.set(name, each);
      if (old !== undefined) replaced.push(old);
      if (!(destination instanceof LiveService) || settings.kind !== "backends") continue;
      if (old?.destination !== destination) this.#states.join(name, destination);
      else if (!isSame(old.settings, settings)) destination.update(settings);
    }
    for (const name of removed) {
      const old = this.#known.get(name);
      if (old !== undefined) replaced.push(old);
      this.#known.delete(name);
    }
    const gone = replaced.map((each) => disposeUnless(each, this.#known));
    this.#leaving = [...this.#leaving, ...gone.filter((each) => each !== undefined)].filter(
      isCarrying,
    );
  }

  /** Gives up what was prepared. */
  undo({ changed }: Prepared): void {
    this.#disposeOf(changed);
  }

  #disposeOf(made: ReadonlyMap<string, Known>): void {
    for (const each of made.values()) disposeUnless(each, this.#known);
  }

  get(name: string): Destination | undefined {
    return this.#known.get(name)?.destination;
  }

  get services(): LiveService[] {
    return [...this.#known.values()]
      .map(({ destination }) => destination)
      .filter((each) => each instanceof LiveService);
  }

  /** What each carries, also those that are gone from the configuration and not through. */
  get loads(): ServiceLoad[] {
    this.#leaving = this.#leaving.filter(isCarrying);
    return [...this.services, ...this.#leaving].map(({ loadRow }) => loadRow);
  }

  replaceStates(states: StateNews): void {
    this.#states.replace(states);
  }

  learn(news: StateNews): void {
    this.#states.learn(news);
  }

  endPauses(): void {
    this.#states.endPauses();
  }

  /** Another worker saw a session begin. */
  takeSession(service: string, id: string, backend: string): void {
    const destination = this.get(service);
    if (destination instanceof LiveService) destination.takeSession(id, backend);
  }

  [Symbol.dispose](): void {
    for (const service of this.services) service[Symbol.dispose]();
  }
}

/** The one there is, if it will do. */
function knownFor(settings: Service, old: Known | undefined, options: AddressedOptions): Known {
  const parts = partsOf(settings).map((each) => options.destinationOf(each));
  if (settings.kind === "backends") {
    const isKept = old?.destination instanceof LiveService;
    return {
      settings,
      destination: isKept ? old.destination : new LiveService(settings, options),
      parts,
    };
  }
  const areSameParts =
    old?.parts.length === parts.length && parts.every((each, at) => each === old.parts[at]);
  if (old !== undefined && areSameParts && isSame(old.settings, settings)) {
    return { settings, destination: old.destination, parts };
  }
  return { settings, destination: compoundOf(settings, options), parts };
}

function compoundOf(
  settings: Exclude<Service, { kind: "backends" }>,
  options: AddressedOptions,
): Destination {
  switch (settings.kind) {
    case "split":
      return new Split(settings, options);
    case "failover":
      return new Failover(settings, options);
    case "mirror":
      return new Mirror(settings, options);
    case "addressed":
      return new Addressed(settings, options);
    case "files":
      return new Served(settings, options);
  }
}

/** Where a service was written may move without anything about it changing. */
function isSame(a: Service, b: Service): boolean {
  return a === b || isDeepStrictEqual({ ...a, origin: undefined }, { ...b, origin: undefined });
}

/** Gives the service when it had to be. */
function disposeUnless(
  { settings, destination }: Known,
  kept: ReadonlyMap<string, Known>,
): LiveService | undefined {
  if (!(destination instanceof LiveService)) return undefined;
  if (kept.get(settings.name)?.destination === destination) return undefined;
  destination[Symbol.dispose]();
  return destination;
}

function isCarrying(service: LiveService): boolean {
  return service.isCarrying;
}
