// Gathers what goes to one socket and writes it with as few system calls as it can: a head and the first
// bytes of its body leave together. Hot: bench/head.ts
//
// Received bytes stand in a buffer that the next read overwrites. A string is safe to hand over, since
// Node copies what the kernel does not take at once; a Buffer is not, so large pieces are copied here, into
// one scratch buffer for as long as the kernel takes everything at once, which is nearly always.

import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** Up to here a piece is joined to the text before it: one write of text is cheaper than two pieces. */
const maxTextBytes = 16 * 1024;

/** Nobody reads from it any more once a write has been taken whole. */
let scratch = Buffer.allocUnsafeSlow(64 * 1024);

export class Writer {
  readonly #socket: Socket;
  readonly #isSecure: boolean;
  #text = "";
  /** The kernel did not take everything: stop feeding until the socket drains. */
  isBlocked = false;
  /** Everything waits here, as if the kernel took nothing. See `hold`. */
  isHeld = false;
  /** Bytes that waited when that was last looked at. */
  #waiting = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#isSecure = socket instanceof TLSSocket;
  }

  /** Latin1 text, kept until `flush`. */
  text(text: string): void {
    this.#text += text;
  }

  bytes(buffer: Buffer, start: number, end: number): void {
    if (this.isHeld || end - start + this.#text.length <= maxTextBytes) {
      this.#text += buffer.latin1Slice(start, end);
      return;
    }
    const size = end - start;
    if (size > scratch.length) scratch = Buffer.allocUnsafeSlow(size);
    buffer.copy(scratch, 0, start, end);
    this.#write(scratch.subarray(0, size));
    // Part of it waits for the kernel, and belongs to that write until it is gone.
    if (this.#socket.writableLength > 0) scratch = Buffer.allocUnsafeSlow(64 * 1024);
  }

  /** One chunk of a chunked body; returns its length with the framing. */
  chunk(buffer: Buffer, start: number, end: number): number {
    const size = (end - start).toString(16);
    this.#text += `${size}\r\n`;
    this.bytes(buffer, start, end);
    this.#text += "\r\n";
    return size.length + 4 + end - start;
  }

  /** Hands everything to the socket. False when the kernel did not take it all. */
  flush(): boolean {
    if (this.isHeld) this.isBlocked = true;
    else if (this.#text !== "") {
      const text = this.#text;
      this.#text = "";
      if (!this.#socket.write(text, "latin1") && this.#socket.writableLength > 0)
        this.isBlocked = true;
    }
    if (this.isBlocked) this.#waiting = this.#socket.writableLength;
    return !this.isBlocked;
  }

  /**
   * Like `flush`, but false if anything at all waits; `told` is called when it is gone.
   * @param isRough it need not be known at once: the connection stays, and whoever closes it asks `isWaiting`
   */
  flushAll(told: () => void, isRough = false): boolean {
    this.flush();
    if (this.isHeld) return false;
    if (this.#socket.writableLength === 0) return true;
    // TLS keeps a write for the rest of the turn, also when the kernel has taken all of it, as it nearly always has.
    if (isRough && this.#isSecure && !this.isBlocked) return true;
    // Below its high-water mark the socket tells nobody when it has drained.
    if (!this.isBlocked) this.#socket.write("", "latin1", told);
    this.isBlocked = true;
    this.#waiting = this.#socket.writableLength;
    return false;
  }

  /**
   * Begins or ends to keep everything here. When it ends, what was kept is written.
   * @param told as of `flushAll`; without it as of `flush`
   * @returns true: somebody was told to wait for what has gone out now
   */
  hold(isHeld: boolean, told?: () => void): boolean {
    const wasHeld = this.isHeld;
    this.isHeld = isHeld;
    if (isHeld) return false;
    const isAwaited = wasHeld && this.isBlocked && this.#socket.writableLength === 0;
    if (isAwaited) this.isBlocked = false;
    const isGone = told === undefined ? this.flush() : this.flushAll(told);
    if (isAwaited && isGone) this.isBlocked = true;
    return isAwaited && isGone;
  }

  /** Something waits for the kernel, and nobody has told us that it does not any more. */
  get isStuck(): boolean {
    return this.isBlocked && this.#socket.writableLength > 0;
  }

  /** Something waits, told or not. `hasMoved` compares with what there is now. */
  isWaiting(): boolean {
    this.#waiting = this.#socket.writableLength;
    return this.#waiting > 0;
  }

  /** The kernel took some of what waits since it was last looked at: the reader is slow, but reads. */
  hasMoved(): boolean {
    const waiting = this.#socket.writableLength;
    const hasMoved = waiting < this.#waiting;
    this.#waiting = waiting;
    return hasMoved;
  }

  #write(bytes: Buffer): void {
    const text = this.#text;
    if (text === "") {
      if (!this.#socket.write(bytes) && this.#socket.writableLength > 0) this.isBlocked = true;
      return;
    }
    this.#text = "";
    this.#socket.cork();
    this.#socket.write(text, "latin1");
    this.#socket.write(bytes);
    this.#socket.uncork();
    if (this.#socket.writableNeedDrain && this.#socket.writableLength > 0) this.isBlocked = true;
  }
}
