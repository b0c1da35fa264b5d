// The control socket of a running program: opened when it serves, opened anew when somebody removed it, and
// taken over from a predecessor that lost its supervisor and answers there still.

import { existsSync } from "node:fs";

import { askControl } from "../admin/control-client.ts";
import { ControlServer } from "../admin/control-server.ts";
import type { Operations } from "../admin/operations.ts";
import type { Log } from "../lib/log.ts";

/** It runs on this machine, and has little else to do. */
const predecessorWaitMs = 2000;
const checkMs = 5000;

export interface ControlDoorOptions {
  readonly log: Log;
  /** Started by an upgrade: the path is taken from whoever has it. */
  readonly isSuccessor: boolean;
  operations(): Operations;
  isStopping(): boolean;
}

export class ControlDoor {
  readonly #options: ControlDoorOptions;
  #path = "";
  #server: ControlServer | undefined;
  #hasPredecessor = false;

  constructor(options: ControlDoorOptions) {
    this.#options = options;
  }

  get path(): string {
    return this.#path;
  }

  /** Kept from the start, since as another user we might be told another one. */
  set path(path: string) {
    this.#path = path;
  }

  /** Somebody of ours who lost its supervisor answers there. */
  get hasPredecessor(): boolean {
    return this.#hasPredecessor;
  }

  /** Looks for it. */
  async findPredecessor(): Promise<void> {
    const asked = { route: "/v1/status", timeoutMs: predecessorWaitMs };
    const answer = await askControl(this.#path, asked);
    const body = answer.kind === "answer" ? answer.body : undefined;
    this.#hasPredecessor =
      typeof body === "object" && body !== null && Reflect.get(body, "state") === "orphaned";
  }

  /** Says in the log why it cannot. */
  async open(): Promise<void> {
    const { log, isSuccessor, operations, isStopping } = this.#options;
    // One that was told to end meanwhile must not take the path from who stays.
    if (isStopping()) return;
    const path = this.#path;
    try {
      await this.#dismissPredecessor();
      // A successor takes the path from its predecessor, who answers there until then.
      const replace = isSuccessor || this.#hasPredecessor;
      const opening = await ControlServer.open({ path, operations: operations(), log, replace });
      if (opening.kind === "listening") this.#server = opening.server;
      else log.warn("another program answers at the control socket", { path });
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      log.warn("there is no control socket: commands cannot reach this program", { cause });
    }
  }

  /** A socket that somebody removed is opened anew, or no command would ever reach us again. */
  watch(): void {
    const check = setInterval(() => {
      if (this.#options.isStopping()) clearInterval(check);
      // One that could not be opened was told of, and is not tried for ever.
      else if (this.#server !== undefined && !existsSync(this.#path)) void this.#reopen();
    }, checkMs);
    check.unref();
  }

  async #reopen(): Promise<void> {
    const { log } = this.#options;
    log.warn("the control socket was removed; it is opened anew", { path: this.#path });
    await this.close();
    this.#server = undefined;
    this.#hasPredecessor = false;
    await this.open();
  }

  async #dismissPredecessor(): Promise<void> {
    if (!this.#hasPredecessor) return;
    const asked = { route: "/v1/retire", method: "POST", timeoutMs: predecessorWaitMs } as const;
    const answer = await askControl(this.#path, asked);
    const { log } = this.#options;
    const isTold = answer.kind === "answer" && answer.status === 200;
    if (isTold) log.info("took over from a program that had lost its supervisor");
    else log.warn("the program before this one could not be told to leave", { ...answer });
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }
}
