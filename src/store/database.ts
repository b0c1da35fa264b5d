// The file of the store, `tidegate.db` in the state folder, and the only connection to it. One program writes
// at a time: it says so in the file, and each of its transactions looks whether that is still so. On a disk
// that is full or read-only it is read all the same, and each transaction tries anew to write.

import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { steps } from "./schema.ts";
import { faultOf, openedToRead, openedToWrite, pragma, preparedFile } from "./store-file.ts";
import { StoreFault, Unwritable } from "./store-fault.ts";

export const storeName = "tidegate.db";

export interface DatabaseOptions {
  /** The state folder. */
  readonly folder: string;
  /** The main process, which a successor has too; and this process. Both in words that no other has. */
  readonly main: string;
  readonly process: string;
  isAlive(process: string): boolean;
}

export class Database implements Disposable {
  readonly path: string;
  readonly #options: DatabaseOptions;
  #sql: DatabaseSync;
  #trouble: string | undefined;
  #epoch = 0;

  /** Makes the file where there is none. Throws StoreFault. */
  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.path = preparedFile(join(options.folder, storeName));
    try {
      this.#sql = this.#writable();
    } catch (error) {
      if (!(error instanceof Unwritable)) throw error;
      this.#sql = this.#readable(error);
      this.#trouble = error.message;
    }
  }

  /** For reading. What writes is a transaction. */
  get sql(): DatabaseSync {
    return this.#sql;
  }

  /** Why it can only be read; undefined = it can be written as far as is known. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  #writable(): DatabaseSync {
    const sql = openedToWrite(this.path);
    try {
      this.#write(sql, () => this.#claim(sql));
      const version = pragma(sql, "user_version");
      if (version < steps.length) {
        const all = [...steps.slice(version), `PRAGMA user_version = ${steps.length}`];
        this.#write(sql, () => sql.exec(all.join(";\n")));
      }
      return sql;
    } catch (error) {
      sql.close();
      throw error;
    }
  }

  /** @param why it cannot be written; what is to be told when it cannot even be read */
  #readable(why: Unwritable): DatabaseSync {
    let sql: DatabaseSync;
    try {
      sql = openedToRead(this.path);
    } catch {
      throw why;
    }
    try {
      this.#mustBeFree(holderIn(sql));
      return sql;
    } catch (error) {
      sql.close();
      throw faultOf(this.path, error);
    }
  }

  /** All or nothing, and on the disk when it returns. Throws StoreFault when nothing was written. */
  transaction<T>(work: (sql: DatabaseSync) => T): T {
    if (!this.#sql.isOpen)
      throw new StoreFault("the program ends, and writes no more to its store");
    if (this.#trouble !== undefined) this.#tryAgain();
    const sql = this.#sql;
    return this.#write(sql, () => {
      this.#mustHold(sql);
      return work(sql);
    });
  }

  #tryAgain(): void {
    const sql = this.#writable();
    this.#sql.close();
    this.#sql = sql;
    this.#trouble = undefined;
  }

  #write<T>(sql: DatabaseSync, work: () => T): T {
    try {
      sql.exec("BEGIN IMMEDIATE");
      const result = work();
      sql.exec("COMMIT");
      return result;
    } catch (error) {
      rollBack(sql);
      throw faultOf(this.path, error, "written");
    }
  }

  // --- who writes ----------------------------------------------------------------------------------

  #claim(sql: DatabaseSync): void {
    const { main, process } = this.#options;
    const holder = holderIn(sql);
    this.#mustBeFree(holder);
    this.#epoch = Math.max(holder?.epoch ?? 0, this.#epoch) + 1;
    sql
      .prepare("INSERT OR REPLACE INTO holder (id, main, process, epoch) VALUES (1, ?, ?, ?)")
      .run(main, process, this.#epoch);
  }

  #mustBeFree(holder: Holder | undefined): void {
    const { main, isAlive } = this.#options;
    if (holder === undefined || holder.main === main || !isAlive(holder.main)) return;
    const [pid = ""] = holder.main.split(" ");
    throw new StoreFault(
      `${this.path} is in use by another Tidegate, process ${pid}: stop that one, or give this one a stateFolder of its own`,
    );
  }

  /** A successor takes over as soon as it starts; when it came to nothing, it is us again. */
  #mustHold(sql: DatabaseSync): void {
    const holder = holderIn(sql);
    if (holder?.epoch === this.#epoch) return;
    const { main, isAlive } = this.#options;
    if (holder === undefined || (holder.main === main && !isAlive(holder.process))) {
      this.#claim(sql);
      return;
    }
    throw new StoreFault(
      "a newer process has taken over the store of this one; ask again in a moment",
    );
  }

  /** Somebody else may have it then. */
  [Symbol.dispose](): void {
    if (!this.#sql.isOpen) return;
    try {
      this.#sql.prepare("DELETE FROM holder WHERE epoch = ?").run(this.#epoch);
    } catch {
      // Who comes next sees that this process is gone.
    }
    this.#sql.close();
  }
}

function holderIn(sql: DatabaseSync): Holder | undefined {
  const row = sql.prepare("SELECT main, process, epoch FROM holder").get();
  if (row === undefined) return undefined;
  return {
    main: String(row["main"]),
    process: String(row["process"]),
    epoch: Number(row["epoch"]),
  };
}

function rollBack(sql: DatabaseSync): void {
  try {
    // When the disk is full it was done already.
    if (sql.isTransaction) sql.exec("ROLLBACK");
  } catch {
    // The next transaction says what is the matter with the file; of this one nothing stays either way.
  }
}

interface Holder {
  readonly main: string;
  readonly process: string;
  readonly epoch: number;
}
