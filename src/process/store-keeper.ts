// The store of the running program: open, or a sentence why it is not. Without it everything is served as the
// other sources say, and nothing can be changed; it is tried again whenever somebody wants it.

import { readStatus } from "../admin/answers.ts";
import { askControl } from "../admin/control-client.ts";
import type { Log } from "../lib/log.ts";
import { Database } from "../store/database.ts";
import { Store } from "../store/store.ts";
import { identityOf } from "./process-identity.ts";

/** It runs on this machine, and has little else to do. */
const predecessorWaitMs = 2000;

export class StoreKeeper implements Disposable {
  readonly #log: Log;
  #database: Database | undefined;
  #store: Store | undefined;
  #folder: string | undefined;
  #main = "";
  #trouble: string | undefined = "the store is not open yet; ask again in a moment";

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * @param folder undefined = there is no state folder
   * @param mainPid of the process that stays the same over an upgrade
   */
  open(folder: string | undefined, mainPid: number): void {
    this.#folder = folder;
    this.#main = nameOf(mainPid);
    if (folder === undefined) {
      this.#trouble = "there is no store, since there is no state folder: set stateFolder";
    } else {
      this.#open(folder);
    }
  }

  /** What was in the way may be gone. @returns whether there is one now, and was none */
  retry(): boolean {
    if (this.#folder !== undefined && this.#store === undefined) {
      this.#open(this.#folder);
      return this.#store !== undefined;
    }
    if (this.#database?.trouble !== undefined) tryToWrite(this.#database);
    return false;
  }

  /**
   * An upgrade must not lose routes that the process before us serves: without our store we leave it to that one,
   * if it has the store. Throws then. @param control where it answers
   */
  async mustKeepUp(control: string): Promise<void> {
    if (this.#store !== undefined) return;
    const answer = await askControl(control, {
      route: "/v1/status",
      timeoutMs: predecessorWaitMs,
    });
    const before = answer.kind === "answer" ? readStatus(answer.body) : undefined;
    if (before === undefined || before.store !== undefined) return;
    throw new Error(`the new process cannot use the store that the old one has: ${this.#trouble}`);
  }

  #open(folder: string): void {
    const names = { main: this.#main, process: nameOf(process.pid) };
    let database: Database | undefined;
    try {
      database = new Database({ folder, ...names, isAlive });
      this.#store = new Store(database);
      this.#database = database;
      this.#trouble = undefined;
      this.#tell("the store can be read, and nothing in it can be changed", database.trouble);
    } catch (error) {
      database?.[Symbol.dispose]();
      const cause = error instanceof Error ? error.message : String(error);
      const message =
        "without its store: routes that are kept there are not served, and none can be changed";
      if (cause !== this.#trouble) this.#tell(message, cause);
      this.#trouble = cause;
    }
  }

  #tell(message: string, cause: string | undefined): void {
    if (cause !== undefined) this.#log.error(message, { cause });
  }

  get store(): Store | undefined {
    return this.#store;
  }

  /** For what else is kept there. */
  get database(): Database | undefined {
    return this.#database;
  }

  /** Why there is no store, or none that can be written; undefined = nothing is known to be wrong. */
  get trouble(): string | undefined {
    return this.#trouble ?? this.#database?.trouble;
  }

  /** Somebody else may have it then; what is served stays. */
  [Symbol.dispose](): void {
    this.#trouble = "the program ends, and changes nothing any more";
    this.#folder = undefined;
    this.#store = undefined;
    this.#database?.[Symbol.dispose]();
    this.#database = undefined;
  }
}

/** Every transaction tries by itself; this one changes nothing. */
function tryToWrite(database: Database): void {
  try {
    database.transaction(() => undefined);
  } catch {
    // It still says why not.
  }
}

/** Where the system does not tell when a process began, its id has to do. */
function nameOf(pid: number): string {
  return identityOf(pid) ?? String(pid);
}

function isAlive(name: string): boolean {
  const pid = Number(name.split(" ")[0]);
  if (name.includes(" ")) return identityOf(pid) === name;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
