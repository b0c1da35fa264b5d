// One stream of a connection, whichever side opened it. What it sends goes through the connection's `Sender`, what it
// gets is handed to its user by the `Receiver`.

import { http2Limits } from "../../config/http2-limits.ts";
import type { ErrorNumber } from "./codes.ts";
import type { FieldSection } from "./field-section.ts";
import type { HpackEncoder } from "./hpack-encoder.ts";
import { readPriority, defaultUrgency } from "./priority.ts";
import type { ReceiveWindow } from "./receive-window.ts";
import type { SendQueue } from "./send-queue.ts";

/** Who speaks on a stream. Buffers and sections are only valid during the call. */
export interface StreamUser {
  /** A field section after the one that began the stream: an answer (interim ones too) to who asked; trailers to both. */
  onFields(section: FieldSection, isEnd: boolean): void;
  onData(buffer: Buffer, start: number, end: number): void;
  /** The peer has ended its side; its last fields and data were delivered. Not called where `onRequest` said so already. */
  onEnd(): void;
  /** Everything of one read has been delivered: write out what was gathered. */
  onFlush(): void;
  /** What was held back for the peer has gone, after `isBacklogged`. */
  onWritable(): void;
  /** Our side has ended, and all of it has been handed to the socket. */
  onSent(): void;
  /**
   * It is over before its end: reset by the peer, by a fault found here, or with the connection. Not called after
   * our own `reset`. The last call, and only if the peer's end and `onSent` have not both been seen.
   * @param isUntouched the peer has not looked at it (REFUSED_STREAM, or beyond the last of a GOAWAY): it may be asked again
   */
  onReset(code: ErrorNumber, isUntouched: boolean): void;
}

/** What a stream needs of its connection. */
export interface StreamOwner {
  fields(stream: Stream, encode: (encoder: HpackEncoder) => void, isEnd: boolean): void;
  data(stream: Stream, buffer: Buffer, start: number, end: number): void;
  text(stream: Stream, text: string): void;
  end(stream: Stream): void;
  reset(stream: Stream, code: ErrorNumber): void;
  /** It takes more again. */
  resumed(stream: Stream): void;
  move(stream: Stream, urgency: number, isIncremental: boolean): void;
  /** Bytes that wait on all streams. */
  readonly backlog: number;
  readonly bufferBytes: number;
}

export class Stream {
  readonly id: number;
  user: StreamUser | null = null;
  /** The peer has ended its side. */
  isPeerEnded = false;
  /** Nothing more can be sent or comes. */
  isClosed = false;
  /** So many bytes of DATA must come, or it is reset (RFC 9113 section 8.1.1); -1 = any number. Counted from the first. */
  expectedBytes = -1;
  readonly #owner: StreamOwner;

  // --- what comes, for the receiver alone ---
  receivedBytes = 0;
  /** The section that its content follows has come. */
  hasFields = false;
  /** null until DATA comes. */
  window: ReceiveWindow | null = null;
  isPaused = false;
  /** It was paused since its window was last opened. */
  wasPaused = false;
  /** Something was delivered in this read. */
  isTouched = false;
  /** Delivered while paused: somebody holds it. */
  heldBytes = 0;
  /** Of that, taken from the connection's window and not given back to it. */
  withheldBytes = 0;

  // --- what goes, for the sender alone ---
  sendWindow: number;
  /** null = nothing waits. */
  queue: SendQueue | null = null;
  /** `sendEnd` was called, or fields with an end. */
  isEnding = false;
  /** END_STREAM stands in the page or has left. */
  isEndWritten = false;
  /** In the page of this serial. */
  endSerial = 0;
  /** All has been handed to the socket. */
  isSent = false;
  wasBacklogged = false;
  /** The last frame that can still be changed: where in the page of this serial it begins. */
  frameAt = 0;
  frameSerial = 0;

  // --- whose turn it is, for the scheduler alone ---
  urgency = defaultUrgency;
  /** Until the peer says otherwise all have their turns. */
  isIncremental = true;
  isScheduled = false;
  isStarved = false;
  next: Stream | null = null;
  previous: Stream | null = null;

  constructor(id: number, owner: StreamOwner, sendWindow: number) {
    this.id = id;
    this.#owner = owner;
    this.sendWindow = sendWindow;
  }

  /** Bytes held back for this stream now. */
  get waitingBytes(): number {
    return this.queue === null ? 0 : this.queue.length;
  }

  /** More than its share waits, for the window or for the socket: wait for `onWritable`. */
  get isBacklogged(): boolean {
    if (this.queue === null || this.queue.length <= this.share) return false;
    this.wasBacklogged = true;
    return true;
  }

  /** What may wait before its writer is told to. */
  get share(): number {
    const { backlog, bufferBytes } = this.#owner;
    return backlog > http2Limits.backlogBytes
      ? Math.min(bufferBytes, http2Limits.frameBytes)
      : bufferBytes;
  }

  /**
   * Sends a field section: HEADERS and, where it is long, CONTINUATION.
   * @param encode called once, at once: writes the fields, pseudo-header fields first
   */
  sendFields(encode: (encoder: HpackEncoder) => void, isEnd: boolean): void {
    if (!this.isClosed && !this.isEnding) this.#owner.fields(this, encode, isEnd);
  }

  /** Copied before it returns. */
  sendData(buffer: Buffer, start: number, end: number): void {
    if (start < end && !this.isClosed && !this.isEnding) this.#owner.data(this, buffer, start, end);
  }

  /** Latin1. */
  sendText(text: string): void {
    if (text !== "" && !this.isClosed && !this.isEnding) this.#owner.text(this, text);
  }

  /** Ends our side after what was sent; the last DATA frame carries END_STREAM where it has not left yet. */
  sendEnd(): void {
    if (!this.isClosed && !this.isEnding) this.#owner.end(this);
  }

  /** Ends it both ways, and drops what waits. Without effect when it is closed. */
  reset(code: ErrorNumber): void {
    if (!this.isClosed) this.#owner.reset(this, code);
  }

  /** The peer gets no more window until `resume`; what it may still send under the window it has is delivered. */
  pause(): void {
    this.isPaused = true;
    this.wasPaused = true;
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    if (!this.isClosed) this.#owner.resumed(this);
  }

  /** RFC 9218: the value of a `Priority` field, "u=3, i". */
  prioritise(value: string): void {
    const { urgency, isIncremental } = readPriority(value);
    this.#owner.move(this, urgency, isIncremental);
  }
}
