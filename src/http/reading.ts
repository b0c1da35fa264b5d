// Whether a socket is being read. There may be several reasons not to; it is read when none is left.

import type { Socket } from "node:net";

export const Pause = {
  /** Whoever gets the bytes is slow, or not there yet. */
  SINK: 1,
  /** Pipelined bytes wait for their turn. */
  PIPELINE: 2,
} as const;

export type PauseReason = (typeof Pause)[keyof typeof Pause];

export class Reading {
  readonly #socket: Socket;
  #reasons = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get isPaused(): boolean {
    return this.#reasons !== 0;
  }

  pause(reason: PauseReason): void {
    if (this.#reasons === 0) this.#socket.pause();
    this.#reasons |= reason;
  }

  /** Drops one reason. */
  resume(reason: PauseReason): void {
    if ((this.#reasons & reason) === 0) return;
    this.#reasons &= ~reason;
    if (this.#reasons === 0) this.#socket.resume();
  }

  /** Drops all reasons. */
  resumeAll(): void {
    if (this.#reasons === 0) return;
    this.#reasons = 0;
    this.#socket.resume();
  }
}
