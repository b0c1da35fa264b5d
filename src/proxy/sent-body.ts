// The body of a request on its way to a backend: what was not sent yet, or is kept so that it can be sent again.

import type { BackendConnection } from "../upstream/backend-connection.ts";
import { KeptBody } from "./kept-body.ts";

export class SentBody {
  /** Its length was not told. */
  readonly isChunked: boolean;
  /** All of it has come. */
  isEnded: boolean;
  /** All that has come is still here. */
  isReplayable = true;
  trailers = "";
  readonly #kept = new KeptBody();

  constructor(isChunked: boolean, isEnded: boolean) {
    this.isChunked = isChunked;
    this.isEnded = isEnded;
  }

  /** Bytes that are here. */
  get bytes(): number {
    return this.#kept.bytes;
  }

  /**
   * More of it came.
   * @param most so many bytes are kept to be sent again
   * @param connection it goes to; null = there is none yet
   * @returns false: just now it became too long to be sent again
   */
  add(
    [buffer, start, end]: readonly [Buffer, number, number],
    most: number,
    connection: BackendConnection | null,
  ): boolean {
    const isTooLong = this.isReplayable && this.bytes + end - start > most;
    if (isTooLong) {
      this.isReplayable = false;
      if (connection !== null) this.#kept.clear();
    }
    if (this.isReplayable || connection === null) this.#kept.add(buffer, start, end);
    connection?.writeData(buffer, start, end, this.isChunked);
    return !isTooLong;
  }

  /** Writes what is here. */
  writeTo(connection: BackendConnection): void {
    this.#kept.forEach((page, length) => connection.writeData(page, 0, length, this.isChunked));
    if (!this.isReplayable) this.#kept.clear();
    if (this.isEnded) this.endOn(connection);
  }

  endOn(connection: BackendConnection): void {
    connection.endRequest(this.trailers, this.isChunked);
  }

  /** It is of no use any more. */
  clear(): void {
    this.#kept.clear();
  }
}
