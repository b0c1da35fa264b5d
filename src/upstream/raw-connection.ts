// One connection to a backend that carries bytes as they come, for one stream from its beginning to its end.
// It is never lent a second time: nobody can know what state the stream before left behind.

import type { Socket } from "node:net";

import { Writer } from "../http/writer.ts";
import { breakOff } from "../lib/break-off.ts";
import type { LeaseOwner, Pooled } from "./pooled.ts";

/** Where a backend's bytes go. */
export interface RawSink {
  /** The bytes are only valid during the call. */
  onBackendBytes(buffer: Buffer, start: number, end: number): void;
  /** The backend sends no more, and still reads. */
  onBackendEnd(): void;
  /** The backend took what had been held back for it. */
  onBackendDrain(): void;
  /** It refused our certificate: nothing has reached it. 'closed' does not follow. @param why a sentence */
  onBackendRefused(why: string): void;
  /** The connection is gone. The last call. */
  onBackendClosed(): void;
}

export class RawConnection implements Pooled {
  readonly socketUser = this;
  readonly address: string;
  idleSince = 0;
  readonly #socket: Socket;
  readonly #owner: LeaseOwner<RawConnection>;
  readonly #writer: Writer;
  #sink: RawSink | null = null;
  #isEnding = false;
  #isClosed = false;

  constructor(socket: Socket, address: string, owner: LeaseOwner<RawConnection>) {
    this.#socket = socket;
    this.address = address;
    this.#owner = owner;
    this.#writer = new Writer(socket);
  }

  /** Begins its stream. Bytes come from the next turn on. */
  begin(sink: RawSink): void {
    this.#sink = sink;
  }

  /** False: the backend is slow, wait for `onBackendDrain`. */
  write(buffer: Buffer, start: number, end: number): boolean {
    this.#writer.bytes(buffer, start, end);
    return this.#writer.flush();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends no more, and still reads. */
  end(): void {
    this.#socket.end();
  }

  /** Closes once what was written has been delivered. Whoever calls it bounds how long that may take. */
  destroySoon(): void {
    if (this.#isClosed || this.#isEnding) return;
    this.#isEnding = true;
    this.#socket.destroySoon();
  }

  /** Closes so that the backend knows that the stream was not complete. */
  breakOff(): void {
    if (!this.#isClosed) breakOff(this.#socket);
    this.destroy();
  }

  destroy(): void {
    this.#sink = null;
    this.onClosed();
  }

  // --- what happens on the socket ------------------------------------------------------------------

  onBytes(buffer: Buffer, start: number, end: number): void {
    if (this.#isEnding) return;
    // Nobody's stream yet. A server that speaks first would say it to whoever came next.
    if (this.#sink === null) this.destroy();
    else this.#sink.onBackendBytes(buffer, start, end);
  }

  onEnd(): void {
    if (this.#sink === null) this.destroy();
    else this.#sink.onBackendEnd();
  }

  onRefused(why: string): void {
    const sink = this.#sink;
    this.destroy();
    sink?.onBackendRefused(why);
  }

  onDrain(): void {
    if (!this.#writer.isBlocked) return;
    this.#writer.isBlocked = false;
    this.#sink?.onBackendDrain();
  }

  onClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const sink = this.#sink;
    this.#sink = null;
    this.#socket.destroy();
    this.#owner.onClosed(this);
    sink?.onBackendClosed();
  }
}
