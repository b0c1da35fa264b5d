// Whether a socket is being read. Pausing one that is paused, or resuming one that is not, does nothing.

import type { Socket } from "node:net";

export class Reading {
  readonly #socket: Socket;
  isPaused = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  pause(): void {
    if (this.isPaused) return;
    this.isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.#socket.resume();
  }
}
