// Keeps providers of one sort running, as the configuration file wants them, and holds what each said last.
// That survives the daemon behind it, a change of the file, and by the state folder this process too.

import { isDeepStrictEqual } from "node:util";

import { discovery as limits } from "../config/provider-limits.ts";
import type { Log } from "../lib/log.ts";
import { kept } from "../providers/kept.ts";
import type { Provider } from "../providers/provider.ts";
import { Pace } from "./pace.ts";
import type { ProviderMemory } from "./provider-memory.ts";

export interface ProviderSetOptions<Settings, Made, Word, Said> {
  readonly log: Log;
  readonly memory: ProviderMemory<Said>;
  /** What is said has changed; at most once in `discovery.quiet`. */
  /** Without it a change counts as one. */
  itemsChanged?(before: Said | undefined, after: Said): number;
  /** Settles when the change is served, or cannot be, with how many routes are served. */
  onChange(): Promise<number>;
  /** Each word, also when it says the same as the one before. */
  onWord?(settings: Settings, word: Word): void;
  /** Whether what it says besides, which is not kept, is worth a change. */
  isMore?(settings: Settings): boolean;
  /** How much it knows. */
  countOf(watched: Watched<Settings, Made, Word, Said>): number;
  make(settings: Settings): Made;
  /** What counts of a word; the rest is for people. */
  saidIn(word: Word): Said;
  /** A word with what is left of the one before, which may be another process's. */
  carriedOver?(before: Said | undefined, word: Word): Word;
  /** Where it looks; what is on disk of elsewhere is not meant. Written to disk: no secrets. */
  sourceOf(settings: Settings): readonly unknown[];
  /** Whether what was said elsewhere stays until something is said at the new place. */
  readonly outlivesMove: boolean;
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
  /** How many containers, virtual machines or items it knows. */
  readonly found: number;
}

export interface Watched<Settings, Made, Word, Said> {
  readonly settings: Settings;
  readonly provider: Made;
  readonly ending: AbortController;
  word: Word | undefined;
  /** Said by a former process, or under other settings. */
  earlier: Said | undefined;
  trouble: string | undefined;
  hasSpoken: boolean;
  since: string;
}

export class ProviderSet<
  Settings extends { readonly name: string; readonly kind: string },
  Made extends Provider<Word>,
  Word,
  Said,
> implements Disposable {
  readonly #options: ProviderSetOptions<Settings, Made, Word, Said>;
  #all: readonly Watched<Settings, Made, Word, Said>[] = [];
  /** Ended by the latest update, which may have to be taken back. */
  #former: readonly Watched<Settings, Made, Word, Said>[] = [];
  /** Each is called whenever somebody has spoken. */
  readonly #waiting = new Set<() => void>();
  #telling: NodeJS.Timeout | undefined;
  readonly #pace = new Pace(limits);

  constructor(options: ProviderSetOptions<Settings, Made, Word, Said>) {
    this.#options = options;
  }

  /** In the order of the configuration. */
  get all(): readonly Watched<Settings, Made, Word, Said>[] {
    return this.#all;
  }

  /** Goes over to other settings; what stays the same goes on undisturbed. The most trusted first. */
  update(wanted: readonly Settings[]): void {
    const before = this.#all;
    const former = this.#former;
    this.#all = wanted.map((settings) => {
      const isMeant = (each: (typeof before)[number]) => each.settings.name === settings.name;
      const old = before.find(isMeant);
      if (old !== undefined && isDeepStrictEqual(old.settings, settings)) return old;
      return this.#begin(settings, [old, former.find(isMeant)]);
    });
    this.#former = before.filter((each) => !this.#all.includes(each));
    for (const { ending } of this.#former) ending.abort();
  }

  /** @param before who had its name before, the latest first */
  #begin(
    settings: Settings,
    before: readonly (Watched<Settings, Made, Word, Said> | undefined)[],
  ): Watched<Settings, Made, Word, Said> {
    const { log, make, sourceOf, outlivesMove } = this.#options;
    const source = sourceOf(settings);
    const known = before.filter((each) => each !== undefined);
    const same = known.find((each) => isDeepStrictEqual(sourceOf(each.settings), source));
    const last = same ?? (outlivesMove ? known[0] : undefined);
    const watched: Watched<Settings, Made, Word, Said> = {
      settings,
      provider: make(settings),
      ending: new AbortController(),
      word: undefined,
      earlier:
        last === undefined ? this.#options.memory.recall(settings.name, source) : this.said(last),
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

  async #watch(watched: Watched<Settings, Made, Word, Said>): Promise<void> {
    const { settings, provider, ending } = watched;
    const { log, memory, saidIn, sourceOf, onWord, carriedOver } = this.#options;
    const onTrouble = (message: string | undefined) => {
      watched.trouble = message;
      watched.since = new Date().toISOString();
      this.#speak(watched);
    };
    const lasting = kept(provider, { log, restart: limits.restart, onTrouble });
    for await (const heard of lasting.catalogs(ending.signal)) {
      const before = this.said(watched);
      const word = carriedOver?.(before, heard) ?? heard;
      const said = saidIn(word);
      const isNews = !isDeepStrictEqual(before, said);
      const isFirst = watched.word === undefined;
      watched.word = word;
      watched.earlier = undefined;
      this.#speak(watched);
      onWord?.(settings, word);
      // The first one may say the same as another place did.
      if (isNews || isFirst) memory.keep(settings.name, sourceOf(settings), said);
      if (isNews) this.#tell(this.#options.itemsChanged?.(before, said) ?? 1);
      else if (this.#options.isMore?.(settings) === true) this.#tell(1);
    }
  }

  /** What it said last, whenever that was. */
  said({ word, earlier }: Watched<Settings, Made, Word, Said>): Said | undefined {
    return word === undefined ? earlier : this.#options.saidIn(word);
  }

  #speak(watched: Watched<Settings, Made, Word, Said>): void {
    if (watched.hasSpoken) return;
    watched.hasSpoken = true;
    watched.since = new Date().toISOString();
    for (const look of this.#waiting) look();
  }

  #tell(items: number): void {
    if (this.#telling !== undefined) return;
    const wait = this.#pace.next(items, performance.now());
    this.#telling = setTimeout(() => void this.#change(), wait);
  }

  async #change(): Promise<void> {
    this.#telling = undefined;
    this.#pace.told(performance.now());
    this.#pace.routes = await this.#options.onChange();
  }

  /** Everybody has said something, or why it cannot; or `discovery.firstWord` is over. */
  ready(): Promise<void> {
    return this.#until(({ hasSpoken }) => hasSpoken);
  }

  /** As `ready`; what somebody said earlier counts as well. */
  known(): Promise<void> {
    return this.#until((each) => each.hasSpoken || this.said(each) !== undefined);
  }

  async #until(isEnough: (each: Watched<Settings, Made, Word, Said>) => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (this.#all.every(isEnough)) resolve();
    };
    const timer = setTimeout(resolve, limits.firstWord);
    this.#waiting.add(look);
    look();
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(look);
  }

  /** Nothing counts but what this process has heard itself. @returns whether anything else did */
  forget(): boolean {
    const remembering = this.#all.filter(({ earlier }) => earlier !== undefined);
    for (const each of remembering) each.earlier = undefined;
    return remembering.length > 0;
  }

  /** Of each it is known what it says, or said before. */
  get isComplete(): boolean {
    return this.#all.every((each) => this.said(each) !== undefined);
  }

  get states(): readonly ProviderState[] {
    return this.#all.map((each) => ({
      name: each.settings.name,
      kind: each.settings.kind,
      state: each.trouble !== undefined ? "failing" : each.hasSpoken ? "ok" : "starting",
      trouble: each.trouble,
      since: each.since,
      found: this.#options.countOf(each),
    }));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#telling);
    for (const { ending } of this.#all) ending.abort();
    this.#all = [];
    this.#former = [];
    for (const look of this.#waiting) look();
    this.#options.memory.flush();
  }
}
