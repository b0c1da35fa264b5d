// The way to one other worker: connected when it is first asked or told something, and again after a while when it was
// lost. Everything of one turn of the event loop leaves in one line.

import { connect, type Socket } from "node:net";

import { mostPeerBacklog, mostPeerQuestions, peerRetryWait } from "../config/peer-limits.ts";
import { greeting, isReplies, type News, PeerLines, type Question } from "./peer-lines.ts";
import type { Peer } from "./peers.ts";

interface Asked {
  resolve(answer: unknown): void;
  reject(error: Error): void;
  readonly late: NodeJS.Timeout;
}

export interface PeerPlaces {
  /** Where it takes questions. */
  readonly questions: string;
  /** Where it takes HTTP. */
  readonly http: string;
}

export class PeerLink implements Peer {
  readonly path: string;
  readonly #place: string;
  readonly #asked = new Map<number, Asked>();
  #socket: Socket | undefined;
  #ids = 0;
  #questions: Question[] = [];
  #news: News[] = [];
  #isArmed = false;
  #isClosed = false;
  /** `performance.now()` before which it is not tried again. */
  #notBefore = 0;

  constructor({ questions, http }: PeerPlaces) {
    this.#place = questions;
    this.path = http;
  }

  ask(topic: string, question: unknown, wait: number): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const why = this.#trouble;
    if (why !== undefined) {
      reject(new Error(why));
      return promise;
    }
    const id = ++this.#ids;
    const late = setTimeout(() => {
      this.#asked.delete(id);
      reject(new Error(`the worker did not answer within ${wait} ms`));
    }, wait);
    this.#asked.set(id, { resolve, reject, late });
    this.#questions.push([id, topic, question]);
    this.#arm();
    return promise;
  }

  /** Why there is no asking it now. */
  get #trouble(): string | undefined {
    if (this.#isClosed) return "the worker is gone";
    if (this.#asked.size >= mostPeerQuestions) return "the worker has too many questions to answer";
    const isAway = this.#socket === undefined && performance.now() < this.#notBefore;
    return isAway ? "the worker could not be reached" : undefined;
  }

  /** Lost when it cannot be reached. */
  tell(topic: string, news: unknown): void {
    if (this.#isClosed) return;
    this.#news.push([topic, news]);
    this.#arm();
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isArmed = false;
    const said = { ask: this.#questions, tell: this.#news };
    this.#questions = [];
    this.#news = [];
    if (this.#isClosed) return;
    const socket = this.#socket ?? this.#connect();
    socket.write(`${JSON.stringify(said)}\n`);
    if (socket.writableLength > mostPeerBacklog) socket.destroy();
  }

  #connect(): Socket {
    const socket = connect({ path: this.#place });
    this.#socket = socket;
    const lines = new PeerLines((value) => this.#onReplies(value));
    socket.on("data", (bytes: Buffer) => {
      if (!lines.take(bytes)) socket.destroy();
    });
    // What is wrong with it makes no difference: 'close' follows.
    socket.on("error", () => {});
    socket.on("close", () => this.#onLost(socket));
    socket.write(`${greeting}\n`);
    return socket;
  }

  #onReplies(value: unknown): void {
    if (!isReplies(value)) return;
    for (const [id, answer, isRefused] of value) {
      const asked = this.#asked.get(id);
      if (asked === undefined) continue;
      this.#asked.delete(id);
      clearTimeout(asked.late);
      if (isRefused === true) asked.reject(new Error(String(answer)));
      else asked.resolve(answer);
    }
  }

  #onLost(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#notBefore = performance.now() + peerRetryWait;
    this.#rejectAll(new Error("the worker was lost"));
  }

  #rejectAll(error: Error): void {
    const all = [...this.#asked.values()];
    this.#asked.clear();
    for (const { late, reject } of all) {
      clearTimeout(late);
      reject(error);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#rejectAll(new Error("the worker is gone"));
  }
}
