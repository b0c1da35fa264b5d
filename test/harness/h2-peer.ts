// A peer of HTTP/2 on a socket, for tests: sends whatever it is given, right or wrong, and is strict about what comes.
// Each MUST of RFC 9113 that the other side breaks becomes one of its `problems`. Acknowledges settings and pings by
// itself, and gives windows back, unless it is told not to.

import type { Socket } from "node:net";

import { setImmediate as nextTurn } from "node:timers/promises";
import { within } from "./barrier.ts";
import {
  contentOf,
  errorName,
  flagBits,
  type Frame,
  frame,
  FrameReader,
  frameTypes as types,
  has,
  nameOf,
  preface,
  settingIds,
  settingsOf,
  settingsPayload,
  uint32,
} from "./h2-frames.ts";
import { type Field, HpackReader } from "./h2-hpack.ts";
import { fieldFaults } from "./h2-fields.ts";

export interface PeerOptions {
  /** What the peer is: a client speaks to a server of ours, a server is a backend of ours. */
  readonly role: "client" | "server";
  readonly timeoutMs?: number;
  /** Windows are given back only by the test. */
  readonly isWindowManual?: boolean;
  /** Settings and pings are acknowledged only by the test. */
  readonly isAckManual?: boolean;
  readonly onChange?: () => void;
}

/** One stream as it came from the other side. */
export interface PeerStream {
  readonly id: number;
  readonly sections: (readonly Field[])[];
  body: string;
  isEnded: boolean;
  reset: number | undefined;
  /** We have reset it: what still comes is under way. */
  isDropped: boolean;
  /** What the other side may still send, bytes. */
  window: number;
  /** Sections that a test has looked at. */
  taken: number;
  isTaken: boolean;
}

export interface Goaway {
  readonly last: number;
  readonly code: number;
}

interface Begun {
  readonly frame: Frame;
  readonly parts: Buffer[];
}

const maxFrame = 16_384;

export class H2Peer {
  readonly socket: Socket;
  readonly role: "client" | "server";
  readonly streams = new Map<number, PeerStream>();
  readonly goaways: Goaway[] = [];
  /** Acknowledgements of our pings, not looked at yet: their eight bytes in hex. */
  readonly pongs: string[] = [];
  readonly settings = new Map<number, number>();
  /** Credit that came, by stream. */
  readonly credited = new Map<number, number>();
  settingsAcks = 0;
  readonly problems: string[] = [];
  /** Names of all frames, for messages. */
  readonly log: string[] = [];
  /** No byte will come any more. */
  ended = false;
  lastSentStream = 0;
  isWindowManual: boolean;
  isAckManual: boolean;
  #sending: Promise<unknown> = Promise.resolve();
  #wake = Promise.withResolvers<void>();
  readonly #timeoutMs: number;
  readonly #onChange: (() => void) | undefined;
  readonly #reader = new FrameReader();
  readonly #sent = new FrameReader();
  readonly #hpack = new HpackReader();
  #begun: Begun | undefined;
  #isFirst = true;
  #prefaceLeft: number;
  #pings = 0;
  #settingsSent = 0;
  #window = 65_535;
  #initialWindow = 65_535;
  #maxFrame = maxFrame;
  /** Settings that were not acknowledged yet. */
  #announced: { readonly size: number; readonly window: number | undefined }[] = [];
  #highestTheirs = 0;

  constructor(socket: Socket, options: PeerOptions) {
    this.socket = socket;
    this.role = options.role;
    this.isWindowManual = options.isWindowManual ?? false;
    this.isAckManual = options.isAckManual ?? false;
    this.#timeoutMs = options.timeoutMs ?? 4000;
    this.#onChange = options.onChange;
    this.#prefaceLeft = options.role === "server" ? preface.length : 0;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    // A reset is an end like any other.
    socket.on("error", () => this.#finish());
    socket.on("end", () => this.#finish());
    socket.on("close", () => this.#finish());
  }

  /** Each part in a turn of its own. What the peer sends by itself never comes between them. */
  send(...parts: readonly Uint8Array[]): Promise<unknown> {
    this.#note(Buffer.concat(parts));
    this.#sending = this.#sending.then(async () => {
      for (const [index, part] of parts.entries()) {
        if (part.length === 0 || this.socket.destroyed || !this.socket.writable) continue;
        if (index > 0) await nextTurn();
        await new Promise<void>((resolve) => void this.socket.write(part, () => resolve()));
      }
    });
    return this.#sending;
  }

  /** The preface, our settings, and what they need to be right. */
  greet(settings: readonly (readonly [number, number])[] = []): Promise<unknown> {
    const first = frame(types.SETTINGS, 0, 0, settingsPayload(settings));
    return this.send(this.role === "client" ? Buffer.concat([preface, first]) : first);
  }

  end(): void {
    this.#sending = this.#sending.then(() => this.socket.end());
  }

  reset(): void {
    this.#sending = this.#sending.then(() => this.socket.resetAndDestroy());
  }

  /** Waits until the other side has answered a ping: what it had to say before has come. */
  async barrier(): Promise<void> {
    const text = `b${this.#pings}`.padEnd(8, ".");
    await this.send(frame(types.PING, 0, 0, Buffer.from(text)));
    const hex = Buffer.from(text).toString("hex");
    await this.until("an answer to a ping", () => {
      const at = this.pongs.indexOf(hex);
      if (at < 0) return undefined;
      this.pongs.splice(at, 1);
      return true;
    });
  }

  /** Asks `found` again whenever something has come. */
  async until<T>(what: string, found: () => T | undefined): Promise<T> {
    for (;;) {
      const result = found();
      if (result !== undefined) return result;
      const seen = `came: ${this.log.slice(-20).join(", ") || "nothing"}${this.ended ? ", the end" : ""}`;
      if (this.ended) throw new Error(`the connection ended before ${what}; ${seen}`);
      await within(this.#wake.promise, this.#timeoutMs, `${what}; ${seen}`);
    }
  }

  stream(id: number): PeerStream {
    let found = this.streams.get(id);
    if (found === undefined) {
      found = {
        id,
        sections: [],
        body: "",
        isEnded: false,
        reset: undefined,
        isDropped: false,
        window: this.#initialWindow,
        taken: 0,
        isTaken: false,
      };
      this.streams.set(id, found);
    }
    return found;
  }

  #finish(): void {
    this.ended = true;
    this.#changed();
  }

  #changed(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
    this.#onChange?.();
  }

  #problem(text: string): void {
    if (this.problems.length < 10) this.problems.push(text);
  }

  #take(bytes: Buffer): void {
    let rest = bytes;
    if (this.#prefaceLeft > 0) {
      const part = rest.subarray(0, this.#prefaceLeft);
      const from = preface.length - this.#prefaceLeft;
      if (!part.equals(preface.subarray(from, from + part.length)))
        this.#problem(`no preface: ${part.toString("latin1")}`);
      this.#prefaceLeft -= part.length;
      rest = rest.subarray(part.length);
    }
    for (const each of this.#reader.push(rest)) {
      this.log.push(`${nameOf(each)} ${each.stream} flags ${each.flags} (${each.payload.length})`);
      try {
        this.#frame(each);
      } catch (error) {
        this.#problem(error instanceof Error ? error.message : String(error));
      }
    }
    this.#changed();
  }

  // What comes.

  #frame(each: Frame): void {
    const { type, stream, payload } = each;
    const must = (isSo: boolean, what: string) => {
      if (!isSo) this.#problem(`${nameOf(each)} ${stream}: ${what}`);
    };
    must(payload.length <= this.#maxFrame, `larger than ${this.#maxFrame} bytes (4.2)`);
    must(!this.#isFirst || type === types.SETTINGS, "before SETTINGS (3.4)");
    this.#isFirst = false;
    if (this.#begun !== undefined)
      must(
        type === types.CONTINUATION && stream === this.#begun.frame.stream,
        "inside a field section (6.10)",
      );
    const isOfConnection = [types.SETTINGS, types.PING, types.GOAWAY].includes(type as 4);
    if (isOfConnection) must(stream === 0, "on a stream");
    else if (type !== types.WINDOW_UPDATE && type < 16) must(stream !== 0, "without a stream");
    if (type === types.DATA) this.#data(each, must);
    else if (type === types.HEADERS) this.#headers(each, must);
    else if (type === types.CONTINUATION) this.#continuation(each, must);
    else if (type === types.RST_STREAM) this.#rst(each, must);
    else if (type === types.SETTINGS) this.#settings(each, must);
    else if (type === types.PING) this.#ping(each, must);
    else if (type === types.GOAWAY) this.#goaway(each, must);
    else if (type === types.WINDOW_UPDATE) this.#credit(each, must);
    else if (type === types.PUSH_PROMISE) must(false, "never wanted");
  }

  #isOpenFor(stream: PeerStream): boolean {
    return !stream.isEnded && stream.reset === undefined;
  }

  #data(each: Frame, must: Must): void {
    const stream = this.stream(each.stream);
    const size = each.payload.length;
    must(size <= this.#window, `beyond the connection's window of ${this.#window} (6.9)`);
    must(size <= stream.window, `beyond the stream's window of ${stream.window} (6.9)`);
    this.#window -= size;
    stream.window -= size;
    if (!this.isWindowManual && size > 0) {
      const back = [frame(types.WINDOW_UPDATE, 0, 0, uint32(size))];
      const isOver = has(each, flagBits.END_STREAM) || stream.isDropped;
      if (!isOver) back.push(frame(types.WINDOW_UPDATE, 0, each.stream, uint32(size)));
      void this.send(Buffer.concat(back));
    }
    must(this.#isOpenFor(stream), "on a stream it has closed (5.1)");
    must(stream.sections.length > 0, "before HEADERS (8.1)");
    if (stream.body.length < 100_000) stream.body += contentOf(each).toString("latin1");
    if (has(each, flagBits.END_STREAM)) this.#over(stream);
  }

  #headers(each: Frame, must: Must): void {
    const stream = this.stream(each.stream);
    must(this.#isOpenFor(stream), "on a stream it has closed (5.1)");
    if (this.role === "client") {
      must(each.stream % 2 === 1 && each.stream <= this.lastSentStream, "on an idle stream (5.1)");
    } else if (stream.sections.length === 0) {
      must(each.stream % 2 === 1, "even from a client (5.1.1)");
      must(each.stream > this.#highestTheirs, "ids do not grow (5.1.1)");
      this.#highestTheirs = each.stream;
    }
    this.#begun = { frame: each, parts: [contentOf(each)] };
    if (has(each, flagBits.END_HEADERS)) this.#section(must);
  }

  #continuation(each: Frame, must: Must): void {
    if (this.#begun === undefined) return must(false, "without HEADERS (6.10)");
    this.#begun.parts.push(each.payload);
    if (has(each, flagBits.END_HEADERS)) this.#section(must);
  }

  #section(must: Must): void {
    const { frame: first, parts } = this.#begun as Begun;
    this.#begun = undefined;
    const stream = this.stream(first.stream);
    const fields = this.#hpack.read(Buffer.concat(parts));
    const isEnd = has(first, flagBits.END_STREAM);
    const kind = this.#kindOf(stream, isEnd);
    for (const fault of fieldFaults(fields, kind)) must(false, fault);
    stream.sections.push(fields);
    if (isEnd) this.#over(stream);
  }

  #kindOf({ sections }: PeerStream, isEnd: boolean): "request" | "response" | "trailers" {
    const final = sections.some((each) => !each.some(([n, v]) => n === ":status" && v[0] === "1"));
    if (final) {
      if (!isEnd) this.#problem("trailers without END_STREAM (8.1)");
      return "trailers";
    }
    return this.role === "client" ? "response" : "request";
  }

  #over(stream: PeerStream): void {
    stream.isEnded = true;
    const promised = stream.sections[0]?.find(([name]) => name === "content-length")?.[1];
    const isShort = promised !== undefined && Number(promised) !== stream.body.length;
    // An answer to HEAD, or a 304, has none.
    if (isShort && stream.body !== "" && stream.body.length < 100_000)
      this.#problem(`content-length ${promised}, ${stream.body.length} bytes (8.1.1)`);
  }

  #rst(each: Frame, must: Must): void {
    must(each.payload.length === 4, "not of 4 bytes (6.4)");
    const stream = this.stream(each.stream);
    const isKnown =
      this.role === "client" ? each.stream <= this.lastSentStream : stream.sections.length > 0;
    must(isKnown, "of an idle stream (6.4)");
    must(stream.reset === undefined, "a second one");
    stream.reset = each.payload.readUInt32BE();
    this.log.push(errorName(stream.reset));
  }

  #settings(each: Frame, must: Must): void {
    if (has(each, flagBits.ACK)) {
      must(each.payload.length === 0, "an acknowledgement with a payload (6.5)");
      this.settingsAcks += 1;
      must(this.settingsAcks <= this.#settingsSent, "an acknowledgement of nothing (6.5.3)");
      const { size = -1, window } = this.#announced.shift() ?? {};
      if (size >= 0) this.#hpack.lower(size);
      if (window !== undefined) this.#moveWindows(window);
      return;
    }
    must(each.payload.length % 6 === 0, "not a multiple of 6 bytes (6.5)");
    for (const [id, value] of settingsOf(each.payload)) {
      this.settings.set(id, value);
      if (id === settingIds.ENABLE_PUSH) must(value === 0, "ENABLE_PUSH (6.5.2)");
      if (id === settingIds.INITIAL_WINDOW_SIZE) must(value < 2 ** 31, "window size (6.5.2)");
      if (id === settingIds.MAX_FRAME_SIZE)
        must(value >= maxFrame && value < 2 ** 24, "frame size (6.5.2)");
    }
    if (!this.isAckManual) void this.send(frame(types.SETTINGS, flagBits.ACK, 0));
  }

  #ping(each: Frame, must: Must): void {
    must(each.payload.length === 8, "not of 8 bytes (6.7)");
    if (has(each, flagBits.ACK)) {
      this.pongs.push(each.payload.toString("hex"));
      must(--this.#pings >= 0, "an answer to nothing (6.7)");
    } else if (!this.isAckManual) void this.send(frame(types.PING, flagBits.ACK, 0, each.payload));
  }

  #goaway({ payload }: Frame, must: Must): void {
    must(payload.length >= 8, "shorter than 8 bytes (6.8)");
    const last = payload.readUInt32BE(0) & 0x7fffffff;
    const code = payload.readUInt32BE(4);
    const before = this.goaways.at(-1);
    must(before === undefined || last <= before.last, "a higher stream than before (6.8)");
    this.goaways.push({ last, code });
    this.log.push(errorName(code));
  }

  #credit(each: Frame, must: Must): void {
    must(each.payload.length === 4, "not of 4 bytes (6.9)");
    const more = each.payload.readUInt32BE() & 0x7fffffff;
    must(more > 0, "of nothing (6.9)");
    this.credited.set(each.stream, (this.credited.get(each.stream) ?? 0) + more);
  }

  // What is sent, as far as it changes what may come.

  #note(bytes: Buffer): void {
    const isPreface = bytes.subarray(0, preface.length).equals(preface);
    const start = isPreface ? preface.length : 0;
    for (const each of this.#sent.push(bytes.subarray(start))) this.#noteFrame(each);
  }

  #noteFrame(each: Frame): void {
    const { type, payload } = each;
    if (type === types.HEADERS) this.lastSentStream = Math.max(this.lastSentStream, each.stream);
    else if (type === types.PING && !has(each, flagBits.ACK)) this.#pings += 1;
    else if (type === types.RST_STREAM) this.stream(each.stream).isDropped = true;
    else if (type === types.WINDOW_UPDATE && payload.length === 4) {
      const more = payload.readUInt32BE() & 0x7fffffff;
      if (each.stream === 0) this.#window += more;
      else this.stream(each.stream).window += more;
    } else if (type === types.SETTINGS && !has(each, flagBits.ACK)) this.#noteSettings(payload);
  }

  #moveWindows(to: number): void {
    for (const stream of this.streams.values()) stream.window += to - this.#initialWindow;
    this.#initialWindow = to;
  }

  #noteSettings(payload: Buffer): void {
    this.#settingsSent += 1;
    let size = -1;
    let window: number | undefined;
    for (const [id, value] of settingsOf(payload)) {
      if (id === settingIds.INITIAL_WINDOW_SIZE && value < 2 ** 31) window = value;
      else if (id === settingIds.HEADER_TABLE_SIZE) size = value;
      else if (id === settingIds.MAX_FRAME_SIZE) this.#maxFrame = Math.max(maxFrame, value);
    }
    // A larger window may be used at once, a smaller one has to be once it was acknowledged.
    const isLarger = window !== undefined && window > this.#initialWindow;
    if (isLarger) this.#moveWindows(window as number);
    this.#announced.push({ size, window: isLarger ? undefined : window });
    if (size > this.#hpack.limit) this.#hpack.limit = size;
  }
}

type Must = (isSo: boolean, what: string) => void;
