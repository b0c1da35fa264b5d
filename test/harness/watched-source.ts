// What a source of routes says by itself, word by word, kept running as the program does it.

import type { CommonSettings } from "../../src/config/provider-settings.ts";
import type { Service } from "../../src/config/service.ts";
import type { Log } from "../../src/lib/log.ts";
import { kept } from "../../src/providers/kept.ts";
import type { Gathered, Source } from "../../src/providers/provider.ts";
import { within } from "./barrier.ts";

export interface WatchedSource extends AsyncDisposable {
  readonly words: readonly Gathered[];
  /** Why it says nothing, as often as that changed; undefined = it works again. */
  readonly troubles: readonly (string | undefined)[];
  readonly warnings: readonly string[];
  /** Names in the last word, without what stands behind the @. */
  routes(): readonly string[];
  /** URLs of a service in the last word; undefined = it is not there. */
  backends(service: string): readonly string[] | undefined;
  /** Each note in the last word, with its place. */
  notes(): readonly string[];
  /** Once it is like that. */
  until(what: string, fits: (watch: WatchedSource) => boolean, ms?: number): Promise<void>;
}

export const commonSettings: CommonSettings = {
  name: "kept",
  place: "tidegate.yaml:3",
  hosts: undefined,
  defaults: {
    timeouts: { head: 0, idle: 0, body: 0, connect: 0, response: 0, responseBody: 0, tunnel: 0 },
    maxBody: 0,
    tcpListeners: [],
  },
};

export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};

export function watchSource(make: (log: Log) => Source): WatchedSource {
  const words: Gathered[] = [];
  const troubles: (string | undefined)[] = [];
  const warnings: string[] = [];
  const waiting = new Set<() => void>();
  const told = () => {
    for (const look of waiting) look();
  };
  const warn = (text: string, fields = {}) =>
    void warnings.push(`${text} ${JSON.stringify(fields)}`);
  const log: Log = { ...silentLog, warn };
  const provider = kept(make(log), {
    log,
    restart: { first: 50, longest: 200, forgottenAfter: 60_000 },
    onTrouble(message) {
      troubles.push(message);
      told();
    },
  });
  const ending = new AbortController();
  const run = async () => {
    for await (const word of provider.catalogs(ending.signal)) {
      words.push(word);
      told();
    }
  };
  const running = run();
  const watch: WatchedSource = {
    words,
    troubles,
    warnings,
    routes: () => (words.at(-1)?.collection.routes ?? []).map(({ name }) => plain(name)),
    backends(name) {
      const services: readonly Service[] = words.at(-1)?.collection.services ?? [];
      const found = services.find((each) => plain(each.name) === name);
      return found?.kind === "backends" ? found.backends.map(({ url }) => url) : undefined;
    },
    notes: () =>
      (words.at(-1)?.findings ?? []).flatMap(({ state, notes }) =>
        notes.map(({ about, message }) => `${state}: ${about}: ${message}`),
      ),
    async until(what, fits, ms = 10_000) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = () => {
        if (fits(watch)) resolve();
      };
      waiting.add(look);
      look();
      try {
        await within(promise, ms, what);
      } catch (error) {
        const last = JSON.stringify([
          ...[watch.routes().slice(0, 50), watch.notes().slice(0, 20), troubles.at(-1)],
        ]);
        throw new Error(`${String(error)}; last seen: ${last}`, { cause: error });
      } finally {
        waiting.delete(look);
      }
    },
    async [Symbol.asyncDispose]() {
      ending.abort();
      await within(running, 15_000, "the source to end");
    },
  };
  return watch;
}

function plain(name: string): string {
  return name.replace(/@[^@]*$/, "");
}
