// Keeps a provider running: one that throws or ends is started again, later each time. What it said last
// stays, as whoever listens sees nothing of it; a provider tells the whole picture when it begins.

import { setTimeout as pause } from "node:timers/promises";
import { providerRestart } from "../config/limits.ts";
import { Backoff, type BackoffSettings } from "../lib/backoff.ts";
import type { Log } from "../lib/log.ts";
import type { Provider } from "./provider.ts";

export interface KeptOptions {
  readonly log: Log;
  readonly restart?: BackoffSettings;
  /** Why it says nothing, a sentence; undefined = it speaks again. */
  readonly onTrouble?: (message: string | undefined) => void;
}

export function kept<Word>(provider: Provider<Word>, options: KeptOptions): Provider<Word> {
  return { name: provider.name, catalogs: (signal) => catalogs(provider, signal, options) };
}

const remedy = "what it said last stays";

async function* catalogs<Word>(
  provider: Provider<Word>,
  signal: AbortSignal,
  { log, restart = providerRestart, onTrouble }: KeptOptions,
): AsyncGenerator<Word> {
  const backoff = new Backoff(restart);
  let trouble: string | undefined;
  while (!signal.aborted) {
    const startedAt = performance.now();
    let end: { readonly error?: unknown } = {};
    let isLeft = false;
    try {
      for await (const update of provider.catalogs(signal)) {
        if (trouble !== undefined) {
          trouble = undefined;
          onTrouble?.(undefined);
          log.info("a provider works again", { provider: provider.name });
        }
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
    const message = "error" in end ? messageOf(end.error) : "it ended by itself";
    // A daemon that stays away is told of once, however often it is asked.
    const isKnown = message === trouble;
    trouble = message;
    if (!isKnown) onTrouble?.(message);
    if (isKnown) {
      log.debug(`a provider still fails; ${remedy}`, { ...fields, cause: message });
    } else if (isFault(end.error)) {
      log.error(`a provider failed; ${remedy}`, { ...fields, error: end.error });
    } else if ("error" in end) {
      log.error(`a provider failed; ${remedy}`, { ...fields, cause: message });
    } else {
      log.warn(`a provider ended by itself; ${remedy}`, fields);
    }
    // Rejects only when aborted, and then the loop ends.
    await pause(wait, undefined, { signal }).catch(() => undefined);
  }
}

/** One of ours, and no daemon that is away: where it happened is of interest. */
function isFault(error: unknown): boolean {
  return (
    error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
