// Carries finished log lines to a file or a standard stream, without ever stopping the data plane.
// Lines are gathered in 64 kB blocks, written when full or a second old, one write at a time, off the
// main thread: a synchronous write would be simpler, but a stalled disk or a paused reader of a pipe
// would then stall every connection. What cannot be written waits in a bounded queue (8 MB); when that
// is full, lines are dropped and counted. Nothing here throws: ENOSPC, EIO and EPIPE are reported.
// Hot: bench/access-log.ts

import { close, constants, fstatSync, openSync, write } from "node:fs";

export interface OutputLimits {
  readonly blockBytes: number;
  readonly queueBytes: number;
  /** Age at which a block is written though it is not full. */
  readonly maxAgeMs: number;
  readonly retryMs: number;
  readonly reportMs: number;
  readonly closeMs: number;
}

const defaults: OutputLimits = {
  blockBytes: 64 * 1024,
  queueBytes: 8 * 1024 * 1024,
  maxAgeMs: 1000,
  retryMs: 1000,
  reportMs: 10_000,
  closeMs: 1000,
};

/** `done` gets what went wrong, if something did, and how many bytes were written all the same. */
type Done = (error: Error | null, written: number) => void;

interface Target {
  write(bytes: Buffer, done: Done): void;
  close(): void;
}

export class LogOutput {
  readonly #path: string;
  readonly #onProblem: (message: string) => void;
  readonly #limits: OutputLimits;
  readonly #what: string;
  #target: Target | undefined = undefined;
  #block: Buffer;
  #used = 0;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #isWriting = false;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isReopening = false;
  #isFailing = false;
  #dropped = 0;
  #lastReport = Number.NEGATIVE_INFINITY;
  #onClosed: (() => void) | undefined = undefined;

  /** @param what it is, for messages */
  constructor(
    path: string,
    onProblem: (message: string) => void,
    limits: Partial<OutputLimits> = {},
    what = "access log",
  ) {
    this.#what = what;
    this.#path = path;
    this.#onProblem = onProblem;
    this.#limits = { ...defaults, ...limits };
    this.#block = Buffer.allocUnsafeSlow(this.#limits.blockBytes);
    this.#open();
  }

  /** Takes a line, its line end included; one character is one byte. */
  add(line: string): void {
    const end = this.#used + line.length;
    if (end > this.#block.length) {
      this.#addToNext(line);
      return;
    }
    if (this.#used === 0) this.#arm(this.#limits.maxAgeMs);
    this.#block.write(line, this.#used, "latin1");
    this.#used = end;
  }

  flush(): void {
    if (this.#used > 0) {
      this.#enqueue(this.#block.subarray(0, this.#used));
      this.#block = Buffer.allocUnsafeSlow(this.#limits.blockBytes);
      this.#used = 0;
    }
    this.#pump();
  }

  reopen(): void {
    this.#isReopening = true;
    this.flush();
  }

  /** Late lines are still taken: for each batch of them the file is opened once more. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      const deadline = setTimeout(resolve, this.#limits.closeMs);
      this.#onClosed = () => {
        clearTimeout(deadline);
        clearTimeout(this.#timer);
        this.#release();
        resolve();
      };
      this.flush();
    });
  }

  #addToNext(line: string): void {
    this.flush();
    if (line.length > this.#block.length) {
      this.#enqueue(Buffer.from(line, "latin1"));
      this.#pump();
    } else {
      this.add(line);
    }
  }

  #enqueue(bytes: Buffer): void {
    if (this.#queuedBytes + bytes.length > this.#limits.queueBytes) {
      this.#drop(bytes);
      return;
    }
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
  }

  /** Starts the next write, if none runs; called again when it ended. */
  #pump(): void {
    if (this.#isWriting) return;
    // Lines from before a rotation belong into the old file, as long as it takes them.
    if (this.#isReopening && (this.#queue.length === 0 || this.#isFailing)) this.#open();
    const bytes = this.#queue[0];
    if (bytes === undefined) {
      this.#onClosed?.();
      return;
    }
    if (this.#target === undefined && !this.#open()) {
      this.#pause(this.#limits.retryMs);
      return;
    }
    this.#isWriting = true;
    this.#target?.write(bytes, (error, written) => {
      this.#isWriting = false;
      this.#queuedBytes -= written;
      if (written >= bytes.length) this.#queue.shift();
      else this.#queue[0] = bytes.subarray(written);
      if (error === null) this.#recover();
      else if (!this.#mayGoOn(error)) return;
      this.#pump();
    });
  }

  /** After a failed write: whether to go on at once. */
  #mayGoOn(error: Error): boolean {
    const code = codeOf(error);
    if (code === "EAGAIN" || code === "EINTR") {
      this.#pause(Math.min(50, this.#limits.retryMs));
      return false;
    }
    // A stream that was destroyed takes nothing ever again.
    if (code === "ERR_STREAM_DESTROYED" || (code === "EPIPE" && isStandard(this.#path))) {
      for (const bytes of this.#queue) this.#drop(bytes);
      this.#queue = [];
      this.#queuedBytes = 0;
      this.#fail(error);
      return true;
    }
    this.#fail(error);
    this.#pause(this.#limits.retryMs);
    return false;
  }

  /** While closing there is no later: what failed now is given up. */
  #pause(ms: number): void {
    if (this.#onClosed === undefined) this.#arm(ms);
    else this.#onClosed();
  }

  #arm(ms: number): void {
    // Unreferenced: unwritten lines do not keep a process alive that has nothing else to do; `close`
    // writes them.
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.flush();
    }, ms).unref();
  }

  #open(): boolean {
    this.#isReopening = false;
    try {
      const next = openTarget(this.#path);
      this.#target?.close();
      this.#target = next;
      return true;
    } catch (error) {
      // A running log keeps its old file; lines in a file of an old name are better than none.
      this.#fail(error);
      return false;
    }
  }

  #release(): void {
    this.#target?.close();
    this.#target = undefined;
  }

  #drop(bytes: Buffer): void {
    for (const byte of bytes) if (byte === 0x0a) this.#dropped++;
  }

  #fail(error: unknown): void {
    this.#isFailing = true;
    this.#report(error instanceof Error ? error.message : String(error));
  }

  #recover(): void {
    const what = this.#isFailing ? "writing works again" : "writing is too slow";
    this.#isFailing = false;
    if (this.#dropped > 0) this.#report(what);
  }

  #report(what: string): void {
    const now = performance.now();
    if (now - this.#lastReport < this.#limits.reportMs) return;
    this.#lastReport = now;
    const lost = this.#dropped === 0 ? "" : `; ${this.#dropped} lines were lost`;
    this.#dropped = 0;
    this.#onProblem(`${this.#what} ${this.#path}: ${what}${lost}`);
  }
}

function isStandard(path: string): boolean {
  return path === "stdout" || path === "stderr";
}

function openTarget(path: string): Target {
  if (isStandard(path)) return standardTarget(path === "stdout" ? 1 : 2);
  // Without O_NONBLOCK, opening a FIFO would stop the whole process until somebody reads from it.
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
  const descriptor = openSync(path, flags, 0o640);
  return {
    write: (bytes, done) => write(descriptor, bytes, done),
    close: () => close(descriptor, () => {}), // its lines are written; a failing close loses nothing
  };
}

function standardTarget(descriptor: 1 | 2): Target {
  const kind = fstatSync(descriptor);
  if (kind.isFile()) return { write: (bytes, done) => write(descriptor, bytes, done), close() {} };
  // Pipes, sockets and terminals go through Node's stream: a write that blocks in a thread of its own
  // could not be given up, and would keep the process from ending.
  const stream = descriptor === 1 ? process.stdout : process.stderr;
  if (!stream.listeners("error").includes(ignore)) stream.on("error", ignore);
  return {
    write(bytes, done) {
      writeLines(stream, bytes, 0, done);
    },
    close() {},
  };
}

/** A pipe takes so much at once without mixing it with what another process writes: PIPE_BUF of Linux. */
const atomicBytes = 4096;

/** In pieces that end with a line, one after the other: all workers write to the same pipe. */
function writeLines(stream: NodeJS.WriteStream, bytes: Buffer, from: number, done: Done): void {
  const lineEnd = bytes.lastIndexOf(0x0a, from + atomicBytes - 1) + 1;
  // A longer line cannot be kept together.
  const end =
    bytes.length - from <= atomicBytes
      ? bytes.length
      : lineEnd > from
        ? lineEnd
        : from + atomicBytes;
  stream.write(bytes.subarray(from, end), (error) => {
    if (error) done(error, from);
    else if (end === bytes.length) done(null, end);
    else writeLines(stream, bytes, end, done);
  });
}

// A failed write is told to its callback; without a listener the process would die of it as well. It
// stays on the stream, as an error may come late.
function ignore(): void {}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}
