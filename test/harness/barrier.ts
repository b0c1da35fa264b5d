// Waiting without sleeping. `signal` and `barrier` wait for an event; `eventually` is for what cannot be
// awaited (a file another process writes): it asks again until the answer is right or time is up.

import { setTimeout as pause } from "node:timers/promises";

export interface Signal<T> {
  readonly promise: Promise<T>;
  fire(value: T): void;
}

export function signal<T = void>(): Signal<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { promise, fire: resolve };
}

/** Resolves for all callers of `arrive` when the n-th has arrived. */
export function barrier(parties: number): { arrive(): Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let waiting = 0;
  return {
    arrive() {
      waiting += 1;
      if (waiting >= parties) resolve();
      return promise;
    },
  };
}

/** The promise, or a failure that names what was awaited. Leaves no timer behind. */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Calls `probe` until it returns something else than undefined and false. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  ms = 5000,
): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() >= end) throw new Error(`waited ${ms} ms for ${what}`);
    await pause(10);
  }
}
