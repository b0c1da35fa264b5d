// Asking a certificate authority again and again how far it is: as often as it wants, and not for ever.

import { setTimeout as pause } from "node:timers/promises";
import { acmeClientLimits as limits } from "../config/acme-limits.ts";
import { Backoff } from "../lib/backoff.ts";
import { AcmeError } from "./acme-error.ts";

export interface Progress<T> {
  readonly value: T;
  readonly isDone: boolean;
  /** What it says about asking again, ms. */
  readonly wait: number | undefined;
}

export interface PollOptions {
  /** For messages: `Let's Encrypt has not made the certificate`. */
  readonly what: string;
  readonly signal: AbortSignal;
}

/** An authority that does not answer meanwhile is asked again, until time is up. */
export async function poll<T>(
  ask: () => Promise<Progress<T>>,
  { what, signal }: PollOptions,
): Promise<T> {
  const end = performance.now() + limits.pollTimeout;
  const pace = new Backoff(limits.poll);
  for (;;) {
    const progress = await asked(ask, end);
    if (progress.isDone) return progress.value;
    const left = end - performance.now();
    if (left <= 0) {
      const message = `${what} within ${limits.pollTimeout / 60_000} min; it is asked again later`;
      throw new AcmeError("unfinished", message);
    }
    const wait = Math.max(progress.wait ?? pace.next(0), limits.poll.first);
    await pause(Math.min(wait, left), undefined, { signal });
  }
}

type Unknown = { readonly isDone: false; readonly wait: number | undefined };

async function asked<T>(
  ask: () => Promise<Progress<T>>,
  end: number,
): Promise<Progress<T> | Unknown> {
  try {
    return await ask();
  } catch (error) {
    const left = end - performance.now();
    if (!(error instanceof AcmeError) || left <= 0) throw error;
    const wait = error.retryAt === undefined ? undefined : error.retryAt - Date.now();
    const isPassing = error.kind === "unreachable" || error.kind === "rateLimited";
    if (!isPassing || (wait ?? 0) > left) throw error;
    return { isDone: false, wait };
  }
}

/** As `Promise.all`, a few at a time; all come to their end before the first failure is thrown. */
export async function eachOf<T, R>(
  items: readonly T[],
  action: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  const waiting = items.entries();
  const lane = async () => {
    for (const [at, item] of waiting) {
      if (failures.length > 0) return;
      try {
        results[at] = await action(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: limits.atOnce }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}
