// What runs on the platforms that the configuration file names: who is found there, and how those who sleep
// until a request comes are started and stopped.

import { isDeepStrictEqual } from "node:util";
import type { Discovery } from "../config/discovery.ts";
import type { Finding } from "../config/finding.ts";
import type { GuestPlace } from "../config/guest.ts";
import type { PlatformSettings } from "../config/provider-settings.ts";
import type { Log } from "../lib/log.ts";
import type { Discoverer, Found, Power } from "../providers/provider.ts";
import { discovererFor } from "../providers/registry.ts";
import type { Members } from "./idleness.ts";
import type { ProviderMemory } from "./provider-memory.ts";
import { ProviderSet, type ProviderState } from "./provider-set.ts";

export interface DiscoveriesOptions {
  readonly log: Log;
  readonly memory: ProviderMemory<Discovery>;
  /** What was found has changed; at most once in `discovery.quiet`. */
  onChange(): Promise<number>;
  /** Whether another place of a provider's containers is worth a change. */
  areGuestsNews(provider: string): boolean;
}

/** Where containers were when it was said last, which outlives the daemon but not this process. */
interface Places {
  readonly source: readonly unknown[];
  readonly guests: ReadonlyMap<string, GuestPlace>;
}

export class Discoveries implements Disposable {
  readonly #options: DiscoveriesOptions;
  readonly #set: ProviderSet<PlatformSettings, Discoverer, Found, Discovery>;
  /** Commands that have not come to an end. */
  readonly #commands = new Set<string>();
  /** Why the latest of a command failed. */
  readonly #failed = new Map<string, string>();
  /** By provider. */
  readonly #places = new Map<string, Places>();

  constructor(options: DiscoveriesOptions) {
    this.#options = options;
    this.#set = new ProviderSet({
      log: options.log,
      memory: options.memory,
      onChange: () => options.onChange(),
      make: (settings) => discovererFor(settings, { log: options.log }),
      saidIn: ({ discovery }) => discovery,
      onWord: (settings, { guests }) =>
        void this.#places.set(settings.name, { source: sourceOf(settings), guests }),
      isMore: ({ name }) => options.areGuestsNews(name),
      countOf: ({ word }) => word?.findings.length ?? 0,
      sourceOf,
      // Those who run there are others.
      outlivesMove: false,
    });
  }

  /** Goes over to other settings; what stays the same goes on undisturbed. The most trusted first. */
  update(wanted: readonly PlatformSettings[]): void {
    this.#set.update(wanted);
    const sources = new Map(wanted.map((each) => [each.name, sourceOf(each)]));
    for (const [name, { source }] of this.#places) {
      // What runs elsewhere under that name is somebody else.
      if (!isDeepStrictEqual(sources.get(name), source)) this.#places.delete(name);
    }
  }

  /** Where a provider found its containers; undefined = this process has not heard it yet. */
  guestsOf(provider: string): ReadonlyMap<string, GuestPlace> | undefined {
    return this.#places.get(provider)?.guests;
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

  /** Of each it is known what it says, or said before. */
  get isComplete(): boolean {
    return this.#set.isComplete;
  }

  /** What each said last, the most trusted first. */
  get current(): readonly Discovery[] {
    return this.#set.all.flatMap((each) => {
      const discovery = this.#set.said(each);
      // What an earlier one said was found by other settings: what may be claimed is for these to say.
      return discovery === undefined ? [] : [{ ...discovery, hosts: each.settings.hosts }];
    });
  }

  // --- start and stop on demand --------------------------------------------------------------------

  /** A request came for a service that nobody is up for. */
  start(service: string): void {
    this.#command(service, "start", "started, since a request came");
  }

  /** It has been idle for long enough. */
  stop(service: string): void {
    this.#command(service, "stop", "stopped, since no request came");
  }

  /** Each worker that has somebody waiting says so again and again; one command at a time is enough. */
  #command(service: string, command: keyof Power, outcome: string): void {
    const owner = this.#set.all.find(({ settings }) => service.endsWith(`@${settings.name}`));
    const power = owner?.provider.power;
    const key = `${command} ${service}`;
    if (power === undefined || this.#commands.has(key)) return;
    this.#commands.add(key);
    const { log } = this.#options;
    power[command](service)
      .then(
        (count) => {
          // They may have been told to already, or by somebody else.
          if (count === 0) return;
          this.#failed.delete(key);
          log.info(outcome, { service });
        },
        (error: unknown) => {
          const cause = error instanceof Error ? error.message : String(error);
          const isKnown = this.#failed.get(key) === cause;
          this.#remember(key, cause);
          if (isKnown) log.debug(`still cannot ${command} what serves this`, { service, cause });
          else log.error(`cannot ${command} what serves this`, { service, cause });
        },
      )
      .finally(() => this.#commands.delete(key));
  }

  #remember(key: string, cause: string): void {
    const { members } = this;
    for (const each of this.#failed.keys()) {
      if (!members.has(each.slice(each.indexOf(" ") + 1))) this.#failed.delete(each);
    }
    this.#failed.set(key, cause);
  }

  /** Containers of each service, by id. */
  get members(): Members {
    return new Map(this.#set.all.flatMap(({ word }) => [...(word?.members ?? [])]));
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

/** Where it looks; what was found elsewhere must not live on under its name. */
function sourceOf(settings: PlatformSettings): readonly unknown[] {
  switch (settings.kind) {
    case "docker":
    case "podman":
      return [settings.kind, endpointOf(settings.endpoint)];
    case "lxc":
      return [settings.kind, ...settings.paths];
    case "incus":
    case "lxd":
      return [settings.kind, settings.socket];
    case "libvirt":
      return [settings.kind, ...settings.uris];
  }
}

/** Without its keys: this is written to disk. */
function endpointOf(
  endpoint: Extract<PlatformSettings, { kind: "docker" | "podman" }>["endpoint"],
): string {
  return endpoint.kind === "unix" ? endpoint.path : `${endpoint.host}:${endpoint.port}`;
}
