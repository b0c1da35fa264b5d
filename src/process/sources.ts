// Places outside the file where operators keep routes, as the configuration file names them.

import type { Collection } from "../config/collection.ts";
import type { Finding } from "../config/finding.ts";
import type { SourceSettings } from "../config/source-settings.ts";
import type { Log } from "../lib/log.ts";
import type { DeadBackend, Gathered, Source } from "../providers/provider.ts";
import { sourceFor } from "../providers/registry.ts";
import { withCarried } from "./carried-certificates.ts";
import { changedItems } from "./pace.ts";
import type { ProviderMemory } from "./provider-memory.ts";
import { ProviderSet, type ProviderState } from "./provider-set.ts";

export interface SourcesOptions {
  readonly log: Log;
  readonly memory: ProviderMemory<Collection>;
  /** What is kept there has changed; at most once in `discovery.quiet`. */
  onChange(): Promise<number>;
  /** Backends that others who read there found dead; all of them each time, of this provider. */
  onDead(provider: string, dead: readonly DeadBackend[]): void;
}

export class Sources implements Disposable {
  readonly #set: ProviderSet<SourceSettings, Source, Gathered, Collection>;

  constructor({ log, memory, onChange, onDead }: SourcesOptions) {
    this.#set = new ProviderSet<SourceSettings, Source, Gathered, Collection>({
      log,
      memory,
      onChange,
      onWord: ({ name }, { dead }) => onDead(name, dead),
      make: (settings) => sourceFor(settings, { log }),
      saidIn: ({ collection }) => collection,
      carriedOver: withCarried,
      countOf: ({ settings, word, earlier }) => itemsIn(settings, word?.collection ?? earlier),
      itemsChanged: (before, { routes, services, certificates }) =>
        Math.max(
          changedItems(before?.routes ?? [], routes),
          changedItems(before?.services ?? [], services),
          changedItems(before?.certificates ?? [], certificates),
        ),
      sourceOf,
      // A wrong address must not cost the routes: it is the same operator who keeps them at both.
      outlivesMove: true,
    });
  }

  /** Goes over to other settings; what stays the same goes on undisturbed. The most trusted first. */
  update(wanted: readonly SourceSettings[]): void {
    this.#set.update(wanted);
  }

  /** Everybody has said something, or why it cannot; or `discovery.firstWord` is over. */
  ready(): Promise<void> {
    return this.#set.ready();
  }

  /** As `ready`; what somebody said earlier counts as well. */
  known(): Promise<void> {
    return this.#set.known();
  }

  /** Nothing counts but what this process has heard itself. @returns whether anything else did */
  forget(): boolean {
    return this.#set.forget();
  }

  /** What each said last, the most trusted first. */
  get current(): readonly Collection[] {
    return this.#set.all.flatMap((each) => {
      const collection = this.#set.said(each);
      return collection === undefined ? [] : [{ ...collection, hosts: each.settings.hosts }];
    });
  }

  /** Traffic showed it; whoever else reads where it came from wants to know. */
  tellDead(dead: DeadBackend): void {
    const owner = this.#set.all.find(({ settings }) => dead.service.endsWith(`@${settings.name}`));
    owner?.provider.tellDead?.(dead);
  }

  get findings(): readonly Finding[] {
    return this.#set.all.flatMap(({ word }) => word?.findings ?? []);
  }

  get states(): readonly ProviderState[] {
    return this.#set.states;
  }

  [Symbol.dispose](): void {
    this.#set[Symbol.dispose]();
  }
}

function itemsIn({ kind }: SourceSettings, collection: Collection | undefined): number {
  if (collection === undefined) return 0;
  const { routes, streamRoutes, services, overlays, certificates } = collection;
  // One list is a route and its service; elsewhere a service that stands in a route is part of that item.
  if (kind === "hipache") return routes.length + certificates.length;
  const own = services.filter(({ name }) => !name.startsWith("route/"));
  return routes.length + streamRoutes.length + own.length + overlays.length + certificates.length;
}

function sourceOf(settings: SourceSettings): readonly unknown[] {
  switch (settings.kind) {
    case "redis":
      return [settings.kind, settings.server.place, settings.server.database, settings.prefix];
    case "hipache":
      return [settings.kind, settings.read.place, settings.read.database, settings.prefix];
    case "etcd":
      return [settings.kind, settings.endpoints, settings.prefix];
    case "http":
      // The query may hold a key.
      return [settings.kind, settings.url.replace(/[?#].*$/s, "")];
  }
}
