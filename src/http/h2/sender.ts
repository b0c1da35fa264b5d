// What leaves a connection. Small answers go straight into the page that leaves at the end of the turn; what the
// windows or the socket do not take waits, copied, in the queue of its stream, and leaves in the order of `Scheduler`.
// Hot: bench/h2-session.ts

import type { Socket } from "node:net";

import { http2Limits } from "../../config/http2-limits.ts";
import { Flag, FrameType } from "./codes.ts";
import { FrameWriter } from "./frame-writer.ts";
import { HpackEncoder } from "./hpack-encoder.ts";
import { initialWindow } from "./receive-window.ts";
import { Scheduler } from "./scheduler.ts";
import { laterFields, SendQueue } from "./send-queue.ts";
import type { ErrorNumber } from "./codes.ts";
import type { Stream, StreamOwner } from "./stream.ts";

/** RFC 9113 section 6.9.1. */
const maxWindow = 0x7fff_ffff;
const headerBytes = 9;
/** What every decoder has room for before its settings say otherwise (RFC 9113 section 6.5.2). */
const encoderTableBytes = 4096;

const { frameBytes } = http2Limits;

export interface SenderHost {
  /** Something has been written that leaves at the end of the turn, or may be. */
  wake(): void;
  /** Frames, and bodies in units of 4 kB: work for the budget of floods. */
  worked(amount: number): void;
  reset(stream: Stream, code: ErrorNumber): void;
  resumed(stream: Stream): void;
}

export class Sender implements StreamOwner {
  readonly out: FrameWriter;
  readonly encoder = new HpackEncoder(encoderTableBytes);
  /** Of the connection. */
  window = initialWindow;
  /** Of streams that begin. */
  initialWindow = initialWindow;
  /** Bytes that wait on all streams. */
  backlog = 0;
  readonly bufferBytes: number;
  readonly #host: SenderHost;
  readonly #scheduler = new Scheduler();
  /** Their END_STREAM stands in the page. */
  #ended: Stream[] = [];
  /** Their queues have shrunk, and somebody waits for that. */
  #writable: Stream[] = [];

  constructor(socket: Socket, host: SenderHost, bufferBytes: number) {
    this.out = new FrameWriter(socket);
    this.#host = host;
    this.bufferBytes = bufferBytes;
  }

  // --- from the streams --------------------------------------------------------------------------

  fields(
    stream: Stream,
    encode: (encoder: HpackEncoder) => void,
    isEnd: boolean,
    isFirst = false,
  ): void {
    if (isEnd) stream.isEnding = true;
    // Requests begin in the order of their ids, whatever waits.
    if (!isFirst && (stream.queue !== null || this.out.isBlocked)) {
      this.#queueOf(stream).addFields(laterFields(encode, isEnd));
      this.#schedule(stream);
    } else {
      this.#putFields(stream, encode, isEnd);
      this.#host.wake();
    }
  }

  data(stream: Stream, buffer: Buffer, start: number, end: number): void {
    let at = start;
    if (this.#isFree(stream)) {
      while (at < end && !this.out.isBlocked) {
        const size = Math.min(end - at, frameBytes, stream.sendWindow, this.window);
        if (size <= 0) break;
        const to = this.#makeRoom(stream, size);
        buffer.copy(this.out.page!, to, at, at + size);
        at += size;
      }
      this.#host.wake();
    }
    if (at < end) this.#wait(stream, buffer, at, end);
  }

  text(stream: Stream, text: string): void {
    const { length } = text;
    if (!this.#isFree(stream) || length > Math.min(frameBytes, stream.sendWindow, this.window)) {
      this.data(stream, Buffer.from(text, "latin1"), 0, length);
      return;
    }
    const at = this.#makeRoom(stream, length);
    this.out.page!.latin1Write(text, at, length);
    this.#host.wake();
  }

  end(stream: Stream): void {
    stream.isEnding = true;
    if (stream.queue !== null) return;
    if (this.out.isBlocked) {
      this.#queueOf(stream);
      this.#schedule(stream);
    } else {
      this.#putEnd(stream);
      this.#host.wake();
    }
  }

  /** Nothing waits in front of what this stream writes now. */
  #isFree(stream: Stream): boolean {
    return stream.queue === null && !this.out.isBlocked && this.#scheduler.isEmpty;
  }

  reset(stream: Stream, code: ErrorNumber): void {
    this.#host.reset(stream, code);
  }

  resumed(stream: Stream): void {
    this.#host.resumed(stream);
  }

  move(stream: Stream, urgency: number, isIncremental: boolean): void {
    this.#scheduler.move(stream, urgency, isIncremental);
  }

  /** Forgets what waits on a stream. */
  drop(stream: Stream): void {
    this.#scheduler.remove(stream);
    if (stream.queue === null) return;
    this.backlog -= stream.queue.length;
    stream.queue.clear();
    stream.queue = null;
  }

  /** Forgets everything; streams were dropped before. */
  close(): void {
    this.#scheduler.clear();
    this.#ended = [];
    this.#writable = [];
    this.out.discard();
  }

  // --- from the peer -----------------------------------------------------------------------------

  /** The peer takes more, on one stream or (null) in all. False: more than there can be. */
  open(stream: Stream | null, increment: number): boolean {
    if (stream === null) {
      const wasShut = this.window <= 0;
      this.window += increment;
      if (wasShut && this.window > 0) {
        this.#scheduler.feed();
        if (!this.#scheduler.isEmpty) this.#host.wake();
      }
      return this.window <= maxWindow;
    }
    stream.sendWindow += increment;
    if (stream.queue !== null && stream.sendWindow > 0) this.#schedule(stream);
    return stream.sendWindow <= maxWindow;
  }

  /** The peer has changed what streams begin with: that changes all of them (RFC 9113 section 6.9.2). */
  rebase(size: number, streams: Iterable<Stream>): boolean {
    const change = size - this.initialWindow;
    this.initialWindow = size;
    let isFine = true;
    for (const stream of streams) if (!this.open(stream, change)) isFine = false;
    return isFine;
  }

  // --- out ---------------------------------------------------------------------------------------

  /** Writes what can leave. */
  flush(): void {
    const { out } = this;
    if (out.isBlocked) return;
    const scheduler = this.#scheduler;
    for (let stream = scheduler.next(); stream !== null; stream = scheduler.next()) {
      this.#sendOne(stream);
      if (out.isBlocked) return;
    }
    out.flush();
  }

  /** Streams whose end has been handed to the socket: at once, since the peer may begin others in their place. */
  takeSent(): Stream[] | null {
    const ended = this.#ended;
    const { serial } = this.out;
    if (ended.length === 0 || ended[0]!.endSerial === serial) return null;
    // They are in the order of their pages.
    const kept = ended.findIndex((stream) => stream.endSerial === serial);
    this.#ended = kept < 0 ? [] : ended.splice(kept);
    return ended;
  }

  /** Streams that were backlogged, and are not any more. */
  takeWritable(): Stream[] | null {
    if (this.#writable.length === 0) return null;
    const writable = this.#writable;
    this.#writable = [];
    return writable;
  }

  #schedule(stream: Stream): void {
    this.#scheduler.add(stream);
    if (!this.out.isBlocked) this.#host.wake();
  }

  #queueOf(stream: Stream): SendQueue {
    stream.queue ??= new SendQueue();
    return stream.queue;
  }

  #wait(stream: Stream, buffer: Buffer, start: number, end: number): void {
    this.#queueOf(stream).add(buffer, start, end);
    this.backlog += end - start;
    if (stream.sendWindow > 0) this.#schedule(stream);
  }

  /** One frame of what waits. */
  #sendOne(stream: Stream): void {
    const queue = stream.queue!;
    const { fields } = queue;
    if (fields !== undefined) {
      queue.dropFields();
      this.#putFields(stream, fields.write, fields.isEnd);
    } else if (queue.pieceLength > 0) {
      const size = Math.min(queue.pieceLength, frameBytes, stream.sendWindow, this.window);
      if (size <= 0) {
        if (stream.sendWindow <= 0) this.#scheduler.remove(stream);
        else this.#scheduler.starve(stream);
        return;
      }
      const at = this.#makeRoom(stream, size);
      queue.piece!.copy(this.out.page!, at, queue.position, queue.position + size);
      queue.drop(size);
      this.backlog -= size;
      if (stream.wasBacklogged && queue.length <= stream.share >> 1) {
        stream.wasBacklogged = false;
        this.#writable.push(stream);
      }
    }
    if (!queue.isEmpty) {
      this.#scheduler.rotate(stream);
      return;
    }
    this.#scheduler.remove(stream);
    stream.queue = null;
    if (stream.isEnding && !stream.isEndWritten) this.#putEnd(stream);
  }

  // --- frames ------------------------------------------------------------------------------------

  #putFields(stream: Stream, encode: (encoder: HpackEncoder) => void, isEnd: boolean): void {
    const { encoder, out } = this;
    encoder.begin();
    try {
      encode(encoder);
    } catch (error) {
      // Nothing of it leaves; what it did to the table must not stay.
      encoder.abandon();
      throw error;
    }
    const { bytes, length } = encoder;
    let size = Math.min(length, frameBytes);
    const flags = (isEnd ? Flag.END_STREAM : 0) | (size === length ? Flag.END_HEADERS : 0);
    const at = out.frame(size, FrameType.HEADERS, flags, stream.id);
    bytes.copy(out.page!, at, 0, size);
    // A field section may not be interrupted: with its CONTINUATION it stands in one page, or in two in a row.
    for (let from = size; from < length; from += size) {
      size = Math.min(length - from, frameBytes);
      const isLast = from + size === length;
      const next = out.frame(
        size,
        FrameType.CONTINUATION,
        isLast ? Flag.END_HEADERS : 0,
        stream.id,
      );
      bytes.copy(out.page!, next, from, from + size);
    }
    stream.frameSerial = length <= frameBytes ? out.serial : 0;
    stream.frameAt = at - headerBytes;
    this.#host.worked(1);
    if (isEnd) this.#endWritten(stream);
  }

  /** Takes from the windows, and makes room for so much DATA of a stream; returns where it goes. */
  #makeRoom(stream: Stream, size: number): number {
    const { out } = this;
    stream.sendWindow -= size;
    this.window -= size;
    if (stream.frameSerial === out.serial) {
      const page = out.page!;
      const { frameAt } = stream;
      const length = (page[frameAt + 1]! << 8) | page[frameAt + 2]!;
      const isLast = frameAt + headerBytes + length === out.length;
      // Its last frame stands at the end of the page: it grows.
      if (
        isLast &&
        page[frameAt + 3] === FrameType.DATA &&
        length + size <= frameBytes &&
        out.roomLeft >= size
      ) {
        const at = out.length;
        out.length += size;
        page[frameAt + 1] = (length + size) >>> 8;
        page[frameAt + 2] = length + size;
        return at;
      }
    }
    const at = out.frame(size, FrameType.DATA, 0, stream.id);
    stream.frameSerial = out.serial;
    stream.frameAt = at - headerBytes;
    this.#host.worked(1 + size / 4096);
    return at;
  }

  #putEnd(stream: Stream): void {
    const { out } = this;
    if (stream.frameSerial === out.serial) {
      out.page![stream.frameAt + 4]! |= Flag.END_STREAM;
    } else {
      out.frame(0, FrameType.DATA, Flag.END_STREAM, stream.id);
    }
    this.#endWritten(stream);
  }

  #endWritten(stream: Stream): void {
    stream.isEndWritten = true;
    stream.endSerial = this.out.serial;
    this.#ended.push(stream);
  }
}
