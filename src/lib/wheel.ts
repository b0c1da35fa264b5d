// One coarse clock for all deadlines of a process. Arming a deadline again, as happens with every
// request, writes one number: the wheel finds out that it moved when its old time comes.
//
// The wheel's clock counts the time in which the event loop was able to run. After a long pause (a
// suspended machine, a stalled loop) it goes on where it stopped, so that connections are not timed out
// for a silence that was ours.

/** Something that wants to know when its time is up. */
export interface Deadlined {
  onDeadline(): void;
}

const slots = 1024;
/** More than this behind, the clock stood still: see above. */
const maxTicksAtOnce = 3;

export class Deadline {
  /** Wheel time at which it is up; 0 = not armed. */
  due = 0;
  /** Wheel time of the slot it stands in. */
  slotTime = 0;
  /** The slot it stands in, and where; null = in none. */
  slot: Deadline[] | null = null;
  at = 0;
  owner: Deadlined | null;

  constructor(owner: Deadlined) {
    this.owner = owner;
  }
}

export class Wheel {
  /** Wheel time, ms. Starts above 0, which means "not armed". */
  now = 1;
  readonly #tickMs: number;
  readonly #slots: Deadline[][] = Array.from({ length: slots }, () => []);
  #slot = 0;
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastTick = 0;

  /** @param tickMs how coarse it is; deadlines come up to this much late, never early */
  constructor(tickMs: number) {
    this.#tickMs = tickMs;
  }

  /** Arms a deadline, or arms it anew. 0 ms = never. */
  arm(deadline: Deadline, ms: number): void {
    if (ms <= 0) {
      deadline.due = 0;
      return;
    }
    const due = this.now + ms + this.#tickMs;
    deadline.due = due;
    if (deadline.slot === null) {
      this.#insert(deadline);
    } else if (deadline.slotTime > due) {
      this.#remove(deadline);
      this.#insert(deadline);
    }
  }

  disarm(deadline: Deadline): void {
    deadline.due = 0;
  }

  /**
   * Disarms for good, and takes the deadline out of the wheel: with thousands of short connections a second
   * and a minute to wait for each, what is left standing would be most of the heap.
   */
  release(deadline: Deadline): void {
    deadline.due = 0;
    deadline.owner = null;
    if (deadline.slot !== null) this.#remove(deadline);
  }

  /** Deadlines standing in the wheel, disarmed ones that were not yet met included. */
  get size(): number {
    return this.#count;
  }

  #insert(deadline: Deadline): void {
    const ticks = Math.min(Math.ceil((deadline.due - this.now) / this.#tickMs), slots - 1);
    deadline.slotTime = this.now + ticks * this.#tickMs;
    const slot = this.#slots[(this.#slot + Math.max(ticks, 1)) % slots]!;
    deadline.slot = slot;
    deadline.at = slot.push(deadline) - 1;
    this.#count++;
    if (this.#timer === undefined) {
      this.#lastTick = performance.now();
      this.#timer = setInterval(() => this.#tick(), this.#tickMs);
      this.#timer.unref();
    }
  }

  /** The last one of the slot takes its place. */
  #remove(deadline: Deadline): void {
    const last = deadline.slot?.pop();
    if (last !== undefined && last !== deadline) {
      deadline.slot![deadline.at] = last;
      last.at = deadline.at;
    }
    deadline.slot = null;
    this.#count--;
  }

  #tick(): void {
    const now = performance.now();
    const behind = Math.floor((now - this.#lastTick) / this.#tickMs);
    const ticks = Math.min(behind, maxTicksAtOnce);
    this.#lastTick = behind > ticks ? now : this.#lastTick + ticks * this.#tickMs;
    for (let tick = 0; tick < ticks; tick++) this.#turn();
    if (this.#count === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #turn(): void {
    this.now += this.#tickMs;
    this.#slot = (this.#slot + 1) % slots;
    const met = this.#slots[this.#slot]!;
    // Whoever is told may remove those behind it; what is armed meanwhile stands in other slots.
    for (let at = 0; at < met.length; at++) {
      const deadline = met[at]!;
      deadline.slot = null;
      this.#count--;
      if (deadline.due === 0) continue;
      if (deadline.due > this.now) {
        this.#insert(deadline);
        continue;
      }
      deadline.due = 0;
      deadline.owner?.onDeadline();
    }
    met.length = 0;
  }
}
