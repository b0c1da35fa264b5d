// What windows of streams may grow by, in all connections of this process and in one of them: a window that was
// granted may have to be held in memory when whoever takes it becomes slow.

import { http2Limits } from "../../config/http2-limits.ts";

let taken = 0;

/** Granted to all connections, bytes. */
export const windowBytesTaken = (): number => taken;

export class WindowBudget {
  readonly #limit: number;
  #taken = 0;

  /** @param limit of this connection */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** By this connection. */
  get taken(): number {
    return this.#taken;
  }

  take(bytes: number): boolean {
    if (this.#taken + bytes > this.#limit) return false;
    if (taken + bytes > http2Limits.processWindowBytes) return false;
    this.#taken += bytes;
    taken += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
    taken -= bytes;
  }
}
