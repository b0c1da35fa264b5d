// What comes on a connection: frames are held to RFC 9113, counted where they may be a flood, and become calls of the
// connection's and the streams' users. Hot: bench/h2-session.ts

import { type FloodKind, http2Limits } from "../../config/http2-limits.ts";
import { KeptBytes } from "../../lib/kept-bytes.ts";
import { Credit, type CreditHost } from "./credit.ts";
import { ErrorCode, type ErrorNumber, Flag, FrameType, preface } from "./codes.ts";
import { FieldSection } from "./field-section.ts";
import { type FrameSink, FrameReader } from "./frame-reader.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import type { PeerSettings } from "./peer-settings.ts";
import { ReceiveWindow } from "./receive-window.ts";
import type { SessionSettings } from "./session-user.ts";
import type { StreamTable } from "./stream-table.ts";
import type { Stream } from "./stream.ts";

/** What we let the peer's encoder keep: the default (RFC 9113 section 6.5.2). */
const decoderTableBytes = 4096;
/** `:method` and the like, which nobody counts as headers. */
const pseudoFields = 6;
/** Less than an empty gRPC message. */
const tinyBytes = 5;

const section = new FieldSection();

/** The connection, as far as what comes changes it. */
export interface ReceiverHost extends CreditHost {
  readonly isClosed: boolean;
  readonly isServer: boolean;
  readonly settings: SessionSettings;
  readonly table: StreamTable;
  /** A fault of the whole connection. @param flood "" = none */
  fail(code: ErrorNumber, why: string, flood?: string): void;
  /** A fault of one stream: it is reset, and its user told. */
  failStream(stream: Stream, code: ErrorNumber): void;
  /** Counts what may be a flood. False: it is one, and the connection has been ended. */
  spend(kind: FloodKind, cost?: number): boolean;
  worked(amount: number): void;
  onRequest(id: number, isEnd: boolean, section: FieldSection): void;
  onPeerReset(stream: Stream, code: ErrorNumber): void;
  /** The peer's side of a stream has ended, and its user was told. */
  onPeerEnded(stream: Stream): void;
  onSettings(peer: PeerSettings, buffer: Buffer, start: number, end: number): void;
  onSettingsAck(): void;
  onPing(isAnswer: boolean, buffer: Buffer, at: number): void;
  onGoaway(lastStreamId: number, code: ErrorNumber): void;
  /** False: the window is larger than there can be. */
  openWindow(stream: Stream | null, increment: number): boolean;
}

export class Receiver implements FrameSink {
  readonly #host: ReceiverHost;
  readonly #peer: PeerSettings;
  readonly #reader = new FrameReader(this);
  readonly #decoder = new HpackDecoder(decoderTableBytes);
  readonly credit: Credit;
  #touched: Stream[] = [];
  /** So much of the client's preface has come. */
  #prefaceLength = 0;
  #hasSettings = false;
  /** A field section that has not come whole: its stream, the flags of its HEADERS, and what there is of it. */
  #blockId = 0;
  #blockFlags = 0;
  #continuations = 0;
  readonly #block = new KeptBytes();
  /** In the middle of a field section, or of the frame that begins one. */
  isInFields = false;
  /** Field sections that have come whole. */
  sections = 0;
  /** The DATA frame that is coming: whose, null = nobody's. */
  #stream: Stream | null = null;
  #frameLength = 0;
  #contentLength = 0;
  #isLast = false;

  constructor(host: ReceiverHost, peer: PeerSettings) {
    this.#host = host;
    this.#peer = peer;
    this.credit = new Credit(host, host.settings.windowBytes);
    if (!host.isServer) this.#prefaceLength = preface.length;
  }

  /** The peer's preface is complete. */
  get hasSettings(): boolean {
    return this.#hasSettings;
  }

  get isStopped(): boolean {
    return this.#host.isClosed;
  }

  onBytes(buffer: Buffer, start: number, end: number): void {
    let at = start;
    for (; this.#prefaceLength < preface.length && at < end; at++) {
      if (buffer[at] !== preface.charCodeAt(this.#prefaceLength++))
        return this.#host.fail(ErrorCode.PROTOCOL_ERROR, "no preface came");
    }
    if (at < end) this.#reader.read(buffer, at, end);
    if (this.#touched.length > 0) this.#flushTouched();
  }

  #flushTouched(): void {
    const touched = this.#touched;
    for (const stream of touched) {
      stream.isTouched = false;
      if (!stream.isClosed) stream.user?.onFlush();
    }
    touched.length = 0;
  }

  #touch(stream: Stream): void {
    if (stream.isTouched) return;
    stream.isTouched = true;
    this.#touched.push(stream);
  }

  // --- frames ------------------------------------------------------------------------------------

  onHeader(type: number, flags: number, id: number, length: number): boolean {
    const host = this.#host;
    const wrong = this.#wrongHeader(type, flags, id, length);
    if (wrong !== ErrorCode.NO_ERROR) {
      const isHttp1 = type === 0x50 && length === 0x485454; // "HTTP"
      host.fail(
        wrong,
        isHttp1
          ? "it answers in HTTP/1"
          : `a frame of type ${type} and ${length} bytes on stream ${id} may not come`,
      );
      return false;
    }
    if (type === FrameType.HEADERS) this.isInFields = true;
    else if (type > FrameType.CONTINUATION && type !== FrameType.PRIORITY_UPDATE)
      return host.spend("unknown-frames");
    return true;
  }

  #wrongHeader(type: number, flags: number, id: number, length: number): ErrorNumber {
    if (length > http2Limits.frameBytes) return ErrorCode.FRAME_SIZE_ERROR;
    if (!this.#hasSettings && (type !== FrameType.SETTINGS || (flags & Flag.ACK) !== 0))
      return ErrorCode.PROTOCOL_ERROR;
    if (this.#blockId !== 0 && (type !== FrameType.CONTINUATION || id !== this.#blockId))
      return ErrorCode.PROTOCOL_ERROR;
    switch (type) {
      case FrameType.DATA:
      case FrameType.HEADERS:
        return id === 0 ? ErrorCode.PROTOCOL_ERROR : 0;
      case FrameType.CONTINUATION:
        return this.#blockId === 0 ? ErrorCode.PROTOCOL_ERROR : 0;
      case FrameType.PRIORITY:
        return id === 0 ? ErrorCode.PROTOCOL_ERROR : 0;
      case FrameType.RST_STREAM:
        return id === 0 ? ErrorCode.PROTOCOL_ERROR : sizeError(length === 4);
      case FrameType.SETTINGS:
        if (id !== 0) return ErrorCode.PROTOCOL_ERROR;
        return sizeError((flags & Flag.ACK) === 0 ? length % 6 === 0 : length === 0);
      case FrameType.PING:
        return id !== 0 ? ErrorCode.PROTOCOL_ERROR : sizeError(length === 8);
      case FrameType.GOAWAY:
        return id !== 0 ? ErrorCode.PROTOCOL_ERROR : sizeError(length >= 8);
      case FrameType.WINDOW_UPDATE:
        return sizeError(length === 4);
      case FrameType.PUSH_PROMISE:
        return ErrorCode.PROTOCOL_ERROR;
      case FrameType.PRIORITY_UPDATE:
        if (id !== 0 || !this.#host.isServer) return ErrorCode.PROTOCOL_ERROR;
        return sizeError(length >= 4);
      default:
        return ErrorCode.NO_ERROR;
    }
  }

  onFrame(
    type: number,
    flags: number,
    id: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    switch (type) {
      case FrameType.HEADERS:
        this.#onHeaders(flags, id, buffer, start, end);
        break;
      case FrameType.CONTINUATION:
        this.#onContinuation(flags, buffer, start, end);
        break;
      case FrameType.WINDOW_UPDATE:
        this.#onWindowUpdate(id, buffer.readUInt32BE(start) & 0x7fff_ffff);
        break;
      case FrameType.RST_STREAM:
        this.#onReset(id, buffer.readUInt32BE(start));
        break;
      case FrameType.SETTINGS:
        this.#onSettings(flags, buffer, start, end);
        break;
      case FrameType.PING:
        if ((flags & Flag.ACK) !== 0 || this.#host.spend("ping"))
          this.#host.onPing((flags & Flag.ACK) !== 0, buffer, start);
        break;
      case FrameType.GOAWAY:
        if (this.#host.spend("unknown-frames"))
          this.#host.onGoaway(
            buffer.readUInt32BE(start) & 0x7fff_ffff,
            buffer.readUInt32BE(start + 4),
          );
        break;
      case FrameType.PRIORITY:
        this.#onPriority(id, end - start);
        break;
      case FrameType.PRIORITY_UPDATE:
        this.#onPriorityUpdate(buffer, start, end);
        break;
      default:
        break;
    }
  }

  onBadPadding(hasNoRoom: boolean): void {
    const code = hasNoRoom ? ErrorCode.FRAME_SIZE_ERROR : ErrorCode.PROTOCOL_ERROR;
    this.#host.fail(code, "a padding is longer than its frame");
  }

  // --- field sections ----------------------------------------------------------------------------

  #onHeaders(flags: number, id: number, buffer: Buffer, start: number, end: number): void {
    let from = start;
    let to = end;
    if ((flags & Flag.PADDED) !== 0) {
      if (from === to) return this.onBadPadding(true);
      to -= buffer[from++]!;
      if (to < from) return this.onBadPadding(false);
    }
    if ((flags & Flag.PRIORITY) !== 0) {
      from += 5;
      if (to < from) return this.#host.fail(ErrorCode.FRAME_SIZE_ERROR, "HEADERS are cut short");
    }
    if ((flags & Flag.END_HEADERS) !== 0) {
      this.isInFields = false;
      this.#onBlock(flags, id, buffer, from, to);
      return;
    }
    this.#blockId = id;
    this.#blockFlags = flags;
    this.#continuations = 0;
    this.#block.add(buffer, from, to);
  }

  #onContinuation(flags: number, buffer: Buffer, start: number, end: number): void {
    const block = this.#block;
    this.#continuations++;
    // Twice what is kept when decoded: what is somewhat too large can still be answered.
    const most = 2 * this.#host.settings.headBytes;
    if (block.length + end - start > most || this.#continuations > http2Limits.maxContinuations) {
      const code = ErrorCode.ENHANCE_YOUR_CALM;
      this.#host.fail(code, "a field section does not end", "continuation");
      return;
    }
    block.add(buffer, start, end);
    if ((flags & Flag.END_HEADERS) === 0) return;
    const { bytes } = block;
    const id = this.#blockId;
    this.#blockId = 0;
    this.isInFields = false;
    block.clear();
    this.#onBlock(this.#blockFlags, id, bytes, 0, bytes.length);
  }

  /** A whole field section: decoded whatever becomes of it, since it changes the table. */
  #onBlock(flags: number, id: number, buffer: Buffer, start: number, end: number): void {
    const host = this.#host;
    this.sections++;
    const { headBytes, headerCount } = host.settings;
    const most = headerCount + pseudoFields;
    if (!this.#decoder.decode(buffer, start, end, section, headBytes, most))
      return host.fail(ErrorCode.COMPRESSION_ERROR, "a field section cannot be decoded");
    if (section.isTooLarge && !host.spend("header-list")) return;
    const isEnd = (flags & Flag.END_STREAM) !== 0;
    const { table } = host;
    const stream = table.streams.get(id);
    if (stream !== undefined) {
      this.#onLaterFields(stream, isEnd);
    } else if (!table.isIdle(id)) {
      if (!table.mayBeLate(id))
        return host.fail(ErrorCode.STREAM_CLOSED, "HEADERS came on a closed stream");
      if (isEnd) table.endLate(id);
      else host.spend("empty-frames");
    } else if (table.isOfPeer(id)) {
      table.lastPeerId = id;
      host.onRequest(id, isEnd, section);
    } else {
      host.fail(ErrorCode.PROTOCOL_ERROR, `the peer may not begin stream ${id}`);
    }
  }

  /** An answer, or trailers. */
  #onLaterFields(stream: Stream, isEnd: boolean): void {
    const host = this.#host;
    if (stream.isPeerEnded) return host.failStream(stream, ErrorCode.STREAM_CLOSED);
    // Trailers end a request (RFC 9113 section 8.1); which section of an answer is the last, its user sees.
    if (host.isServer && !isEnd) return host.failStream(stream, ErrorCode.PROTOCOL_ERROR);
    if (isEnd && stream.hasFields && !isWhole(stream))
      return host.failStream(stream, ErrorCode.PROTOCOL_ERROR);
    this.#touch(stream);
    stream.isPeerEnded = isEnd;
    stream.hasFields = true;
    stream.user?.onFields(section, isEnd);
    if (!isEnd || stream.isClosed) return;
    if (!isWhole(stream)) host.failStream(stream, ErrorCode.PROTOCOL_ERROR);
    else this.#onEnd(stream);
  }

  #onEnd(stream: Stream): void {
    stream.isPeerEnded = true;
    const { user } = stream;
    // Its place is free before anybody hears of it: whoever waits for one may take it at once.
    this.#host.onPeerEnded(stream);
    user?.onEnd();
  }

  // --- DATA and windows --------------------------------------------------------------------------

  onDataBegin(id: number, flags: number, length: number): void {
    const host = this.#host;
    this.#frameLength = length;
    this.#contentLength = 0;
    this.#isLast = (flags & Flag.END_STREAM) !== 0;
    this.#stream = null;
    if (!this.credit.take(length))
      return host.fail(ErrorCode.FLOW_CONTROL_ERROR, "more came than the connection's window");
    const { table } = host;
    const stream = table.streams.get(id);
    if (stream === undefined) {
      if (table.isIdle(id))
        host.fail(ErrorCode.PROTOCOL_ERROR, `DATA came on stream ${id}, which was not begun`);
      else if (!table.takeLate(id, length))
        host.fail(ErrorCode.STREAM_CLOSED, `DATA came on stream ${id}, which is closed`);
      else if (this.#isLast) table.endLate(id);
      return;
    }
    if (stream.isPeerEnded) return host.failStream(stream, ErrorCode.STREAM_CLOSED);
    if (!stream.hasFields) return host.failStream(stream, ErrorCode.PROTOCOL_ERROR);
    stream.window ??= new ReceiveWindow();
    if (!stream.window.take(length)) return host.failStream(stream, ErrorCode.FLOW_CONTROL_ERROR);
    // Nothing of it is handed on, as if it were the end that was promised.
    const isTooMuch =
      stream.expectedBytes >= 0 && stream.receivedBytes + length > stream.expectedBytes;
    if (isTooMuch && (flags & Flag.PADDED) === 0)
      return host.failStream(stream, ErrorCode.PROTOCOL_ERROR);
    this.#stream = stream;
  }

  onData(buffer: Buffer, start: number, end: number): void {
    this.#contentLength += end - start;
    const stream = this.#stream;
    if (stream === null || stream.isClosed) return;
    stream.receivedBytes += end - start;
    if (stream.expectedBytes >= 0 && stream.receivedBytes > stream.expectedBytes)
      return this.#host.failStream(stream, ErrorCode.PROTOCOL_ERROR);
    this.#touch(stream);
    stream.user?.onData(buffer, start, end);
  }

  onDataEnd(): void {
    const host = this.#host;
    const stream = this.#stream;
    const content = this.#contentLength;
    this.#stream = null;
    if (content >= tinyBytes || this.#isLast) host.worked(content / 4096);
    else if (!host.spend("empty-frames", content === 0 ? 1 : 0.1)) return;
    if (stream === null || stream.isClosed) {
      this.credit.dropped(this.#frameLength);
    } else if (this.#isLast) {
      this.credit.dropped(this.#frameLength);
      if (isWhole(stream)) {
        this.#touch(stream);
        this.#onEnd(stream);
      } else {
        host.failStream(stream, ErrorCode.PROTOCOL_ERROR);
      }
    } else {
      this.credit.taken(stream, this.#frameLength);
    }
    if (!host.isClosed) this.credit.grant();
  }

  #onWindowUpdate(id: number, increment: number): void {
    const host = this.#host;
    if (!host.spend("window-update")) return;
    if (id === 0) {
      if (increment === 0) host.fail(ErrorCode.PROTOCOL_ERROR, "a window was opened by nothing");
      else if (!host.openWindow(null, increment))
        host.fail(ErrorCode.FLOW_CONTROL_ERROR, "the connection's window is too large");
      return;
    }
    const stream = host.table.streams.get(id);
    if (stream === undefined) {
      if (host.table.isIdle(id)) host.fail(ErrorCode.PROTOCOL_ERROR, `stream ${id} was not begun`);
      return;
    }
    if (increment === 0) host.failStream(stream, ErrorCode.PROTOCOL_ERROR);
    else if (!host.openWindow(stream, increment))
      host.failStream(stream, ErrorCode.FLOW_CONTROL_ERROR);
  }

  // --- the rest ----------------------------------------------------------------------------------

  #onReset(id: number, code: ErrorNumber): void {
    const host = this.#host;
    const stream = host.table.streams.get(id);
    if (host.table.isIdle(id))
      return host.fail(ErrorCode.PROTOCOL_ERROR, `stream ${id} was not begun`);
    // Backends end what we have begun.
    if (host.isServer && !host.spend("rapid-reset")) return;
    if (stream === undefined) host.table.endLate(id);
    else host.onPeerReset(stream, code);
  }

  #onSettings(flags: number, buffer: Buffer, start: number, end: number): void {
    const host = this.#host;
    if (!host.spend("settings", 1 + (end - start) / 48)) return;
    if ((flags & Flag.ACK) !== 0) return host.onSettingsAck();
    this.#hasSettings = true;
    host.onSettings(this.#peer, buffer, start, end);
  }

  /** Nobody is held to the priorities of RFC 7540 any more. */
  #onPriority(id: number, length: number): void {
    const host = this.#host;
    if (!host.spend("priority") || length === 5) return;
    const stream = host.table.streams.get(id);
    if (stream !== undefined) host.failStream(stream, ErrorCode.FRAME_SIZE_ERROR);
    else host.fail(ErrorCode.FRAME_SIZE_ERROR, "PRIORITY has another length");
  }

  #onPriorityUpdate(buffer: Buffer, start: number, end: number): void {
    const host = this.#host;
    if (!host.spend("priority")) return;
    const id = buffer.readUInt32BE(start) & 0x7fff_ffff;
    // RFC 9218 section 7.1: of requests only, and nothing was pushed.
    if (!host.table.isOfPeer(id))
      return host.fail(ErrorCode.PROTOCOL_ERROR, `there is no stream ${id} to prioritise`);
    host.table.streams.get(id)?.prioritise(buffer.latin1Slice(start + 4, end));
  }
}

function sizeError(isFine: boolean): ErrorNumber {
  return isFine ? ErrorCode.NO_ERROR : ErrorCode.FRAME_SIZE_ERROR;
}

/** As much has come as was promised. */
function isWhole(stream: Stream): boolean {
  return stream.expectedBytes < 0 || stream.receivedBytes === stream.expectedBytes;
}
