// One answer that is being fetched, and all who wait for it: each gets head and bytes as they come, at its own pace. What
// is to be kept is in memory as a whole; of what is too large for that, the part that the slowest reader has not had.

import { fillStallWait, fillWindow, scarceFillWindow } from "../config/fill-limits.ts";
import type { FailureCode } from "../http/errors.ts";
import { Deadline, type Deadlined, type Wheel } from "../lib/wheel.ts";
import type { FilledHead, FillSink, FillSource } from "./fill-source.ts";
import { leastPage } from "./stored.ts";

/**
 * What an answer is: kept and given to all, given to those who wait, or only for the one who caused it. `taken`: what its
 * head says is enough, and each of those who wait is answered otherwise. `refused`: an error, perhaps made by this one request:
 * whoever waits asks once more.
 */
export type Sharing = "keep" | "share" | "private" | "taken" | "refused";

/** Why somebody has to go on alone. */
export type DenialReason = "private" | "other" | "late";

/** Somebody who waits for an answer. Nothing is told once it has left. */
export interface FillReader {
  /** The leader's answer would do for it: what the answer varies by is the same (RFC 9111 section 4.1). */
  mayHave(head: FilledHead): boolean;
  /** Others wait behind it, such as those of another worker: it is served before the rest. */
  readonly isRelay: boolean;
  /** Before the first bytes, and `onFillFlush` follows. */
  onFillHead(head: FilledHead): void;
  /** The bytes are only valid during the call. */
  onFillData(buffer: Buffer, start: number, end: number): void;
  /** The same of a short answer, as Latin-1: made once for all who get it. */
  onFillText(text: string): void;
  /** Everything there is has been given. False: it has enough, and says `resume`. */
  onFillFlush(): boolean;
  onFillEnd(trailers: string): void;
  onFillFailed(code: FailureCode, status: number): void;
  /** The head was enough: it is answered otherwise. */
  onFillTaken(head: FilledHead): void;
  /** This answer is not for it. */
  onFillDenied(why: DenialReason): void;
}

export interface FillOptions {
  readonly wheel: Wheel;
  /** Bytes up to which an answer is kept. */
  readonly maxObject: number;
  /** Longest wait for a head, ms: the others look for another way then. 0 = as long as it takes. */
  readonly lockTimeout: number;
  /** Once, when the head is here. */
  judge(head: FilledHead): Sharing;
  /** It is whole, and to be kept. The buffers are its own. */
  onWhole(head: FilledHead, pages: readonly Buffer[], bytes: number, trailers: string): void;
  /** It may be older than what whoever comes now has to see. */
  isOutdated?(): boolean;
}

/** Who keeps track of all fills. */
export interface FillOwner {
  /** More bytes are held, or fewer. @returns false: it is too much, and nothing more should be kept whole */
  onHeld(bytes: number): boolean;
  /** Nobody joins it from now on. */
  onClosed(fill: Fill, why: DenialReason | "over"): void;
}

/** What somebody who comes late is given at once, bytes: all of it would stand in memory for each of them. */
const mostUnflushed = 64 * 1024;

/** Rather read to its end than broken off, bytes. */
const shortBody = 64 * 1024;

/** Up to here an answer is given as text, bytes: what a socket writes in one piece with its head. */
const mostText = 15 * 1024;

/** A reader and how far it is. */
class Place {
  readonly reader: FillReader;
  position = 0;
  isBlocked = false;
  hasHead = false;
  constructor(reader: FillReader) {
    this.reader = reader;
  }
}

export class Fill implements FillSink, Deadlined {
  readonly #options: FillOptions;
  readonly #owner: FillOwner;
  readonly #places = new Map<FillReader, Place>();
  /** Whose request it is; null = nobody's, or it has left. */
  #leader: FillReader | null = null;
  readonly #pages: Buffer[] = [];
  /** Pages as text, while they are given. */
  readonly #texts = new Map<Buffer, string>();
  /** The last page is the beginning of it, and more goes behind that. */
  #room: Buffer | null = null;
  /** Bytes before the first page that is still there, and behind the last one. */
  #from = 0;
  #to = 0;
  #head: FilledHead | undefined;
  #sharing: Sharing | undefined;
  #trailers: string | undefined;
  #source: FillSource | null = null;
  #isSourceFull = false;
  /** All fills together hold more than they should. */
  #isScarce = false;
  #isOpen = true;
  /** Neither source nor readers are there any more. */
  #isOver = false;
  /** Until the head is here: of the wait for it. Then: of readers that hold up the others. */
  readonly #deadline: Deadline;

  constructor(options: FillOptions, owner: FillOwner) {
    this.#options = options;
    this.#owner = owner;
    this.#deadline = new Deadline(this);
    options.wheel.arm(this.#deadline, options.lockTimeout);
  }

  /** What feeds it; perhaps told of everything before this returns. */
  feed(start: (sink: FillSink) => FillSource): void {
    const source = start(this);
    if (this.#isOver || this.#trailers !== undefined) return;
    this.#source = source;
  }

  get readerCount(): number {
    return this.#places.size;
  }

  // --- readers -----------------------------------------------------------------------------------

  /** Whose request it is, before it is fed: an answer for one alone is for this one. */
  lead(reader: FillReader): void {
    this.#leader = reader;
    this.#places.set(reader, new Place(reader));
  }

  /** False: it is too late for that, or the answer is not for it. */
  join(reader: FillReader): boolean {
    if (!this.#isOpen || this.#options.isOutdated?.() === true) return false;
    if (this.#head !== undefined && !reader.mayHave(this.#head)) return false;
    const place = new Place(reader);
    this.#places.set(reader, place);
    if (this.#head !== undefined) this.#serve(place);
    return true;
  }

  /** It reads no more. What is to be kept is fetched on without anybody. */
  leave(reader: FillReader): void {
    if (!this.#places.delete(reader)) return;
    if (this.#leader === reader) this.#leader = null;
    const isWanted = this.#head === undefined || this.#sharing === "keep";
    if (this.#places.size > 0 || isWanted) this.#trim();
    else this.#stop();
  }

  /** It takes more. */
  resume(reader: FillReader): void {
    const place = this.#places.get(reader);
    if (place === undefined) return;
    place.isBlocked = false;
    this.#serve(place);
    this.#trim();
  }

  /** A thousand may wait: each has all there is in one go, those first behind whom there are others. */
  #serveAll(): void {
    for (const place of this.#places.values()) {
      if (place.reader.isRelay && !place.isBlocked) this.#serve(place);
    }
    for (const place of this.#places.values()) {
      if (!place.reader.isRelay && !place.isBlocked) this.#serve(place);
    }
    this.#texts.clear();
  }

  #give(reader: FillReader, page: Buffer, from: number): void {
    if (this.#to > mostText || from > 0) {
      reader.onFillData(page, from, page.length);
      return;
    }
    let text = this.#texts.get(page);
    if (text === undefined) {
      text = page.latin1Slice();
      this.#texts.set(page, text);
    }
    reader.onFillText(text);
  }

  /** Gives it what it has not had, as much of it as it takes. */
  #serve(place: Place): void {
    const { reader } = place;
    const head = this.#head;
    if (!place.hasHead && head !== undefined) {
      place.hasHead = true;
      reader.onFillHead(head);
      // It was no use to it.
      if (!this.#places.has(reader)) return;
    }
    let start = this.#from;
    let unflushed = 0;
    for (const page of this.#pages) {
      const end = start + page.length;
      if (place.position < end) {
        this.#give(reader, page, place.position - start);
        unflushed += end - place.position;
        place.position = end;
        // It was the end of it.
        if (!this.#places.has(reader)) return;
        if (unflushed > mostUnflushed && end < this.#to) {
          place.isBlocked = !reader.onFillFlush();
          if (place.isBlocked) return;
          unflushed = 0;
        }
      }
      start = end;
    }
    if (this.#trailers !== undefined) {
      this.#places.delete(reader);
      reader.onFillEnd(this.#trailers);
    } else if (!reader.onFillFlush()) {
      place.isBlocked = true;
    }
  }

  // --- from the source ---------------------------------------------------------------------------

  onHead(head: FilledHead): void {
    const { wheel, judge, maxObject } = this.#options;
    this.#head = head;
    wheel.disarm(this.#deadline);
    let sharing = judge(head);
    if (sharing === "keep" && head.bodyLength > maxObject) sharing = "share";
    this.#sharing = sharing;
    if (sharing === "taken") {
      this.#take(head);
      return;
    }
    const all = [...this.#places.keys()];
    // What they waited for is here: whoever comes now finds it among what is kept, or fetches its own.
    if (sharing === "private") this.#close("private");
    else if (sharing !== "keep") this.#close("over");
    for (const reader of all) {
      const isForOne = (sharing === "private" || sharing === "refused") && reader !== this.#leader;
      const why = sharing === "refused" ? "late" : "private";
      if (isForOne || !reader.mayHave(head)) this.#deny(reader, isForOne ? why : "other");
    }
    if (this.#places.size === 0 && sharing !== "keep") this.#stop();
  }

  /** Of a short answer the rest comes at once, and its connection can be used again. */
  #take(head: FilledHead): void {
    const { bodyLength } = head;
    const all = [...this.#places.keys()];
    if (bodyLength >= 0 && bodyLength <= shortBody) this.#source = null;
    this.#stop();
    for (const reader of all) reader.onFillTaken(head);
  }

  #deny(reader: FillReader, why: DenialReason): void {
    if (!this.#places.delete(reader)) return;
    if (this.#leader === reader) this.#leader = null;
    reader.onFillDenied(why);
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#isOver || end === start) return;
    this.#add(buffer, start, end);
    this.#to += end - start;
    this.#isScarce = !this.#owner.onHeld(end - start);
    const isTooLarge = this.#to > this.#options.maxObject || this.#isScarce;
    if (this.#sharing !== "keep" || !isTooLarge) return;
    this.#sharing = "share";
    this.#close("over");
  }

  /** Pieces of a few bytes share a page: each of its own would cost a hundred times what is in it. */
  #add(buffer: Buffer, start: number, end: number): void {
    const size = end - start;
    const last = this.#pages.at(-1);
    const room = last === undefined ? null : this.#room;
    if (room !== null && last !== undefined && room.length - last.length >= size) {
      buffer.copy(room, last.length, start, end);
      this.#pages[this.#pages.length - 1] = room.subarray(0, last.length + size);
      return;
    }
    const isSmall = size < leastPage && this.#to > 0;
    const page = Buffer.allocUnsafeSlow(isSmall ? leastPage : size);
    buffer.copy(page, 0, start, end);
    this.#room = isSmall ? page : null;
    this.#pages.push(page.subarray(0, size));
  }

  onFlush(): boolean {
    this.#serveAll();
    this.#trim();
    return !this.#isSourceFull;
  }

  onEnd(trailers: string): void {
    const head = this.#head;
    if (this.#isOver || head === undefined) return;
    this.#source = null;
    this.#trailers = trailers;
    if (this.#sharing === "keep") {
      this.#options.onWhole(head, [...this.#pages], this.#to, trailers);
    }
    this.#close("over");
    this.#serveAll();
    this.#trim();
  }

  onFailed(code: FailureCode, status: number): void {
    if (this.#isOver) return;
    this.#source = null;
    const all = [...this.#places.keys()];
    this.#stop();
    for (const reader of all) reader.onFillFailed(code, status);
  }

  // --- memory ------------------------------------------------------------------------------------

  /** Lets go of what nobody needs any more, and pauses the source while the slowest reader has enough to read. */
  #trim(): void {
    if (this.#sharing === "keep" && this.#trailers === undefined) return;
    if (this.#places.size === 0) {
      if (this.#head !== undefined) this.#stop();
      return;
    }
    let slowest = this.#to;
    for (const { position } of this.#places.values()) slowest = Math.min(slowest, position);
    while (this.#pages.length > 0) {
      const end = this.#from + (this.#pages[0]?.length ?? 0);
      if (end > slowest) break;
      this.#pages.shift();
      this.#isScarce = !this.#owner.onHeld(this.#from - end);
      this.#from = end;
    }
    this.#throttle();
  }

  #throttle(): void {
    const { wheel } = this.#options;
    const isFull = this.#to - this.#from > (this.#isScarce ? scarceFillWindow : fillWindow);
    if (isFull === this.#isSourceFull) return;
    this.#isSourceFull = isFull;
    if (isFull) wheel.arm(this.#deadline, fillStallWait);
    else wheel.disarm(this.#deadline);
    if (!isFull) this.#source?.resume();
  }

  onDeadline(): void {
    if (this.#head === undefined) this.#onLate();
    else this.#cutSlowest();
  }

  /** The leader goes on waiting; the others are told, and nobody joins. */
  #onLate(): void {
    this.#close("late");
    for (const reader of [...this.#places.keys()]) {
      if (reader !== this.#leader) this.#deny(reader, "late");
    }
  }

  /** Those that hold up the others, when there are others: alone, a client has its own time limits. */
  #cutSlowest(): void {
    this.#options.wheel.arm(this.#deadline, fillStallWait);
    const places = [...this.#places.values()];
    if (places.every(({ isBlocked }) => isBlocked)) return;
    for (const { reader, isBlocked, position } of places) {
      if (!isBlocked || position > this.#from + fillWindow / 2) continue;
      this.#places.delete(reader);
      reader.onFillFailed("CLIENT_STALLED", 499);
    }
    this.#trim();
  }

  #close(why: DenialReason | "over"): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#owner.onClosed(this, why);
  }

  /** Nothing of it is needed any more. */
  #stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#close("over");
    this.#options.wheel.release(this.#deadline);
    this.#owner.onHeld(this.#from - this.#to);
    this.#pages.length = 0;
    this.#from = this.#to;
    this.#places.clear();
    const source = this.#source;
    this.#source = null;
    source?.stop();
  }
}
