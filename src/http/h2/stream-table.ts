// The streams of a connection by their identifiers, and what is known of those that are not there (RFC 9113 section 5.1).

import { http2Limits } from "../../config/http2-limits.ts";
import type { Stream } from "./stream.ts";

const maxId = 0x7fff_ffff;

export class StreamTable {
  readonly streams = new Map<number, Stream>();
  /** Highest that the peer has begun; 0 = none. */
  lastPeerId = 0;
  readonly #isServer: boolean;
  #nextOwnId = 1;
  /** Streams that we have reset lately, and how many bytes of DATA may still come on each. */
  #resets: Map<number, number> | null = null;
  /** So many resets have been forgotten. */
  #hasForgotten = false;

  constructor(isServer: boolean) {
    this.#isServer = isServer;
  }

  /** For a stream of ours; undefined = they are used up. */
  takeId(): number | undefined {
    if (this.#isServer || this.#nextOwnId > maxId) return undefined;
    const id = this.#nextOwnId;
    this.#nextOwnId += 2;
    return id;
  }

  get hasIds(): boolean {
    return this.#nextOwnId <= maxId;
  }

  /** Clients begin odd streams, and nobody else may begin one: we take no pushes. */
  isOfPeer(id: number): boolean {
    return this.#isServer && (id & 1) === 1;
  }

  /** It has never been begun. */
  isIdle(id: number): boolean {
    if ((id & 1) === 0) return true;
    return this.#isServer ? id > this.lastPeerId : id >= this.#nextOwnId;
  }

  /** We have reset it: what the peer sent before it knew may still come. */
  rememberReset(id: number, windowLeft: number): void {
    this.#resets ??= new Map();
    this.#resets.set(id, windowLeft);
    if (this.#resets.size <= http2Limits.resetsKept) return;
    this.#hasForgotten = true;
    for (const oldest of this.#resets.keys()) {
      this.#resets.delete(oldest);
      break;
    }
  }

  /** Whether something may still come on a stream that is closed, because we have reset it. */
  mayBeLate(id: number): boolean {
    return this.#hasForgotten || (this.#resets?.has(id) ?? false);
  }

  /** DATA came on a closed stream. False: it may not, or not so much. */
  takeLate(id: number, bytes: number): boolean {
    const left = this.#resets?.get(id);
    if (left === undefined) return this.#hasForgotten;
    this.#resets?.set(id, left - bytes);
    return left >= bytes;
  }

  /** The peer has ended a stream that we have reset: nothing more may come. */
  endLate(id: number): void {
    this.#resets?.delete(id);
  }
}
