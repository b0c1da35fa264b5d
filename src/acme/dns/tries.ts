// A change of the DNS is tried some times, since it may be the network or a service that is just restarted, and all of that ends
// in time. What is tried again has to do no harm when it was done already.

import { setTimeout as pause } from "node:timers/promises";
import { dnsChangeLimits as limits } from "../../config/acme-limits.ts";

/** Why the DNS was not changed, in a sentence. */
export class DnsTrouble extends Error {
  /** It may go well the next time. */
  readonly isPassing: boolean;
  /** When, as it said itself, ms from now. */
  readonly wait: number | undefined;

  constructor(
    message: string,
    { isPassing = false, wait }: { isPassing?: boolean; wait?: number | undefined } = {},
  ) {
    super(message);
    this.name = "DnsTrouble";
    this.isPassing = isPassing;
    this.wait = wait;
  }
}

/** @param who is named when it takes too long */
export async function tried(
  who: string,
  action: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const late = AbortSignal.timeout(limits.total);
  const ending = AbortSignal.any([signal, late]);
  let last: unknown;
  try {
    for (let tries = 1; ; tries += 1) {
      try {
        return await action(ending);
      } catch (error) {
        ending.throwIfAborted();
        last = error;
        const mayPass = error instanceof DnsTrouble && error.isPassing;
        if (!mayPass || tries === limits.tries) throw error;
        const wait = error.wait ?? limits.pause * 2 ** (tries - 1);
        if (wait > limits.longestPause) throw error;
        await pause(wait, undefined, { signal: ending });
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!late.aborted) throw error;
    const seconds = limits.total / 1000;
    const why = last instanceof Error ? `: ${last.message}` : "";
    throw new DnsTrouble(`${who} has not changed the DNS within ${seconds} s${why}`);
  }
}
