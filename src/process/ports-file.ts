// Where the program listens, in a file, for whoever started it with any free port.

import { existsSync, renameSync, writeFileSync } from "node:fs";

import type { Log } from "../lib/log.ts";
import type { BoundAddress } from "../listen/listening-socket.ts";

type Bound = Readonly<Record<string, readonly BoundAddress[]>>;

export class PortsFile {
  /** undefined = nobody wants it. */
  readonly #path: string | undefined;
  readonly #log: Log;
  /** As written last. */
  #text = "";

  constructor(path: string | undefined, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** By a rename: whoever waits for the file must not read half of it. */
  write(listeners: Bound, others: Bound): void {
    const path = this.#path;
    if (path === undefined) return;
    // A listener of that name goes first.
    const text = JSON.stringify({ ...others, ...listeners });
    // Some file systems wait for the disk when a file is replaced, and routes change often.
    if (text === this.#text && existsSync(path)) return;
    try {
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
      this.#text = text;
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      this.#log.error("the ports file cannot be written", { cause });
    }
  }
}
