// The loop of a provider that is told of changes: an event is only a hint to list again, so that a lost one
// loses nothing. A burst of hints is one listing; the first after a quiet time is answered at once.

import { setTimeout as pause } from "node:timers/promises";
import { discovery } from "../config/provider-limits.ts";
import { Pulse } from "../lib/pulse.ts";

export interface RelistOptions<Word> {
  /** The whole picture as it is now. */
  list(signal: AbortSignal): Promise<Word>;
  /**
   * Calls `changed` at every hint, the first time once it listens, so that nothing changes unseen between
   * listing and listening. Rejects when it cannot listen any longer, which ends the provider.
   */
  watch(changed: () => void, signal: AbortSignal): Promise<void>;
  /** Lists without a hint after so long, ms. */
  readonly every: number;
  /** How long to rest after a listing that took so long, ms; without it one begins per `discovery.quiet`. */
  rest?(took: number): number;
}

/** Ends when the signal is aborted; throws what `list` or `watch` throw. */
export async function* relist<Word>(
  options: RelistOptions<Word>,
  signal: AbortSignal,
): AsyncGenerator<Word> {
  const ending = new AbortController();
  const either = AbortSignal.any([signal, ending.signal]);
  const pulse = new Pulse();
  let failure: { readonly error: unknown } | undefined;
  const watching = options
    .watch(() => pulse.raise(), either)
    .then(() => {
      if (!either.aborted) throw new Error("the stream of events ended");
    })
    .catch((error: unknown) => {
      failure = { error };
      pulse.raise();
    });
  try {
    for (;;) {
      await pulse.wait(options.every, either);
      if (signal.aborted) return;
      if (failure !== undefined) throw failure.error;
      // Before listing: a change during the listing raises it again.
      pulse.clear();
      const startedAt = performance.now();
      yield await options.list(either);
      const took = performance.now() - startedAt;
      const rest = options.rest?.(took) ?? discovery.quiet - took;
      if (rest > 0) await pause(rest, undefined, { signal: either }).catch(() => undefined);
    }
  } catch (error) {
    // Without somebody who listens nothing can be listed either: that is the reason then.
    if (!signal.aborted) throw failure === undefined ? error : failure.error;
  } finally {
    ending.abort();
    await watching;
  }
}
