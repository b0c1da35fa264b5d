// A request's body kept whole before anybody is asked: a little in memory, the rest in a file that has no name. For programs,
// which want to be told its length first, and for routes that say `spool`.
//
// Nothing here waits synchronously, and a client that is faster than the disk is paused. What one process may keep is bounded.

import { close, constants, existsSync, open, read, unlink, writev } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allSpooled, spoolPiece, spoolTimeout, spoolWaiting } from "../config/gateway-limits.ts";
import type { FailureCode } from "../http/errors.ts";
import { Deadline, type Deadlined, type Wheel } from "../lib/wheel.ts";
import type { BackendConnection } from "../upstream/backend-connection.ts";
import { KeptBody } from "./kept-body.ts";

export interface SpoolUser {
  /** The client may go on. */
  onSpoolDrain(): void;
  /** All of it is here. */
  onSpooled(): void;
  onSpoolFailed(code: FailureCode, why: string): void;
}

export interface SpoolSettings {
  /** What is longer goes to a file, bytes. */
  readonly memory: number;
  /** Longest body, bytes; 0 = the route's own limit is enough. */
  readonly most: number;
}

/** Of this process, bytes. */
const kept = { memory: 0, disk: 0 };

export class Spool implements Deadlined {
  /** Of the body, as far as it has come. */
  bytes = 0;
  readonly #user: SpoolUser;
  readonly #settings: SpoolSettings;
  readonly #wheel: Wheel;
  readonly #deadline: Deadline = new Deadline(this);
  /** What is not in the file: all of it, or its end. */
  #pages = new KeptBody();
  #descriptor: number | undefined;
  /** Bytes in the file. */
  #filed = 0;
  /** On their way to the disk: the descriptor is not closed under them. Two when a backend is asked while another's part is read. */
  #calls = 0;
  #isAwaited = false;
  #isEnded = false;
  #isClosed = false;

  constructor(user: SpoolUser, settings: SpoolSettings, wheel: Wheel) {
    this.#user = user;
    this.#settings = settings;
    this.#wheel = wheel;
  }

  /** False: the disk is behind, wait for `onSpoolDrain`. */
  add(buffer: Buffer, start: number, end: number): boolean {
    if (this.#isClosed) return true;
    const length = end - start;
    const { most, memory } = this.#settings;
    this.bytes += length;
    if (most > 0 && this.bytes > most) {
      this.#fail("LENGTH_UNKNOWN", `it is longer than ${most} bytes`);
      return true;
    }
    this.#pages.add(buffer, start, end);
    kept.memory += length;
    const isFiled = this.#filed > 0 || this.#isBusy;
    if (isFiled || this.#pages.bytes > memory || kept.memory > allSpooled.memory) this.#file();
    this.#isAwaited = this.#isBusy && this.#pages.bytes >= spoolWaiting;
    return !this.#isAwaited;
  }

  /** Nothing more comes. */
  end(): void {
    this.#isEnded = true;
    if (!this.#isBusy && !this.#isClosed) this.#user.onSpooled();
  }

  /** Gives back what it takes, once nothing is on its way to the disk. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    kept.memory -= this.#pages.bytes;
    this.#pages.clear();
    this.#wheel.release(this.#deadline);
    if (!this.#isBusy) this.#release();
  }

  #release(): void {
    kept.disk -= this.#filed;
    this.#filed = 0;
    // It has no name: with the descriptor it is gone.
    if (this.#descriptor !== undefined) close(this.#descriptor, () => {});
    this.#descriptor = undefined;
  }

  #fail(code: FailureCode, why: string): void {
    if (this.#isClosed) return;
    this.close();
    this.#user.onSpoolFailed(code, why);
  }

  onDeadline(): void {
    this.#fail("SPOOL_FAILED", `the disk took longer than ${spoolTimeout} ms`);
  }

  // --- to the file -------------------------------------------------------------------------------

  get #isBusy(): boolean {
    return this.#calls > 0;
  }

  #begin(): void {
    this.#calls++;
    this.#wheel.arm(this.#deadline, spoolTimeout);
  }

  /** A call came back. False: nobody waits for it any more. */
  #isWanted(): boolean {
    this.#calls--;
    if (this.#isClosed) {
      if (!this.#isBusy) this.#release();
      return false;
    }
    if (!this.#isBusy) this.#wheel.disarm(this.#deadline);
    return true;
  }

  #file(): void {
    if (this.#isBusy) return;
    const descriptor = this.#descriptor;
    if (descriptor === undefined) {
      this.#begin();
      openNameless((error, opened) => {
        this.#descriptor = opened;
        if (!this.#isWanted()) return;
        if (error === null) this.#file();
        else this.#fail("SPOOL_FAILED", error.message);
      });
      return;
    }
    const length = this.#pages.bytes;
    if (kept.disk + length > allSpooled.disk) {
      this.#fail("SPOOL_FAILED", `bodies of requests take more than ${allSpooled.disk} bytes`);
      return;
    }
    const pages: Buffer[] = [];
    this.#pages.forEach((page) => pages.push(page));
    this.#pages = new KeptBody();
    kept.memory -= length;
    this.#write(descriptor, pages, length);
  }

  #write(descriptor: number, pages: readonly Buffer[], length: number): void {
    this.#begin();
    writev(descriptor, pages, this.#filed, (error, written) => {
      const count = error === null ? written : 0;
      this.#filed += count;
      kept.disk += count;
      if (!this.#isWanted()) return;
      if (error !== null) this.#fail("SPOOL_FAILED", error.message);
      else if (count < length) this.#write(descriptor, withoutFirst(pages, count), length - count);
      else this.#onFiled();
    });
  }

  #onFiled(): void {
    // The end stays in memory: it is a small one.
    if (this.#isEnded && this.#pages.bytes <= spoolWaiting) this.#user.onSpooled();
    else if (this.#pages.bytes > 0) this.#file();
    if (!this.#isAwaited || this.#pages.bytes >= spoolWaiting || this.#isClosed) return;
    this.#isAwaited = false;
    this.#user.onSpoolDrain();
  }

  // --- and back ----------------------------------------------------------------------------------

  /** Sends all of it, as often as it is asked to. */
  pour(connection: BackendConnection, isChunked: boolean, user: PourUser): Pour {
    return new Pour(connection, isChunked, {
      filed: this.#filed,
      read: (into, position, done) => this.#read(into, position, done),
      forEach: (use) => this.#pages.forEach(use),
      ...user,
    });
  }

  #read(into: Buffer, position: number, done: (count: number) => void): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined || this.#isClosed) return;
    this.#begin();
    const length = Math.min(into.length, this.#filed - position);
    read(descriptor, into, 0, length, position, (error, count) => {
      if (!this.#isWanted()) return;
      if (error !== null) this.#fail("SPOOL_FAILED", error.message);
      else if (count === 0) this.#fail("SPOOL_FAILED", "its file became shorter");
      else done(count);
    });
  }
}

export interface PourUser {
  /** False: the backend is not asked any more. */
  isWanted(): boolean;
  /** All of it was written. */
  onPoured(): void;
}

interface PourSource extends PourUser {
  readonly filed: number;
  read(into: Buffer, position: number, done: (count: number) => void): void;
  forEach(use: (page: Buffer, length: number) => void): void;
}

/** A kept body on its way to one backend. */
export class Pour {
  readonly #connection: BackendConnection;
  readonly #isChunked: boolean;
  readonly #source: PourSource;
  readonly #piece: Buffer | undefined;
  #position = 0;
  #isReading = false;
  #isOver = false;

  constructor(connection: BackendConnection, isChunked: boolean, source: PourSource) {
    this.#connection = connection;
    this.#isChunked = isChunked;
    this.#source = source;
    if (source.filed > 0) {
      this.#piece = Buffer.allocUnsafeSlow(Math.min(spoolPiece, source.filed));
    }
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Until the backend is slow; then again, once it took what waits for it. */
  go(): void {
    if (this.#isOver || this.#isReading) return;
    const piece = this.#piece;
    if (piece === undefined || this.#position >= this.#source.filed) {
      this.#finish();
      return;
    }
    this.#isReading = true;
    this.#source.read(piece, this.#position, (count) => {
      this.#isReading = false;
      if (!this.#source.isWanted()) {
        this.#isOver = true;
        return;
      }
      this.#position += count;
      this.#connection.writeData(piece, 0, count, this.#isChunked);
      if (this.#connection.flush()) this.go();
    });
  }

  #finish(): void {
    this.#isOver = true;
    this.#source.forEach((page, length) =>
      this.#connection.writeData(page, 0, length, this.#isChunked),
    );
    this.#source.onPoured();
    this.#connection.flush();
  }
}

function withoutFirst(pages: readonly Buffer[], count: number): Buffer[] {
  let left = count;
  const rest: Buffer[] = [];
  for (const page of pages) {
    const cut = Math.min(left, page.length);
    left -= cut;
    if (cut < page.length) rest.push(page.subarray(cut));
  }
  return rest;
}

// --- a file without a name -----------------------------------------------------------------------

/** Linux: Node has no name for it. The same on all of its machines but alpha, parisc and sparc. */
const tmpFile = 0o20000000 | (constants.O_DIRECTORY ?? 0);
const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

type Opened = (error: Error | null, descriptor: number | undefined) => void;

/** `/tmp` is memory on many machines; `/var/tmp` is not (file-hierarchy(7)). */
const isSaid = process.env["TMPDIR"] !== undefined || !existsSync("/var/tmp");
const folder = isSaid ? tmpdir() : "/var/tmp";

function openNameless(done: Opened): void {
  open(folder, O_RDWR | tmpFile, 0o600, (error, descriptor) => {
    if (error === null) done(null, descriptor);
    else openUnlinked(done);
  });
}

/** Where the file system knows nothing of such files: with a name that nobody can guess, which goes at once. */
function openUnlinked(done: Opened): void {
  const name = join(folder, `tidegate-${randomBytes(16).toString("hex")}`);
  open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600, (error, descriptor) => {
    if (error !== null) done(error, undefined);
    else unlink(name, (failed) => done(failed, descriptor));
  });
}
