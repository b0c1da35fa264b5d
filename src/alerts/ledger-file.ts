// The ledger on the disk. Written after every change, but never twice at once: a storm of changes is a few
// writes. Read once, before anything else happens, and therefore at once.

import { mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Log } from "../lib/log.ts";
import { Warning } from "../lib/warning.ts";
import { emptyLedger, ledgerDataOf } from "./ledger.ts";
import type { LedgerData } from "./ledger.ts";
import { writeSafely } from "./safe-file.ts";

/** As many matters as a ledger holds, each of the longest kind. */
const mostBytes = 128 * 1024 * 1024;

export class LedgerFile {
  readonly #path: string;
  readonly #log: Log;
  readonly #full: Warning;
  #writing: Promise<void> | undefined;
  #isStale = false;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
    const message = "what alerts are open cannot be written to the disk: a restart will not know";
    this.#full = new Warning(message, { file: path }, (text, fields) => log.warn(text, fields));
  }

  read(): LedgerData {
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      if (statSync(this.#path).size > mostBytes) throw new Error("it is too large");
      const data = ledgerDataOf(JSON.parse(readFileSync(this.#path, "utf8")));
      if (data !== undefined) return data;
      throw new Error("it is damaged");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return emptyLedger;
      this.#setAside(reasonOf(error));
      return emptyLedger;
    }
  }

  #setAside(why: string): void {
    const fields = { file: this.#path, why };
    this.#log.warn("what alerts were open cannot be read; it is set aside", fields);
    try {
      renameSync(this.#path, `${this.#path}.broken`);
    } catch {
      // Neither readable nor movable. The next write says what is wrong there.
    }
  }

  /** Writes what `current` says then. Ends when it is on the disk, or could not be written. */
  write(current: () => LedgerData): Promise<void> {
    this.#isStale = true;
    this.#writing ??= this.#writeAll(current).finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeAll(current: () => LedgerData): Promise<void> {
    // What is raised in the same moment goes along.
    await Promise.resolve();
    while (this.#isStale) {
      this.#isStale = false;
      try {
        await writeSafely(this.#path, JSON.stringify(current()));
      } catch (error) {
        // The next change writes all of it again.
        this.#full.raise({ why: reasonOf(error) });
      }
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
