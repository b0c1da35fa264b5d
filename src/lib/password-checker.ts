// Has passwords checked by a thread, one after the other: a hash is made to cost time, and here one processor's at
// most. The thread begins when it is needed, and ends when nobody has needed it for a while.

import { extname, join } from "node:path";
import { Worker } from "node:worker_threads";

export interface PasswordQuestion {
  readonly id: number;
  readonly password: string;
  readonly hash: string;
}

interface Asked {
  readonly question: PasswordQuestion;
  /** undefined = it could not be found out. */
  resolve(isRight: boolean | undefined): void;
}

/** TypeScript in a checkout, JavaScript when published. */
const entry = join(import.meta.dirname, `password-thread${extname(import.meta.filename)}`);

export class PasswordChecker {
  readonly #mostWaiting: number;
  readonly #idle: number;
  readonly #asked: Asked[] = [];
  #thread: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastId = 0;
  #isBusy = false;

  /** @param idle the thread ends after this, ms */
  constructor(mostWaiting: number, idle: number) {
    this.#mostWaiting = mostWaiting;
    this.#idle = idle;
  }

  /** undefined = too many wait, or it could not be found out. Never rejects. */
  check(password: string, hash: string): Promise<boolean | undefined> {
    if (this.#asked.length >= this.#mostWaiting) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<boolean | undefined>();
    this.#asked.push({ question: { id: ++this.#lastId, password, hash }, resolve });
    this.#next();
    return promise;
  }

  /** One at a time: what is in the thread's own line could not be counted. */
  #next(): void {
    const [first] = this.#asked;
    clearTimeout(this.#timer);
    if (first === undefined) {
      this.#timer = setTimeout(() => this.#end(), this.#idle);
      this.#timer.unref();
      return;
    }
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#thread ??= this.#begin();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#thread.postMessage(first.question);
  }

  #begin(): Worker {
    const thread = new Worker(entry, { name: "passwords" });
    thread.unref();
    thread.on("message", ({ id, isRight }: { id: number; isRight: boolean | undefined }) => {
      if (thread === this.#thread && this.#asked[0]?.question.id === id) this.#answered(isRight);
    });
    const lost = () => {
      if (thread !== this.#thread) return;
      this.#thread = undefined;
      if (this.#isBusy) this.#answered(undefined);
    };
    thread.on("error", lost);
    thread.on("exit", lost);
    return thread;
  }

  #answered(isRight: boolean | undefined): void {
    this.#isBusy = false;
    this.#asked.shift()?.resolve(isRight);
    this.#next();
  }

  #end(): void {
    const thread = this.#thread;
    this.#thread = undefined;
    void thread?.terminate();
  }
}
