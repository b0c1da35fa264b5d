// One HTTP/2 connection, whichever side: its streams, its beginning and its end. What comes is read by `Receiver`, what
// leaves is ordered by `Sender`; what requests and answers mean is not decided here. Hot: bench/h2-session.ts

import type { Socket } from "node:net";

import { type FloodKind, http2Limits } from "../../config/http2-limits.ts";
import { atTurnEnd, type Turned } from "../../lib/turn.ts";
import { Deadline, type Wheel } from "../../lib/wheel.ts";
import { ErrorCode, type ErrorNumber, Flag, FrameType, preface, Setting } from "./codes.ts";
import { Ending } from "./ending.ts";
import type { FieldSection } from "./field-section.ts";
import { FloodBudget } from "./flood-budget.ts";
import type { HpackEncoder } from "./hpack-encoder.ts";
import { PeerSettings } from "./peer-settings.ts";
import { initialWindow } from "./receive-window.ts";
import { Receiver, type ReceiverHost } from "./receiver.ts";
import { Sender, type SenderHost } from "./sender.ts";
import type { SessionOptions, SessionSettings, SessionUser } from "./session-user.ts";
import { StreamTable } from "./stream-table.ts";
import { Stream, type StreamUser } from "./stream.ts";

export type { SessionFault, SessionOptions, SessionSettings, SessionUser } from "./session-user.ts";

/** Above all identifiers: "streams may still be begun, for a moment" (RFC 9113 section 6.8). */
const anyStream = 0x7fff_ffff;

/** Faults of a peer, as opposed to our own reasons to reset a stream. */
const provoked: ReadonlySet<ErrorNumber> = new Set([
  ErrorCode.PROTOCOL_ERROR,
  ErrorCode.FLOW_CONTROL_ERROR,
  ErrorCode.STREAM_CLOSED,
  ErrorCode.FRAME_SIZE_ERROR,
  ErrorCode.COMPRESSION_ERROR,
]);

const Drain = { NONE: 0, ASKED: 1, FINAL: 2 } as const;

export class Session implements ReceiverHost, SenderHost, Turned {
  readonly isServer: boolean;
  readonly settings: SessionSettings;
  readonly table: StreamTable;
  readonly #socket: Socket;
  readonly #wheel: Wheel;
  readonly #user: SessionUser;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #peer: PeerSettings;
  readonly #floods = new FloodBudget();
  isClosed = false;
  #ending: Ending | null = null;
  #isAwake = false;
  #drain: (typeof Drain)[keyof typeof Drain] = Drain.NONE;
  /** Of our latest GOAWAY. */
  #lastTold = anyStream;
  /** The peer has said that it goes. */
  #isPeerGoing = false;
  #isAcknowledged = false;
  /** Control frames that wait because the peer does not read, bytes. */
  #unread = 0;
  /** Who waits for an answer to a PING; their payload is their number. */
  #pings: (() => void)[] = [];
  #pingsAnswered = 0;
  /** Until settings and acknowledgement have come. */
  #handshake: Deadline | null = null;
  /** Until the rest of a field section has come. */
  #fieldsDue: Deadline | null = null;
  /** Sections before the one that is waited for: a busy line always ends in the middle of one, but not of the same. */
  #sectionsSeen = 0;
  #drainDue: Deadline | null = null;

  constructor(options: SessionOptions) {
    this.isServer = options.role === "server";
    this.settings = options.settings;
    this.#socket = options.socket;
    this.#wheel = options.wheel;
    this.#user = options.user;
    this.table = new StreamTable(this.isServer);
    this.#peer = new PeerSettings(this.isServer);
    this.#sender = new Sender(options.socket, this, options.settings.bufferBytes);
    this.#receiver = new Receiver(this, this.#peer);
  }

  /** Sends our preface. Server: the peer's preface is expected by `onBytes`, from its first byte on. */
  start(): void {
    const { out } = this.#sender;
    if (!this.isServer) out.text(preface);
    const { maxStreams, headBytes, headTimeout } = this.settings;
    const settings: [number, number][] = this.isServer
      ? [
          [Setting.MAX_CONCURRENT_STREAMS, maxStreams],
          [Setting.ENABLE_CONNECT_PROTOCOL, 1],
          [Setting.NO_RFC7540_PRIORITIES, 1],
        ]
      : [[Setting.ENABLE_PUSH, 0]];
    settings.push([Setting.MAX_HEADER_LIST_SIZE, headBytes]);
    let at = out.frame(6 * settings.length, FrameType.SETTINGS, 0, 0);
    for (const [setting, value] of settings) {
      out.page![at] = setting >>> 8;
      out.page![at + 1] = setting;
      out.put32(at + 2, value);
      at += 6;
    }
    this.#handshake = new Deadline({ onDeadline: () => this.#onLate() });
    this.#wheel.arm(this.#handshake, headTimeout);
    this.wake();
  }

  // --- what happens on the socket, told by whoever listens to it -----------------------------------

  onBytes(buffer: Buffer, start: number, end: number): void {
    if (this.isClosed) {
      this.#ending?.onBytes(end - start);
      return;
    }
    this.#receiver.onBytes(buffer, start, end);
    if (this.isClosed) return;
    if (this.#receiver.isInFields) this.#awaitFields();
    else if (this.#fieldsDue !== null) this.#wheel.disarm(this.#fieldsDue);
  }

  onDrain(): void {
    const { out } = this.#sender;
    if (!out.isBlocked || this.isClosed) return;
    out.isBlocked = false;
    this.#unread = 0;
    this.#write();
  }

  /** The peer sends no more: it counts as gone, as it does with HTTP/1. */
  onEnd(): void {
    if (this.isClosed) this.#ending?.finish();
    else this.#lose();
  }

  onClosed(): void {
    if (this.isClosed) this.#ending?.finish();
    else this.#lose();
  }

  onTurnEnd(): void {
    this.#isAwake = false;
    if (!this.isClosed) this.#write();
  }

  #write(): void {
    const sender = this.#sender;
    sender.flush();
    const sent = sender.takeSent();
    if (sent !== null) for (const stream of sent) this.#onSent(stream);
    const writable = sender.takeWritable();
    if (writable !== null) {
      for (const stream of writable) if (!stream.isClosed) stream.user?.onWritable();
    }
    this.#endIfDrained();
  }

  // --- state ---------------------------------------------------------------------------------------

  /** Streams that are open, or of which something waits to be sent. */
  get streamCount(): number {
    return this.table.streams.size;
  }

  /** Client: so many may be open, as far as the peer has said. */
  get peerMaxStreams(): number {
    return this.#peer.maxStreams;
  }

  /** The peer takes extended CONNECT (RFC 8441). */
  get isConnectAllowed(): boolean {
    return this.#peer.isConnectAllowed;
  }

  /** No stream may be begun: GOAWAY went either way, ids are used up, or it is closed. */
  get isClosing(): boolean {
    return this.isClosed || this.#isPeerGoing || this.#drain !== Drain.NONE || !this.table.hasIds;
  }

  // --- streams -------------------------------------------------------------------------------------

  /** Client: begins a stream with a request. undefined = none may be begun now. */
  request(
    user: StreamUser,
    encode: (encoder: HpackEncoder) => void,
    isEnd: boolean,
  ): Stream | undefined {
    if (this.isClosing || this.streamCount >= this.#peer.maxStreams) return undefined;
    const id = this.table.takeId();
    if (id === undefined) return undefined;
    const stream = new Stream(id, this.#sender, this.#sender.initialWindow);
    stream.user = user;
    this.table.streams.set(id, stream);
    this.#sender.fields(stream, encode, isEnd, true);
    return stream;
  }

  onRequest(id: number, isEnd: boolean, section: FieldSection): void {
    if (this.#drain === Drain.FINAL || this.streamCount >= this.settings.maxStreams) {
      this.table.rememberReset(id, initialWindow);
      if (this.spend("refused")) this.#putReset(id, ErrorCode.REFUSED_STREAM);
      return;
    }
    const stream = new Stream(id, this.#sender, this.#sender.initialWindow);
    stream.isPeerEnded = isEnd;
    stream.hasFields = true;
    this.table.streams.set(id, stream);
    this.#user.onRequest(stream, section);
    if (stream.isClosed) return;
    if (stream.user === null) this.reset(stream, ErrorCode.INTERNAL_ERROR);
    else if (isEnd && stream.expectedBytes > 0) this.failStream(stream, ErrorCode.PROTOCOL_ERROR);
  }

  onPeerEnded(stream: Stream): void {
    if (stream.isSent) this.#finish(stream);
  }

  #onSent(stream: Stream): void {
    if (stream.isClosed) return;
    stream.isSent = true;
    stream.user?.onSent();
    if (stream.isPeerEnded && !stream.isClosed) this.#finish(stream);
  }

  /** It has ended well, both ways. */
  #finish(stream: Stream): void {
    this.#floods.work++;
    this.#forget(stream);
  }

  /** We end it: its user asks for that, and is not told. */
  reset(stream: Stream, code: ErrorNumber): void {
    if (stream.isClosed) return;
    if (!stream.isPeerEnded)
      this.table.rememberReset(stream.id, this.#receiver.credit.left(stream));
    this.#forget(stream);
    this.#putReset(stream.id, code);
    if (provoked.has(code)) this.spend("provoked-reset");
  }

  failStream(stream: Stream, code: ErrorNumber): void {
    if (stream.isClosed) return;
    const { user } = stream;
    this.reset(stream, code);
    user?.onReset(code, false);
  }

  onPeerReset(stream: Stream, code: ErrorNumber): void {
    const isUntouched = !this.isServer && code === ErrorCode.REFUSED_STREAM;
    const { user } = stream;
    this.#forget(stream);
    user?.onReset(code, isUntouched);
  }

  #forget(stream: Stream): void {
    stream.isClosed = true;
    this.#sender.drop(stream);
    this.#receiver.credit.forget(stream);
    this.table.streams.delete(stream.id);
    if (this.table.streams.size > 0 || this.isClosed) return;
    if (this.#drain !== Drain.NONE || this.#isPeerGoing) this.wake();
    this.#user.onIdle();
  }

  resumed(stream: Stream): void {
    this.#receiver.credit.resumed(stream);
  }

  // --- frames of the connection ----------------------------------------------------------------------

  onSettings(peer: PeerSettings, buffer: Buffer, start: number, end: number): void {
    const wrong = peer.read(buffer, start, end);
    if (wrong !== ErrorCode.NO_ERROR) return this.fail(wrong, "a setting has no such value");
    const sender = this.#sender;
    if (peer.tableBytes >= 0) {
      sender.encoder.peerTableBytes = peer.leastTableBytes;
      sender.encoder.peerTableBytes = peer.tableBytes;
    }
    if (peer.window >= 0 && !sender.rebase(peer.window, this.table.streams.values()))
      return this.fail(ErrorCode.FLOW_CONTROL_ERROR, "a stream's window is too large");
    sender.out.frame(0, FrameType.SETTINGS, Flag.ACK, 0);
    this.#control(9);
    this.#onGreeted();
    if (!this.isClosed) this.#user.onSettings();
  }

  onSettingsAck(): void {
    this.#isAcknowledged = true;
    this.#onGreeted();
  }

  #onGreeted(): void {
    if (!this.#isAcknowledged || !this.#receiver.hasSettings) return;
    if (this.#handshake !== null) this.#wheel.release(this.#handshake);
    this.#handshake = null;
  }

  onPing(isAnswer: boolean, buffer: Buffer, at: number): void {
    if (!isAnswer) {
      const { out } = this.#sender;
      const to = out.frame(8, FrameType.PING, Flag.ACK, 0);
      buffer.copy(out.page!, to, at, at + 8);
      this.#control(17);
      return;
    }
    // Answers come in the order of the questions; what answers none is not looked at.
    if (buffer.readUInt32BE(at) !== 0 || buffer.readUInt32BE(at + 4) !== this.#pingsAnswered) {
      this.spend("ping");
      return;
    }
    const told = this.#pings.shift();
    if (told === undefined) return;
    this.#pingsAnswered++;
    told();
  }

  onGoaway(lastStreamId: number, code: ErrorNumber): void {
    this.#isPeerGoing = true;
    if (!this.isServer) {
      for (const stream of [...this.table.streams.values()]) {
        if (stream.id <= lastStreamId || stream.isClosed) continue;
        const { user } = stream;
        this.#forget(stream);
        user?.onReset(ErrorCode.REFUSED_STREAM, true);
      }
    }
    if (this.isClosed) return;
    this.#user.onGoaway(lastStreamId, code);
    this.wake();
  }

  openWindow(stream: Stream | null, increment: number): boolean {
    return this.#sender.open(stream, increment);
  }

  grantWindow(id: number, increment: number): void {
    if (this.isClosed) return;
    this.#sender.out.number(FrameType.WINDOW_UPDATE, id, increment);
    this.#control(13);
  }

  #putReset(id: number, code: ErrorNumber): void {
    if (this.isClosed) return;
    this.#sender.out.number(FrameType.RST_STREAM, id, code);
    this.#control(13);
  }

  /** A control frame of so many bytes has been written: a peer that reads none of them is not served for ever. */
  #control(bytes: number): void {
    this.wake();
    if (!this.#sender.out.isBlocked) return;
    this.#unread += bytes;
    if (this.#unread > http2Limits.unreadBytes)
      this.fail(ErrorCode.ENHANCE_YOUR_CALM, "the peer does not read", "unread");
  }

  wake(): void {
    if (this.#isAwake || this.isClosed) return;
    this.#isAwake = true;
    atTurnEnd(this);
  }

  worked(amount: number): void {
    this.#floods.work += amount;
  }

  spend(kind: FloodKind, cost = 1): boolean {
    if (this.isClosed) return false;
    if (this.#floods.spend(kind, cost)) return true;
    this.fail(ErrorCode.ENHANCE_YOUR_CALM, `too much: ${kind}`, kind);
    return false;
  }

  // --- time ----------------------------------------------------------------------------------------

  #onLate(): void {
    if (this.#receiver.hasSettings)
      this.fail(ErrorCode.SETTINGS_TIMEOUT, "our settings were not acknowledged");
    else this.fail(ErrorCode.PROTOCOL_ERROR, "no preface came in time");
  }

  #awaitFields(): void {
    this.#fieldsDue ??= new Deadline({
      onDeadline: () => this.fail(ErrorCode.PROTOCOL_ERROR, "the rest of a head did not come"),
    });
    const { sections } = this.#receiver;
    if (this.#fieldsDue.due !== 0 && this.#sectionsSeen === sections) return;
    this.#sectionsSeen = sections;
    this.#wheel.arm(this.#fieldsDue, this.settings.headTimeout);
  }

  /** Asks the peer for a sign of life. */
  ping(onAnswer: () => void): void {
    if (this.isClosed) return;
    const { out } = this.#sender;
    const at = out.frame(8, FrameType.PING, 0, 0);
    out.put32(at, 0);
    out.put32(at + 4, this.#pingsAnswered + this.#pings.length);
    this.#pings.push(onAnswer);
    this.wake();
  }

  // --- the end -------------------------------------------------------------------------------------

  /** Ends it gently: GOAWAY, open streams finish, what the peer sent before it knew is answered too; then it closes. */
  drain(): void {
    if (this.isClosed || this.#drain !== Drain.NONE) return;
    this.#drain = Drain.ASKED;
    if (!this.isServer) {
      this.#goNow();
      return;
    }
    this.#putGoaway(anyStream, ErrorCode.NO_ERROR);
    this.#drainDue = new Deadline({ onDeadline: () => this.#goNow() });
    this.#wheel.arm(this.#drainDue, http2Limits.drainWait);
    this.ping(() => this.#goNow());
  }

  /** The peer knows that we go: what it begins now is refused. */
  #goNow(): void {
    if (this.isClosed || this.#drain === Drain.FINAL) return;
    this.#drain = Drain.FINAL;
    if (this.#drainDue !== null) this.#wheel.release(this.#drainDue);
    this.#drainDue = null;
    this.#putGoaway(this.table.lastPeerId, ErrorCode.NO_ERROR);
    this.wake();
  }

  #endIfDrained(): void {
    if (this.isClosed || this.table.streams.size > 0) return;
    if (this.#drain === Drain.FINAL || (this.#isPeerGoing && this.#drain === Drain.NONE))
      this.close(ErrorCode.NO_ERROR);
  }

  #putGoaway(lastStreamId: number, code: ErrorNumber): void {
    const { out } = this.#sender;
    // RFC 9113 section 6.8: never more than before. What was begun since then has been refused.
    this.#lastTold = Math.min(this.#lastTold, lastStreamId);
    const at = out.frame(8, FrameType.GOAWAY, 0, 0);
    out.put32(at, this.#lastTold);
    out.put32(at + 4, code);
    this.wake();
  }

  fail(code: ErrorNumber, why: string, flood = ""): void {
    if (this.isClosed) return;
    this.#user.onFault({ code, flood, why });
    this.close(code);
  }

  /** Ends it now: GOAWAY, all streams are told, the socket closes once that has left. */
  close(code: ErrorNumber): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#putGoaway(this.table.lastPeerId, code);
    this.#sender.out.flush(true);
    this.#ending = new Ending(this.#socket, this.#wheel, code === ErrorCode.NO_ERROR);
    this.#tearDown(code === ErrorCode.NO_ERROR ? ErrorCode.CANCEL : code);
  }

  /** The connection is gone. */
  #lose(): void {
    this.isClosed = true;
    this.#socket.destroy();
    this.#tearDown(ErrorCode.CANCEL);
  }

  #tearDown(code: ErrorNumber): void {
    for (const deadline of [this.#handshake, this.#fieldsDue, this.#drainDue])
      if (deadline !== null) this.#wheel.release(deadline);
    this.#pings = [];
    const streams = [...this.table.streams.values()];
    for (const stream of streams) {
      stream.isClosed = true;
      this.#sender.drop(stream);
      this.#receiver.credit.forget(stream);
    }
    this.table.streams.clear();
    this.#sender.close();
    for (const { user } of streams) user?.onReset(code, false);
    this.#user.onClosed();
  }
}
