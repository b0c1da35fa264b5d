// Nonces of digest authentication: made of the time and a secret, so that none has to be remembered until it is used; and
// how far each was used, so that no request can be sent a second time by whoever heard it. One worker looks after each.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { digest as limits } from "../config/auth-limits.ts";
import type { Peers } from "../peers/peers.ts";

/** What is told of a use that was not seen before. */
export type NonceUse = "fresh" | "stale";

/** A worker that does not answer is taken for one that is gone, ms: the client is asked once more. */
const askTimeout = 1000;

const topic = "digest nonce";

interface Used {
  /** The highest count so far. */
  highest: number;
  /** Of the counts below it, in order from it downwards. */
  seen: bigint;
}

const everyBit = (1n << BigInt(limits.window)) - 1n;

/** How far nonces were used that this worker looks after. */
export class NonceBook {
  readonly #used = new Map<string, Used>();
  /** Nonces made before, ms since 1970, that are not in the book may have been used all the same. */
  #floor = Date.now();

  /** @param madeAt when the nonce was made, ms since 1970 */
  use(nonce: string, madeAt: number, count: number): NonceUse {
    if (count < 1) return "stale";
    const used = this.#used.get(nonce);
    if (used === undefined) {
      if (madeAt < this.#floor) return "stale";
      this.#makeRoom();
      this.#used.set(nonce, { highest: count, seen: 1n });
      return "fresh";
    }
    if (count > used.highest) {
      const shift = BigInt(Math.min(count - used.highest, limits.window));
      used.seen = ((used.seen << shift) & everyBit) | 1n;
      used.highest = count;
      return "fresh";
    }
    const behind = used.highest - count;
    const bit = 1n << BigInt(behind);
    if (behind >= limits.window || (used.seen & bit) !== 0n) return "stale";
    used.seen |= bit;
    return "fresh";
  }

  #makeRoom(): void {
    if (this.#used.size < limits.mostNonces) return;
    const [oldest] = this.#used.keys();
    if (oldest === undefined) return;
    this.#used.delete(oldest);
    // Whatever is not in the book and was made before that one could be it.
    this.#floor = Math.max(this.#floor, timeOf(oldest) + 1);
  }
}

/** One for all middlewares of a process. */
const books = new WeakMap<Peers, NonceBook>();

function bookOf(peers: Peers): NonceBook {
  let book = books.get(peers);
  if (book === undefined) {
    const made = new NonceBook();
    books.set(peers, made);
    peers.answer(topic, (question) => answerOf(made, question));
    book = made;
  }
  return book;
}

function answerOf(book: NonceBook, question: unknown): NonceUse {
  if (!Array.isArray(question)) return "stale";
  const [nonce, count] = question as readonly unknown[];
  if (typeof nonce !== "string" || typeof count !== "number") return "stale";
  return book.use(nonce, timeOf(nonce), count);
}

const ownSecret = randomBytes(32).toString("hex");

export class Nonces {
  readonly #peers: Peers;
  readonly #secret: () => string;
  readonly #realm: string;
  readonly #book: NonceBook;

  /** @param secret hex; others behind it, after a space each, were the secret before */
  constructor(peers: Peers, secret: () => string, realm: string) {
    this.#peers = peers;
    this.#secret = secret;
    this.#realm = realm;
    this.#book = bookOf(peers);
  }

  make(): string {
    const [secret = ""] = this.#secrets();
    const open = `${Date.now().toString(36)}.${randomBytes(9).toString("base64url")}`;
    return `${open}.${this.#seal(secret, open)}`;
  }

  /** Whether it is one of ours, of any age. */
  isOurs(nonce: string): boolean {
    const [time = "", chance = "", seal = "", more] = nonce.split(".");
    if (more !== undefined) return false;
    // Bytes of the text: several texts stand for the same base64.
    const given = Buffer.from(seal);
    return this.#secrets().some((secret) => {
      const own = Buffer.from(this.#seal(secret, `${time}.${chance}`));
      return own.length === given.length && timingSafeEqual(own, given);
    });
  }

  /** Of one that is ours. */
  use(nonce: string, count: number): NonceUse | Promise<NonceUse> {
    const madeAt = timeOf(nonce);
    const age = Date.now() - madeAt;
    if (age > limits.nonceLife || age < 0) return "stale";
    const peer = this.#peers.ownerOf(nonce);
    if (peer === undefined) return this.#book.use(nonce, madeAt, count);
    return peer.ask(topic, [nonce, count], askTimeout).then(
      (use) => (use === "fresh" ? use : "stale"),
      () => "stale",
    );
  }

  /** Where there is none, everybody could seal with that: one of this process alone is as good, but for others it is foreign. */
  #secrets(): readonly string[] {
    const all = this.#secret();
    return all === "" ? [ownSecret] : all.split(" ");
  }

  #seal(secret: string, open: string): string {
    const text = `digest nonce\0${this.#realm}\0${open}`;
    const seal = createHmac("sha256", Buffer.from(secret, "hex")).update(text).digest();
    return seal.toString("base64url", 0, 18);
  }
}

function timeOf(nonce: string): number {
  const time = Number.parseInt(nonce, 36);
  return Number.isFinite(time) ? time : 0;
}
