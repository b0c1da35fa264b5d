// Warnings about how things are, which are looked at again and again: each is logged when it appears, and
// again only when it was gone in between. A Redis full of rubbish must not fill the log as well.

import type { Log, LogFields } from "../lib/log.ts";

export interface Fault {
  readonly message: string;
  readonly fields: LogFields;
}

/** Told one by one when they appear together: whoever has more reads the first ones. */
const mostAtOnce = 100;

export class LoggedOnce {
  readonly #log: Log;
  #known: ReadonlySet<string> = new Set();

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param faults all there are now */
  tell(faults: readonly Fault[]): void {
    const now = new Set<string>();
    let count = 0;
    for (const { message, fields } of faults) {
      const key = JSON.stringify([message, fields]);
      const isNew = !this.#known.has(key) && !now.has(key);
      now.add(key);
      if (isNew && ++count <= mostAtOnce) this.#log.warn(message, fields);
    }
    const more = count - mostAtOnce;
    if (more > 0) this.#log.warn("there are more of these, too many for a log", { more });
    this.#known = now;
  }
}
