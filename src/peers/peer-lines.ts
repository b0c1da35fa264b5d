// What workers say to each other: lines of JSON over a unix socket. Whoever connects asks and tells, the other one
// answers; the first line of either says who speaks, since a worker of another version may mean something else by the
// same words.

import { StringDecoder } from "node:string_decoder";

import { longestPeerLine } from "../config/peer-limits.ts";
import { programVersion } from "../lib/version.ts";

/** Counted up when a line changes its meaning. */
const protocol = 1;

export const greeting = JSON.stringify({ peer: protocol, version: programVersion() });

/** `[id, topic, question]` */
export type Question = readonly [number, string, unknown];
/** `[topic, news]` */
export type News = readonly [string, unknown];
/** `[id, answer]`, or `[id, why there is none, true]` */
export type Reply = readonly [number, unknown, true?];

/** One turn of who connects. */
export interface Said {
  readonly ask: readonly Question[];
  readonly tell: readonly News[];
}

/** Puts lines together; the first one must be the greeting. */
export class PeerLines {
  readonly #decoder = new StringDecoder("utf8");
  readonly #onLine: (value: unknown) => void;
  #partial = "";
  #isGreeted = false;

  constructor(onLine: (value: unknown) => void) {
    this.#onLine = onLine;
  }

  /** @returns false: the other one cannot be understood, and must not be listened to any more */
  take(bytes: Buffer): boolean {
    const lines = (this.#partial + this.#decoder.write(bytes)).split("\n");
    this.#partial = lines.pop() ?? "";
    if (this.#partial.length > longestPeerLine) return false;
    for (const line of lines) {
      if (!this.#isGreeted) {
        if (line !== greeting) return false;
        this.#isGreeted = true;
        continue;
      }
      try {
        this.#onLine(JSON.parse(line));
      } catch {
        return false;
      }
    }
    return true;
  }
}

/** Both ends are of the same program and version: no need to look closer than at the shape. */
export function isSaid(value: unknown): value is Said {
  return typeof value === "object" && value !== null && "ask" in value && "tell" in value;
}

export function isReplies(value: unknown): value is readonly Reply[] {
  return Array.isArray(value);
}
