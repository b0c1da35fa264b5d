// Keeps a provider running: one that throws or ends is started again, later each time. What it said last
// stays, as whoever listens sees nothing of it; a provider tells the whole picture when it begins.

import { setTimeout as pause } from "node:timers/promises";
import { providerRestart } from "../config/limits.ts";
import { Backoff, type BackoffSettings } from "../lib/backoff.ts";
import type { Log } from "../lib/log.ts";
import type { Provider, Update } from "./provider.ts";

export interface KeptOptions {
  readonly log: Log;
  readonly restart?: BackoffSettings;
}

export function kept(provider: Provider, options: KeptOptions): Provider {
  return { name: provider.name, catalogs: (signal) => catalogs(provider, signal, options) };
}

async function* catalogs(
  provider: Provider,
  signal: AbortSignal,
  { log, restart = providerRestart }: KeptOptions,
): AsyncGenerator<Update> {
  const backoff = new Backoff(restart);
  const remedy = "what it said last stays";
  while (!signal.aborted) {
    const startedAt = performance.now();
    let end: { readonly error?: unknown } = {};
    let isLeft = false;
    try {
      for await (const update of provider.catalogs(signal)) {
        isLeft = true;
        yield update;
        isLeft = false;
      }
    } catch (error) {
      // Nobody listens any more: it failed while it cleaned up.
      if (isLeft) throw error;
      end = { error };
    }
    if (signal.aborted) return;
    const wait = backoff.next(performance.now() - startedAt);
    const fields = { provider: provider.name, againInMs: wait };
    if ("error" in end) {
      const error = end.error instanceof Error ? end.error : new Error(String(end.error));
      log.error(`a provider failed; ${remedy}`, { ...fields, error });
    } else {
      log.warn(`a provider ended by itself; ${remedy}`, fields);
    }
    // Rejects only when aborted, and then the loop ends.
    await pause(wait, undefined, { signal }).catch(() => undefined);
  }
}
