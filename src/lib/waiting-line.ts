// Who waits, first come first served, for as long as each has time. Joining, leaving from anywhere and being
// called all cost the same however long the line is. Linked rather than a Set, for the reason in `roster.ts`;
// and who left is unlinked, since an old ticket that still named the next one would keep it in memory too.

import { Deadline, type Deadlined, type Wheel } from "./wheel.ts";

/** A place in a line. */
export class Ticket<T> implements Deadlined {
  readonly item: T;
  readonly deadline: Deadline;
  /** Counts up with everybody who joins the line. */
  readonly number: number;
  /** null = in none. */
  line: WaitingLine<T> | null;
  ahead: Ticket<T> | null = null;
  behind: Ticket<T> | null = null;

  constructor(item: T, number: number, line: WaitingLine<T>) {
    this.item = item;
    this.number = number;
    this.line = line;
    this.deadline = new Deadline(this);
  }

  onDeadline(): void {
    this.line?.giveUp(this);
  }
}

export class WaitingLine<T> {
  readonly #wheel: Wheel;
  readonly #most: number;
  readonly #onLate: (item: T) => void;
  #first: Ticket<T> | null = null;
  #last: Ticket<T> | null = null;
  #size = 0;
  #joined = 0;

  /**
   * @param most how many may wait at once
   * @param onLate told of whoever is still there when its time is up; it has left the line by then
   */
  constructor(wheel: Wheel, most: number, onLate: (item: T) => void) {
    this.#wheel = wheel;
    this.#most = most;
    this.#onLate = onLate;
  }

  get size(): number {
    return this.#size;
  }

  /** Number of whoever joined last; see `shift`. */
  get joined(): number {
    return this.#joined;
  }

  /** Joins at the end; undefined = the line is full. 0 ms = waits for ever. */
  add(item: T, ms: number): Ticket<T> | undefined {
    if (this.#size >= this.#most) return undefined;
    const ticket = new Ticket(item, ++this.#joined, this);
    ticket.ahead = this.#last;
    if (this.#last === null) this.#first = ticket;
    else this.#last.behind = ticket;
    this.#last = ticket;
    this.#size++;
    this.#wheel.arm(ticket.deadline, ms);
    return ticket;
  }

  /**
   * Who has waited longest leaves the line and is returned.
   * @param newest nobody who joined later than the one with this number
   */
  shift(newest = this.#joined): T | undefined {
    const first = this.#first;
    if (first === null || first.number > newest) return undefined;
    this.#remove(first);
    return first.item;
  }

  /** Leaves the line, from wherever; who is no longer in it may say so again. */
  cancel(ticket: Ticket<T>): void {
    if (ticket.line === this) this.#remove(ticket);
  }

  /** For tickets. */
  giveUp(ticket: Ticket<T>): void {
    this.#remove(ticket);
    this.#onLate(ticket.item);
  }

  #remove(ticket: Ticket<T>): void {
    const { ahead, behind } = ticket;
    if (ahead === null) this.#first = behind;
    else ahead.behind = behind;
    if (behind === null) this.#last = ahead;
    else behind.ahead = ahead;
    ticket.ahead = null;
    ticket.behind = null;
    ticket.line = null;
    this.#size--;
    this.#wheel.release(ticket.deadline);
  }
}
