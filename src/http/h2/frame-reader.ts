// Cuts received bytes into frames (RFC 9113 section 4.1). DATA is handed on in the pieces it comes in; other payloads
// are gathered only where they do not stand whole in what was read. Frames of unknown types are skipped. Hot:
// bench/h2-session.ts

import { Flag, FrameType } from "./codes.ts";

const headerBytes = 9;

/** Buffers are only valid during the calls. */
export interface FrameSink {
  /** Nothing more is wanted. */
  readonly isStopped: boolean;
  /** A header is here. False: it may not come so, and the connection has been ended. */
  onHeader(type: number, flags: number, id: number, length: number): boolean;
  /** A whole frame other than DATA. */
  onFrame(
    type: number,
    flags: number,
    id: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void;
  onDataBegin(id: number, flags: number, length: number): void;
  onData(buffer: Buffer, start: number, end: number): void;
  onDataEnd(): void;
  /** A padding is as long as its frame or longer, or there is no room for its length. */
  onBadPadding(hasNoRoom: boolean): void;
}

export class FrameReader {
  readonly #sink: FrameSink;
  /** The beginning of a frame, header included, of which the rest has not come. */
  #kept: Buffer | null = null;
  #keptLength = 0;
  /** Inside a DATA frame. */
  #isData = false;
  /** The length of its padding comes next. */
  #isPadLength = false;
  #contentLeft = 0;
  /** Bytes to pass over: padding, or an unknown frame. */
  #skipLeft = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** In the middle of a frame. */
  get isPartial(): boolean {
    return this.#kept !== null || this.#isData || this.#skipLeft > 0;
  }

  read(buffer: Buffer, start: number, end: number): void {
    const sink = this.#sink;
    let at = start;
    if (this.#kept !== null) at = this.#complete(buffer, at, end);
    while (at < end && !sink.isStopped) {
      if (this.#isData || this.#skipLeft > 0) {
        at = this.#passOn(buffer, at, end);
        continue;
      }
      if (end - at < headerBytes) return this.#keep(buffer, at, end, headerBytes);
      const length = (buffer[at]! << 16) | (buffer[at + 1]! << 8) | buffer[at + 2]!;
      const type = buffer[at + 3]!;
      const flags = buffer[at + 4]!;
      const id = idAt(buffer, at + 5);
      if (!sink.onHeader(type, flags, id, length)) return;
      const payload = at + headerBytes;
      if (this.#isStreamed(type, flags, id, length)) {
        at = payload;
      } else {
        if (end - payload < length) return this.#keep(buffer, at, end, headerBytes + length);
        sink.onFrame(type, flags, id, buffer, payload, payload + length);
        at = payload + length;
      }
    }
  }

  /** Begins what is not gathered: DATA, and what nobody knows. */
  #isStreamed(type: number, flags: number, id: number, length: number): boolean {
    if (type === FrameType.DATA) {
      this.#beginData(flags, id, length);
      return true;
    }
    if (type <= FrameType.CONTINUATION || type === FrameType.PRIORITY_UPDATE) return false;
    this.#skipLeft = length;
    return true;
  }

  #beginData(flags: number, id: number, length: number): void {
    const sink = this.#sink;
    sink.onDataBegin(id, flags, length);
    if (sink.isStopped) return;
    this.#contentLeft = length;
    this.#isPadLength = (flags & Flag.PADDED) !== 0;
    if (this.#isPadLength && length === 0) sink.onBadPadding(true);
    else if (length === 0) sink.onDataEnd();
    else this.#isData = true;
  }

  #passOn(buffer: Buffer, start: number, end: number): number {
    let at = start;
    if (this.#isPadLength) {
      const padding = buffer[at++]!;
      this.#isPadLength = false;
      this.#contentLeft -= 1 + padding;
      if (this.#contentLeft < 0) {
        this.#sink.onBadPadding(false);
        return end;
      }
      this.#skipLeft = padding;
    }
    const content = Math.min(this.#contentLeft, end - at);
    if (content > 0) {
      this.#contentLeft -= content;
      this.#sink.onData(buffer, at, at + content);
      at += content;
    }
    if (this.#contentLeft > 0) return at;
    const skipped = Math.min(this.#skipLeft, end - at);
    this.#skipLeft -= skipped;
    if (this.#isData && this.#skipLeft === 0) {
      this.#isData = false;
      if (!this.#sink.isStopped) this.#sink.onDataEnd();
    }
    return at + skipped;
  }

  #keep(buffer: Buffer, start: number, end: number, bytes: number): void {
    this.#kept = Buffer.allocUnsafe(bytes);
    this.#keptLength = buffer.copy(this.#kept, 0, start, end);
  }

  /** Goes on with what was kept; returns where the rest begins. */
  #complete(buffer: Buffer, start: number, end: number): number {
    const sink = this.#sink;
    let at = this.#fill(buffer, start, end, headerBytes);
    if (this.#keptLength < headerBytes) return at;
    let kept = this.#kept!;
    const length = (kept[0]! << 16) | (kept[1]! << 8) | kept[2]!;
    const type = kept[3]!;
    const flags = kept[4]!;
    const id = idAt(kept, 5);
    // Only the header was kept: it is looked at now.
    if (kept.length === headerBytes) {
      this.#kept = null;
      if (!sink.onHeader(type, flags, id, length)) return end;
      if (this.#isStreamed(type, flags, id, length)) return at;
      this.#kept = Buffer.allocUnsafe(headerBytes + length);
      kept.copy(this.#kept);
      kept = this.#kept;
    }
    at = this.#fill(buffer, at, end, headerBytes + length);
    if (this.#keptLength < headerBytes + length) return at;
    this.#kept = null;
    sink.onFrame(type, flags, id, kept, headerBytes, headerBytes + length);
    return at;
  }

  /** Adds to what is kept until it has so many bytes; returns where the rest begins. */
  #fill(buffer: Buffer, start: number, end: number, bytes: number): number {
    const missing = Math.min(bytes - this.#keptLength, end - start);
    if (missing <= 0) return start;
    buffer.copy(this.#kept!, this.#keptLength, start, start + missing);
    this.#keptLength += missing;
    return start + missing;
  }
}

/** The identifier's first bit is not part of it. */
function idAt(buffer: Buffer, at: number): number {
  return (
    ((buffer[at]! & 0x7f) << 24) |
    (buffer[at + 1]! << 16) |
    (buffer[at + 2]! << 8) |
    buffer[at + 3]!
  );
}
