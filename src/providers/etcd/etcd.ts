// etcd as a place of routes: everything under the prefix is listed at one revision, and watched from the next
// one on, so nothing is missed. When the watch ends, the next member is asked in the same way; while nobody
// answers, what was known stays.

import type { Note } from "../../config/finding.ts";
import { etcdSource as limits } from "../../config/provider-limits.ts";
import type { EtcdSettings } from "../../config/source-settings.ts";
import type { Log } from "../../lib/log.ts";
import { Items } from "../items.ts";
import type { Gathered, Source } from "../provider.ts";
import { relist } from "../relist.ts";
import { EtcdError } from "../../etcd/etcd-error.ts";
import { follow } from "../../etcd/follow.ts";
import { type Fall, Keyspace } from "../../etcd/keyspace.ts";
import { Layout, withoutNobody } from "./layout.ts";
import { Member } from "../../etcd/member.ts";

export interface EtcdSourceOptions {
  readonly log: Log;
  /** How often all is listed again, ms. */
  readonly verify?: number;
}

export function etcdSource(settings: EtcdSettings, options: EtcdSourceOptions): Source {
  const source = new EtcdSource(settings, options);
  return {
    name: settings.name,
    catalogs: (signal) => source.catalogs(signal),
    tellDead: undefined,
  };
}

class EtcdSource {
  readonly #settings: EtcdSettings;
  readonly #log: Log;
  readonly #verify: number;
  readonly #items: Items;
  readonly #layout: Layout;
  readonly #members: readonly Member[];
  readonly #keys = new Keyspace();
  /** Of the member that was heard last. */
  #at = 0;

  constructor(settings: EtcdSettings, { log, verify = limits.verify }: EtcdSourceOptions) {
    this.#settings = settings;
    this.#log = log;
    this.#verify = verify;
    this.#items = new Items(settings, "etcd");
    this.#layout = new Layout(settings.prefix);
    this.#members = settings.endpoints.map((endpoint) => new Member(settings, endpoint));
  }

  async *catalogs(signal: AbortSignal): AsyncGenerator<Gathered> {
    let failures = 0;
    let compactions = 0;
    while (!signal.aborted) {
      const startedAt = performance.now();
      try {
        yield* this.#follow(signal);
        return;
      } catch (error) {
        // Whatever fails while it is being ended is of no interest.
        if (signal.aborted) return;
        const isSteady = performance.now() - startedAt > limits.steadyAfter;
        if (isSteady) failures = compactions = 0;
        const kind = error instanceof EtcdError ? error.kind : undefined;
        if (kind === "due") continue;
        // Its history was taken away between listing and watching: what is there now counts.
        if (kind === "compacted" && ++compactions <= limits.compactions) continue;
        this.#at = (this.#at + 1) % this.#members.length;
        // All were asked in turn: who keeps us running asks again, later each time.
        if (++failures >= this.#members.length) throw error;
        const cause = error instanceof Error ? error.message : String(error);
        this.#log.warn("a member of etcd is lost; the next one is asked", {
          provider: this.#settings.name,
          cause,
        });
      }
    }
  }

  /** Until something fails, or all is to be listed again. */
  async *#follow(signal: AbortSignal): AsyncGenerator<Gathered> {
    const member = this.#members[this.#at];
    if (member === undefined) throw new Error("there is no member to ask");
    const keys = this.#keys;
    const watch = (changed: () => void, during: AbortSignal) =>
      follow(
        member,
        {
          ...{ keys, every: this.#verify },
          changed: (changes) => {
            if (changes === undefined) this.#listed();
            changed();
          },
        },
        during,
      );
    const list = async () => this.#gather();
    yield* relist({ list, watch, every: 2 * this.#verify }, signal);
  }

  /** What it says now counts, whatever it said before; but whoever misses routes is to know why. */
  #listed(): void {
    const { wentBack } = this.#keys;
    if (wentBack === undefined) return;
    this.#log.warn(fallen(wentBack), { provider: this.#settings.name });
  }

  #gather(): Gathered {
    const { items, notes } = this.#layout.of(this.#keys.entries());
    const { left, wentBack } = this.#keys;
    const more: Note[] = left === 0 ? [] : [tooMany(left)];
    if (wentBack !== undefined) {
      const remedy = "see whether all routes are there";
      more.push({ severity: "warning", about: "", message: fallen(wentBack), remedy });
    }
    const gathered = this.#items.gather(items, [...notes, ...more]);
    return { ...gathered, collection: withoutNobody(gathered.collection) };
  }
}

function fallen({ from, to }: Fall): string {
  return `etcd was at revision ${from} and is at ${to}: it has lost its data, or was restored from a backup; what is there now counts`;
}

function tooMany(left: number): Note {
  const most = limits.bytes / 1024 ** 2;
  const message = `there are more than ${limits.keys} keys, or ${most} MiB of them: ${left} changes were left alone`;
  return { severity: "error", about: "", message, remedy: "use another prefix" };
}
