// The requests that a thread of a middleware has been asked about, and those that it will be told the end of.

import { ownThreadLimits as limits } from "../config/middleware-limits.ts";
import type { Answer, Outcome, Request } from "../own/contract.ts";
import {
  type Edit,
  type FromThread,
  type SentRequest,
  sinceEpoch,
  type ToThread,
} from "../own/thread-words.ts";
import { ThreadAway, ThreadFault } from "./own-fault.ts";

type Said = Extract<FromThread, { kind: "said" }>;

interface LineEnds {
  post(words: ToThread): void;
  /** Nobody waits, and nobody will be told of an end. */
  onIdle(): void;
}

interface Waiting {
  readonly lateAt: number;
  resolve(said: Said): void;
  reject(error: Error): void;
}

export class ThreadLine {
  /** Whether the middleware wants to know of ends. */
  hasDone = true;
  readonly #timeout: number;
  readonly #ends: LineEnds;
  /** By id, the longest waiting first. */
  readonly #waiting = new Map<number, Waiting>();
  /** Ids of those that went on. */
  readonly #ids = new WeakMap<Request, number>();
  readonly #open = new Set<number>();
  #lastId = 0;
  /** Those that wait, until what they were told is done. */
  #asking = 0;
  /** Both count requests of this thread. */
  #sent = 0;
  #read = 0;

  /** @param timeout nobody waits longer, ms */
  constructor(timeout: number, ends: LineEnds) {
    this.#timeout = timeout;
    this.#ends = ends;
  }

  get isNeeded(): boolean {
    return this.#asking > 0 || this.#open.size > 0;
  }

  #settle(): void {
    if (!this.isNeeded) this.#ends.onIdle();
  }

  /** @throws when it cannot be asked, or does not answer, or what it did cannot be done any more */
  async ask(request: Request): Promise<Answer | undefined> {
    // Those that nobody waits for any more may still stand in its way.
    if (Math.max(this.#waiting.size, this.#sent - this.#read) >= limits.waiting) {
      throw new ThreadAway(`${limits.waiting} requests wait for its thread`);
    }
    const id = ++this.#lastId;
    this.#asking++;
    try {
      const { edits, answer } = await this.#said(id, sentForm(request));
      this.#obey(id, request, edits);
      if (answer === undefined && this.hasDone) {
        this.#ids.set(request, id);
        this.#open.add(id);
      }
      return answer;
    } finally {
      this.#asking--;
      this.#settle();
    }
  }

  #said(id: number, request: SentRequest): Promise<Said> {
    const lateAt = sinceEpoch() + this.#timeout;
    const { promise, resolve, reject } = Promise.withResolvers<Said>();
    this.#waiting.set(id, { lateAt, resolve, reject });
    this.#sent++;
    this.#ends.post({ kind: "ask", id, request, lateAt });
    return promise;
  }

  #obey(id: number, request: Request, edits: readonly Edit[]): void {
    try {
      apply(request, edits);
    } catch (error) {
      // It is over, or nobody waits for this any more.
      this.#ends.post({ kind: "forget", id });
      throw error;
    }
  }

  done(request: Request, outcome: Outcome): void {
    const id = this.#ids.get(request);
    if (id === undefined || !this.#open.delete(id)) return;
    this.#ends.post({ kind: "done", id, outcome });
    this.#settle();
  }

  take(words: Extract<FromThread, { kind: "said" | "failed" }>): void {
    const { id, read } = words;
    this.read(read);
    const found = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (found === undefined) this.#ends.post({ kind: "forget", id });
    else if (words.kind === "said") found.resolve(words);
    else found.reject(new ThreadFault(words.cause));
  }

  /** @param count requests that the thread has taken off its line so far */
  read(count: number): void {
    this.#read = count;
  }

  /** Whoever asked has given up by then; what the thread promised may never be kept. */
  sweep(): void {
    const now = sinceEpoch();
    for (const [id, { lateAt, reject }] of this.#waiting) {
      if (lateAt > now) return;
      this.#waiting.delete(id);
      reject(new ThreadFault(`no answer within ${this.#timeout} ms`));
    }
  }

  /** Its thread is another one from now on, or none. */
  clear(why: Error): void {
    for (const { reject } of this.#waiting.values()) reject(why);
    this.#waiting.clear();
    this.#open.clear();
    this.#sent = 0;
    this.#read = 0;
  }
}

function sentForm(request: Request): SentRequest {
  const { method, scheme, host, path, query, clientIp, user, route, headers } = request;
  const fields = headers.entries();
  return { method, scheme, host, path, query, clientIp, user, route, headers: fields };
}

/** @throws when the request is over, or what was done to it cannot be done */
function apply(request: Request, edits: readonly Edit[]): void {
  // Asked also where nothing is changed: it says whether there is somebody left.
  void request.path;
  for (const edit of edits) {
    if (edit.what === "path") request.path = edit.text;
    else if (edit.what === "query") request.query = edit.text;
    else if (edit.what === "remove") request.headers.remove(edit.name);
    else if (edit.what === "set") request.headers.set(edit.name, edit.text);
    else request.headers.add(edit.name, edit.text);
  }
}
