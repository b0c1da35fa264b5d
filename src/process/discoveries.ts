// Keeps the providers of discovery running, as the configuration file wants them, and holds what each said
// last. That survives the daemon behind it, a change of the file, and by the state folder this process too.

import { isDeepStrictEqual } from "node:util";

import { discovery as limits } from "../config/limits.ts";
import type { Discovery } from "../config/discovery.ts";
import type { Finding } from "../config/finding.ts";
import type { ProviderSettings } from "../config/provider-settings.ts";
import type { Log } from "../lib/log.ts";
import { kept } from "../providers/kept.ts";
import type { Discoverer, Found, Power } from "../providers/provider.ts";
import { discovererFor } from "../providers/registry.ts";
import type { DiscoveryMemory } from "./discovery-memory.ts";
import type { Members } from "./idleness.ts";

export interface DiscoveriesOptions {
  readonly log: Log;
  readonly memory: DiscoveryMemory;
  /** What was found has changed; at most once in `discovery.quiet`. */
  onChange(): void;
}

export interface ProviderState {
  readonly name: string;
  readonly kind: string;
  /** `starting` = it has not said anything yet. */
  readonly state: "ok" | "failing" | "starting";
  /** Why it fails; undefined = it does not. */
  readonly trouble: string | undefined;
  /** Of the state, ISO 8601. */
  readonly since: string;
}

interface Watched {
  readonly settings: ProviderSettings;
  readonly discoverer: Discoverer;
  readonly ending: AbortController;
  found: Found | undefined;
  /** Said by a former process, or under other settings. */
  earlier: Discovery | undefined;
  trouble: string | undefined;
  hasSpoken: boolean;
  since: string;
}

export class Discoveries implements Disposable {
  readonly #options: DiscoveriesOptions;
  #watched: readonly Watched[] = [];
  #waiting: (() => void)[] = [];
  #telling: NodeJS.Timeout | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Commands that have not come to an end. */
  readonly #commands = new Set<string>();
  /** Why the latest of a command failed. */
  readonly #failed = new Map<string, string>();

  constructor(options: DiscoveriesOptions) {
    this.#options = options;
  }

  /** Goes over to other settings; what stays the same goes on undisturbed. The most trusted first. */
  update(wanted: readonly ProviderSettings[]): void {
    const before = this.#watched;
    this.#watched = wanted.map((settings) => {
      const old = before.find((each) => each.settings.name === settings.name);
      if (old !== undefined && isDeepStrictEqual(old.settings, settings)) return old;
      return this.#begin(settings, old);
    });
    for (const each of before) if (!this.#watched.includes(each)) each.ending.abort();
  }

  #begin(settings: ProviderSettings, old: Watched | undefined): Watched {
    const { log, memory } = this.#options;
    const isSameSource =
      old !== undefined && isDeepStrictEqual(sourceOf(old.settings), sourceOf(settings));
    const watched: Watched = {
      settings,
      discoverer: discovererFor(settings, { log }),
      ending: new AbortController(),
      found: undefined,
      earlier: isSameSource
        ? (old.found?.discovery ?? old.earlier)
        : memory.recall(settings.name, sourceOf(settings)),
      trouble: undefined,
      hasSpoken: false,
      since: new Date().toISOString(),
    };
    this.#watch(watched).catch((error: unknown) => {
      const cause = error instanceof Error ? error.message : String(error);
      log.error("a provider cannot be kept running", { provider: settings.name, cause });
    });
    return watched;
  }

  async #watch(watched: Watched): Promise<void> {
    const { settings, discoverer, ending } = watched;
    const { log, memory } = this.#options;
    const onTrouble = (message: string | undefined) => {
      watched.trouble = message;
      watched.since = new Date().toISOString();
      this.#speak(watched);
    };
    const provider = kept(discoverer, { log, restart: limits.restart, onTrouble });
    for await (const found of provider.catalogs(ending.signal)) {
      const before = watched.found?.discovery ?? watched.earlier;
      const isNews = !isDeepStrictEqual(before, found.discovery);
      watched.found = found;
      watched.earlier = undefined;
      this.#speak(watched);
      if (!isNews) continue;
      memory.keep(settings.name, sourceOf(settings), found.discovery);
      this.#tell();
    }
  }

  #speak(watched: Watched): void {
    if (watched.hasSpoken) return;
    watched.hasSpoken = true;
    watched.since = new Date().toISOString();
    if (this.#watched.every(({ hasSpoken }) => hasSpoken)) {
      for (const wake of this.#waiting.splice(0)) wake();
    }
  }

  /** At once after a quiet time, and then as seldom as that. */
  #tell(): void {
    if (this.#telling !== undefined) return;
    const wait = Math.max(0, this.#toldAt + limits.quiet - performance.now());
    this.#telling = setTimeout(() => {
      this.#telling = undefined;
      this.#toldAt = performance.now();
      this.#options.onChange();
    }, wait);
  }

  /** Everybody has said something, or why it cannot; or `discovery.firstWord` is over. */
  async ready(): Promise<void> {
    if (this.#watched.every(({ hasSpoken }) => hasSpoken)) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, limits.firstWord);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Nothing counts but what this process has heard itself. */
  forget(): void {
    for (const each of this.#watched) each.earlier = undefined;
  }

  /** Of each it is known what it says, or said before. */
  get isComplete(): boolean {
    return this.#watched.every(
      ({ found, earlier }) => found !== undefined || earlier !== undefined,
    );
  }

  /** What each said last, the most trusted first. */
  get current(): readonly Discovery[] {
    return this.#watched.flatMap(({ found, earlier, settings }) => {
      const discovery = found?.discovery ?? earlier;
      // What an earlier one said was found by other settings: what may be claimed is for these to say.
      return discovery === undefined ? [] : [{ ...discovery, hosts: settings.hosts }];
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
    const owner = this.#watched.find(({ settings }) => service.endsWith(`@${settings.name}`));
    const power = owner?.discoverer.power;
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
    return new Map(this.#watched.flatMap(({ found }) => [...(found?.members ?? [])]));
  }

  get findings(): readonly Finding[] {
    return this.#watched.flatMap(({ found }) => found?.findings ?? []);
  }

  get states(): readonly ProviderState[] {
    return this.#watched.map(({ settings, hasSpoken, trouble, since }) => ({
      name: settings.name,
      kind: settings.kind,
      state: trouble !== undefined ? "failing" : hasSpoken ? "ok" : "starting",
      trouble,
      since,
    }));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#telling);
    for (const { ending } of this.#watched) ending.abort();
    this.#watched = [];
  }
}

/** Where it looks; what was found elsewhere must not live on under its name. */
function sourceOf(settings: ProviderSettings): readonly unknown[] {
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
  endpoint: Extract<ProviderSettings, { kind: "docker" | "podman" }>["endpoint"],
): string {
  return endpoint.kind === "unix" ? endpoint.path : `${endpoint.host}:${endpoint.port}`;
}
