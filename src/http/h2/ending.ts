// The end of a connection on our side: a FIN behind what was written, and reading on for a while, since the answer to
// bytes that nobody reads is a reset, which would eat our GOAWAY.

import type { Socket } from "node:net";

import { http2Limits } from "../../config/http2-limits.ts";
import { Deadline, type Deadlined, type Wheel } from "../../lib/wheel.ts";

export class Ending implements Deadlined {
  readonly #socket: Socket;
  readonly #wheel: Wheel;
  readonly #deadline = new Deadline(this);
  #bytesLeft: number = http2Limits.lingerBytes;
  /** Bytes that waited for a slow reader when that was last looked at. */
  #waiting: number;

  /** @param isGentle the peer has done nothing wrong: what was answered last may still be on its way to a slow reader */
  constructor(socket: Socket, wheel: Wheel, isGentle: boolean) {
    this.#socket = socket;
    this.#wheel = wheel;
    socket.end();
    this.#waiting = socket.writableLength;
    const isRead = isGentle && this.#waiting > 0;
    wheel.arm(this.#deadline, isRead ? http2Limits.slowTime : http2Limits.lingerTime);
  }

  onBytes(count: number): void {
    this.#bytesLeft -= count;
    if (this.#bytesLeft < 0) this.finish();
  }

  onDeadline(): void {
    const waiting = this.#socket.writableLength;
    // The last answers are still being read, slowly.
    if (waiting > 0 && waiting < this.#waiting)
      this.#wheel.arm(this.#deadline, http2Limits.lingerTime);
    else this.finish();
    this.#waiting = waiting;
  }

  finish(): void {
    this.#wheel.release(this.#deadline);
    this.#socket.destroy();
  }
}
