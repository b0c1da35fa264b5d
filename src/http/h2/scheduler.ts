// Who sends next (RFC 9218 section 10): the more urgent first; of the same urgency in turns, a frame each, except
// where the peer has said that parts of an answer are of no use to it: then one after the other.

import type { Stream } from "./stream.ts";

const urgencies = 8;
/** From here on, the list of those who wait for the connection's window is looked through when it has doubled. */
const leastSwept = 1024;

export class Scheduler {
  /** A ring of streams for each urgency: its first. */
  readonly #firsts: (Stream | null)[] = Array.from({ length: urgencies }, () => null);
  #count = 0;
  /** They could send if the connection's window were open. */
  #starved: Stream[] = [];
  #sweepAt = leastSwept;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  add(stream: Stream): void {
    if (stream.isScheduled || stream.isStarved) return;
    const first = this.#firsts[stream.urgency]!;
    stream.isScheduled = true;
    this.#count++;
    if (first === null) {
      stream.next = stream;
      stream.previous = stream;
      this.#firsts[stream.urgency] = stream;
      return;
    }
    const last = first.previous!;
    stream.next = first;
    stream.previous = last;
    last.next = stream;
    first.previous = stream;
  }

  remove(stream: Stream): void {
    stream.isStarved = false;
    if (!stream.isScheduled) return;
    stream.isScheduled = false;
    this.#count--;
    const { next, previous } = stream;
    stream.next = null;
    stream.previous = null;
    if (next === stream) {
      this.#firsts[stream.urgency] = null;
      return;
    }
    next!.previous = previous;
    previous!.next = next;
    if (this.#firsts[stream.urgency] === stream) this.#firsts[stream.urgency] = next;
  }

  /** Takes it out until the connection's window opens. */
  starve(stream: Stream): void {
    this.remove(stream);
    stream.isStarved = true;
    // Streams that ended meanwhile are still in it.
    if (this.#starved.length >= this.#sweepAt) {
      this.#starved = this.#starved.filter((each) => each.isStarved);
      this.#sweepAt = Math.max(leastSwept, 2 * this.#starved.length);
    }
    this.#starved.push(stream);
  }

  /** The connection's window has opened. */
  feed(): void {
    if (this.#starved.length === 0) return;
    const starved = this.#starved;
    this.#starved = [];
    for (const stream of starved) {
      // Some have been removed meanwhile.
      if (!stream.isStarved) continue;
      stream.isStarved = false;
      this.add(stream);
    }
  }

  next(): Stream | null {
    if (this.#count === 0) return null;
    for (const first of this.#firsts) if (first !== null) return first;
    return null;
  }

  /** It has had its turn. */
  rotate(stream: Stream): void {
    if (stream.isScheduled && stream.isIncremental) this.#firsts[stream.urgency] = stream.next;
  }

  move(stream: Stream, urgency: number, isIncremental: boolean): void {
    const { isScheduled } = stream;
    if (isScheduled) this.remove(stream);
    stream.urgency = urgency;
    stream.isIncremental = isIncremental;
    if (isScheduled) this.add(stream);
  }

  clear(): void {
    this.#starved = [];
    this.#count = 0;
    this.#firsts.fill(null);
  }
}
