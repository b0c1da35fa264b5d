// Writes frames into a page and the page to the socket, everything of one turn of the event loop in one write. Hot:
// bench/h2-session.ts
//
// The kernel takes nearly every page whole, and TLS encrypts or copies what it is given at once, unless something
// waits before it: then the page is used again. Otherwise it belongs to the socket.

import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

import { giveBackPage, pageBytes, takePage } from "./page.ts";

/** Of a frame's header (RFC 9113 section 4.1). */
const headerBytes = 9;

export class FrameWriter {
  readonly #socket: Socket;
  readonly #isSecure: boolean;
  /** What has been gathered: page[0, length). */
  page: Buffer | null = null;
  length = 0;
  /** Of the page: a frame's place in it is known only as long as this stays. */
  serial = 1;
  /** The socket holds enough: nothing is written until it has drained. */
  isBlocked = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#isSecure = socket instanceof TLSSocket;
  }

  /** Writes the header of a frame and makes room for its payload; returns where that begins. */
  frame(length: number, type: number, flags: number, id: number): number {
    const page = this.#room(headerBytes + length);
    let at = this.length;
    page[at++] = length >>> 16;
    page[at++] = length >>> 8;
    page[at++] = length;
    page[at++] = type;
    page[at++] = flags;
    page[at++] = id >>> 24;
    page[at++] = id >>> 16;
    page[at++] = id >>> 8;
    page[at++] = id;
    this.length = at + length;
    return at;
  }

  /** Bytes that are no frame: the preface. */
  text(text: string): void {
    const page = this.#room(text.length);
    this.length += page.latin1Write(text, this.length, text.length);
  }

  /** A frame whose payload is one number of 32 bits. */
  number(type: number, id: number, value: number): void {
    this.put32(this.frame(4, type, 0, id), value);
  }

  put32(at: number, value: number): void {
    const page = this.page!;
    page[at] = value >>> 24;
    page[at + 1] = value >>> 16;
    page[at + 2] = value >>> 8;
    page[at + 3] = value;
  }

  /** So much fits behind what is there without a write. */
  get roomLeft(): number {
    return this.page === null ? 0 : this.page.length - this.length;
  }

  /** A page with room for so many bytes more. */
  #room(bytes: number): Buffer {
    const page = this.page;
    if (page !== null && page.length - this.length >= bytes) return page;
    if (page !== null && this.length + bytes > pageBytes) this.flush();
    const { length } = this;
    const wanted = length + bytes;
    // Only what may not wait is written while the socket takes nothing; who counts it bounds it.
    const next = takePage(wanted <= pageBytes ? wanted : 2 * wanted);
    if (this.page !== null) {
      this.page.copy(next, 0, 0, length);
      giveBackPage(this.page);
    }
    this.page = next;
    return next;
  }

  /** Hands what was gathered to the socket, unless that is blocked. */
  flush(isForced = false): void {
    const { page, length } = this;
    if (page === null || (this.isBlocked && !isForced)) return;
    const socket = this.#socket;
    const wasEmpty = socket.writableLength === 0;
    this.page = null;
    this.length = 0;
    this.serial++;
    const isTaken = socket.write(length === page.length ? page : page.subarray(0, length));
    const isWaiting = socket.writableLength > 0;
    if (this.#isSecure ? wasEmpty : !isWaiting) giveBackPage(page);
    if (!isTaken && isWaiting) this.isBlocked = true;
  }

  /** Drops what was gathered. */
  discard(): void {
    if (this.page !== null) giveBackPage(this.page);
    this.page = null;
    this.length = 0;
    this.serial++;
  }
}
