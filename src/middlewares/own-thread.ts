// One version of a middleware of somebody's own in a thread to itself. To whoever runs it it is a middleware like any other,
// but that it is asked by messages. Here is what a thread may not do to its worker: a loop without an end, a heap without an
// end, an end of its own. Such a thread is ended, and begun again a little later.

import { basename, extname, join } from "node:path";
import { Worker } from "node:worker_threads";
import type { LiveDocument } from "../config/documents.ts";
import { ownThreadLimits as limits } from "../config/middleware-limits.ts";
import type { OwnThreadBounds, OwnUse } from "../config/middlewares/uses/own.ts";
import { Backoff } from "../lib/backoff.ts";
import { formatSize } from "../lib/size.ts";
import type { Answer, Hooks, Outcome, Request } from "../own/contract.ts";
import {
  type FromThread,
  isFromThread,
  type ThreadSetup,
  type ToThread,
} from "../own/thread-words.ts";
import type { MiddlewareApi } from "./middleware.ts";
import {
  faultText,
  ThreadAway,
  ThreadEnd,
  ThreadFault,
  ThreadLost,
  warningOf,
} from "./own-fault.ts";
import { ThreadLine } from "./own-thread-line.ts";

/** TypeScript in a checkout, JavaScript when published. */
const entry = join(import.meta.dirname, `own-thread-entry${extname(import.meta.filename)}`);

const mega = 1024 * 1024;

/** Of this process. */
let running = 0;

interface ThreadOptions {
  readonly use: OwnUse;
  readonly bounds: OwnThreadBounds;
  readonly document: LiveDocument;
  readonly api: MiddlewareApi;
  /** Told of what goes wrong apart from requests. */
  onFault(error: Error): void;
}

export class OwnThread implements Hooks {
  readonly #options: ThreadOptions;
  readonly #backoff = new Backoff(limits.again);
  readonly #line: ThreadLine;
  #worker: Worker | undefined;
  #isUp = false;
  /** As `performance.now()`. */
  #begunAt = 0;
  /** Until it is up, or is begun again, or has had its time to end. */
  #timer: NodeJS.Timeout | undefined;
  #isResting = false;
  #isClosed = false;
  #isLeaving = false;
  #hasSaidFarewell = false;
  #looking: NodeJS.Timeout | undefined;
  #isPinged = false;
  #isHeard = false;
  #missed = 0;
  /** Whoever wants to know whether it can be used at all. */
  #trial: PromiseWithResolvers<void> | undefined;
  /** Told when the thread of one that is closed is gone. */
  onGone: () => void = () => {};

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#line = new ThreadLine(options.use.timeout, {
      post: (words) => this.#post(words),
      onIdle: () => this.#leave(),
    });
  }

  get isBegun(): boolean {
    return this.#worker !== undefined || this.#isResting;
  }

  /** Begins it to take over from another one. @throws when it cannot be used: then it is closed */
  async begin(): Promise<void> {
    this.#trial = Promise.withResolvers<void>();
    this.#begin();
    await this.#trial.promise;
  }

  onRequest(request: Request): Promise<Answer | undefined> {
    if (this.#isResting) throw new ThreadAway("its thread ended, and is begun again");
    if (this.#worker === undefined) this.#beginFirst();
    return this.#line.ask(request);
  }

  onDone(request: Request, outcome: Outcome): void {
    this.#line.done(request, outcome);
  }

  /** Those that it has may go on, and those that are on their way to it. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isResting = false;
    clearTimeout(this.#timer);
    if (this.#worker === undefined) {
      this.onGone();
      return;
    }
    this.#endIn(limits.farewell);
    if (!this.#line.isNeeded) this.#leave();
  }

  /** At once, whatever it has. */
  end(): void {
    this.#isClosed = true;
    if (this.#worker !== undefined)
      this.#lost(this.#worker, new ThreadLost("nobody uses it any more"));
  }

  #beginFirst(): void {
    if (running >= limits.threads) {
      throw new ThreadAway(`this worker has ${limits.threads} threads of middlewares already`);
    }
    this.#begin();
  }

  #begin(): void {
    const { use, bounds, document, api } = this.#options;
    const workerData: ThreadSetup = {
      path: use.path,
      text: document.text,
      version: document.version,
      settings: use.settings,
      owner: api.owner,
      mostKept: limits.kept,
      mostWarnings: limits.warnings,
      warningWindow: limits.warningWindow,
    };
    const worker = new Worker(entry, {
      name: `own ${basename(use.path)}`,
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(bounds.memory / mega) },
    });
    running++;
    this.#worker = worker;
    this.#begunAt = performance.now();
    // Whoever waits for it holds the process, not the thread.
    worker.unref();
    worker.on("message", (words: unknown) => this.#hear(worker, words));
    worker.on("messageerror", (error) => this.#lost(worker, error));
    worker.on("error", (error) => this.#lost(worker, this.#causeOf(error)));
    worker.once("exit", () => {
      running--;
      this.#lost(worker, new ThreadFault("it ended by itself"));
    });
    const late = new ThreadFault(`it was not up within ${limits.start / 1000} s`);
    this.#timer = setTimeout(() => this.#lost(worker, late), limits.start);
    this.#timer.unref();
  }

  #post(words: ToThread): void {
    this.#worker?.postMessage(words);
  }

  #hear(worker: Worker, words: unknown): void {
    if (worker !== this.#worker || !isFromThread(words)) return;
    this.#isHeard = true;
    switch (words.kind) {
      case "up":
        this.#rise(worker, words.hasDone);
        return;
      case "unfit":
        this.#lost(worker, new ThreadFault(words.cause));
        return;
      case "said":
      case "failed":
        this.#line.take(words);
        return;
      case "closed":
        this.#hasSaidFarewell = true;
        if (!this.#line.isNeeded) this.end();
        return;
      default:
        this.#note(words);
    }
  }

  #note(words: Extract<FromThread, { kind: "pong" | "warn" | "fault" }>): void {
    if (words.kind === "pong") {
      this.#isPinged = false;
      this.#line.read(words.read);
    } else if (words.kind === "warn") {
      this.#options.api.warn(...warningOf(words.message, words.fields));
    } else {
      this.#options.onFault(new ThreadFault(words.cause));
    }
  }

  #rise(worker: Worker, hasDone: boolean): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#line.hasDone = hasDone;
    // One that is closed has that of its farewell there.
    if (!this.#isClosed) clearTimeout(this.#timer);
    this.#missed = 0;
    this.#looking = setInterval(() => this.#look(worker), limits.look);
    this.#looking.unref();
    this.#trial?.resolve();
    this.#trial = undefined;
  }

  /** A stall of our own counts once at most: what it said meanwhile is heard before the next look. */
  #look(worker: Worker): void {
    const { busy, memory } = this.#options.bounds;
    this.#line.sweep();
    this.#missed = this.#isPinged && !this.#isHeard ? this.#missed + 1 : 0;
    this.#isHeard = false;
    if (this.#missed * limits.look >= busy) {
      this.#lost(worker, new ThreadFault(`it computed for more than ${busy} ms without a pause`));
      return;
    }
    if (!this.#isPinged) {
      this.#isPinged = true;
      this.#post({ kind: "ping" });
    }
    void worker.getHeapStatistics().then(
      ({ used_heap_size: heap, external_memory: buffers }) => {
        // What nobody holds any more counts until it is collected.
        if (heap + buffers > 2 * memory) this.#lost(worker, this.#tooLarge());
      },
      // It is over.
      () => {},
    );
  }

  #tooLarge(): ThreadFault {
    return new ThreadFault(`it took more than ${formatSize(this.#options.bounds.memory)}`);
  }

  #causeOf(error: unknown): Error {
    const code: unknown =
      typeof error === "object" && error !== null ? Reflect.get(error, "code") : undefined;
    if (code === "ERR_WORKER_OUT_OF_MEMORY") return this.#tooLarge();
    return new ThreadFault(faultText(error));
  }

  #lost(worker: Worker, cause: Error): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    this.#isUp = false;
    this.#isPinged = false;
    clearTimeout(this.#timer);
    clearInterval(this.#looking);
    void worker.terminate();
    this.#isLeaving = false;
    this.#hasSaidFarewell = false;
    this.#line.clear(new ThreadLost(`its thread ended: ${cause.message}`));
    const trial = this.#trial;
    this.#trial = undefined;
    if (this.#isClosed || trial !== undefined) {
      this.#isClosed = true;
      trial?.reject(cause);
      this.onGone();
      return;
    }
    this.#options.onFault(new ThreadEnd(cause.message));
    this.#rest(this.#backoff.next(performance.now() - this.#begunAt));
  }

  #rest(ms: number): void {
    this.#isResting = true;
    this.#timer = setTimeout(() => {
      this.#isResting = false;
      try {
        this.#beginFirst();
      } catch (error) {
        this.#options.onFault(new ThreadEnd(faultText(error)));
        this.#rest(this.#backoff.next(0));
      }
    }, ms);
    this.#timer.unref();
  }

  /** Nobody needs it now, and nobody will but late comers. */
  #leave(): void {
    if (!this.#isClosed || this.#worker === undefined) return;
    if (this.#hasSaidFarewell) this.end();
    else if (!this.#isLeaving) {
      this.#isLeaving = true;
      this.#endIn(limits.closing);
      this.#post({ kind: "close" });
    }
  }

  #endIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.end(), ms);
    this.#timer.unref();
  }
}
