// Warnings about how things are, which are looked at again and again: each is logged when it appears, and
// again only when it was gone in between.

import type { Log, LogFields } from "../lib/log.ts";

export interface Fault {
  readonly message: string;
  readonly fields: LogFields;
}

export class LoggedOnce {
  readonly #log: Log;
  #known: ReadonlySet<string> = new Set();

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param faults all there are now */
  tell(faults: readonly Fault[]): void {
    const now = new Set<string>();
    for (const { message, fields } of faults) {
      const key = JSON.stringify([message, fields]);
      if (!this.#known.has(key) && !now.has(key)) this.#log.warn(message, fields);
      now.add(key);
    }
    this.#known = now;
  }
}
