// All that is asked outside the file: platforms where things run, and places where operators keep routes.

import type { Collection } from "../config/collection.ts";
import type { Discovery } from "../config/discovery.ts";
import type { Finding } from "../config/finding.ts";
import { isPlatform, type ProviderSettings } from "../config/provider-settings.ts";
import type { Log } from "../lib/log.ts";
import type { DeadBackend } from "../providers/provider.ts";
import type { Said } from "../routing/merge.ts";
import { Discoveries } from "./discoveries.ts";
import { ProviderMemory } from "./provider-memory.ts";
import type { ProviderState } from "./provider-set.ts";
import { Sources } from "./sources.ts";

export interface ProvidersOptions {
  readonly log: Log;
  /** What outlives the program is kept there; undefined = nothing does. */
  folder(): string | undefined;
  onChange(): Promise<number>;
  onDead(provider: string, dead: readonly DeadBackend[]): void;
  /** Whether another place of a provider's containers is worth a change. */
  areGuestsNews(provider: string): boolean;
}

export class Providers implements Disposable {
  readonly discoveries: Discoveries;
  readonly sources: Sources;

  constructor({ log, folder, onChange, onDead, areGuestsNews }: ProvidersOptions) {
    const memory = { log, folder };
    const found = new ProviderMemory<Discovery>({ ...memory, name: "found" });
    const kept = new ProviderMemory<Collection>({ ...memory, name: "kept" });
    this.discoveries = new Discoveries({ log, memory: found, onChange, areGuestsNews });
    this.sources = new Sources({ log, memory: kept, onChange, onDead });
  }

  /** Goes over to other settings; what stays the same goes on undisturbed. The most trusted first. */
  update(wanted: readonly ProviderSettings[]): void {
    this.discoveries.update(wanted.filter((each) => isPlatform(each)));
    this.sources.update(wanted.flatMap((each) => (isPlatform(each) ? [] : [each])));
  }

  /** Everybody has said something, or why it cannot; or `discovery.firstWord` is over. */
  async ready(): Promise<void> {
    await Promise.all([this.discoveries.ready(), this.sources.ready()]);
  }

  /** As `ready`; what somebody said earlier counts as well. */
  async known(): Promise<void> {
    await Promise.all([this.discoveries.known(), this.sources.known()]);
  }

  /** @param kept what is kept in the store, which is trusted more than any of these */
  saidWith(kept: Collection): Said {
    return {
      collections: [kept, ...this.sources.current],
      discoveries: this.discoveries.current,
    };
  }

  /** Nothing counts but what this process has heard itself. @returns whether anything else did */
  forget(): boolean {
    const isForgotten = [this.discoveries.forget(), this.sources.forget()];
    return isForgotten.includes(true);
  }

  /** Of each platform it is known what it says, or said before. */
  get isComplete(): boolean {
    return this.discoveries.isComplete;
  }

  get findings(): readonly Finding[] {
    return [...this.sources.findings, ...this.discoveries.findings];
  }

  get states(): readonly ProviderState[] {
    return [...this.sources.states, ...this.discoveries.states];
  }

  [Symbol.dispose](): void {
    this.discoveries[Symbol.dispose]();
    this.sources[Symbol.dispose]();
  }
}
