// How many connections there are to each backend, counted over all workers (see `src/lib/tally.ts` for how
// exactly). A pool that found no room is told when there is some.

import type { Tally } from "../lib/tally.ts";

/** Who waits for room. */
export interface CapUser {
  readonly capKey: string;
  readonly cap: number;
  readonly waitingCount: number;
  onRoom(): void;
  /** Closes one that is idle, if there is one. */
  closeIdle(): boolean;
}

const none: readonly CapUser[] = [];

/** No address of a client begins like this: the tally is shared. */
const mark = "\0";

export class Caps {
  readonly #tally: Tally;
  readonly #users = new Map<string, Set<CapUser>>();

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  static keyOf(service: string, backend: string): string {
    return `${mark}${service}\n${backend}`;
  }

  static isKey(key: string): boolean {
    return key.startsWith(mark);
  }

  join(user: CapUser): void {
    const users = this.#users.get(user.capKey) ?? new Set();
    users.add(user);
    this.#users.set(user.capKey, users);
  }

  leave(user: CapUser): void {
    const users = this.#users.get(user.capKey);
    users?.delete(user);
    if (users?.size === 0) this.#users.delete(user.capKey);
  }

  /** Counts one connection more, unless that would be too many. */
  take({ capKey, cap }: CapUser): boolean {
    return cap === 0 || this.#tally.enter(capKey, cap);
  }

  giveBack({ capKey, cap }: CapUser): void {
    if (cap !== 0) this.#tally.leave(capKey);
  }

  /** Another pool here has connections to the same backend (those that speak HTTP/1.1, say): an idle one of them makes room. */
  makeRoom(user: CapUser): boolean {
    return this.#othersOf(user).some((each) => each.closeIdle());
  }

  /** Another pool here waits for room that this one could make. */
  rivalOf(user: CapUser): CapUser | undefined {
    return this.#othersOf(user).find((each) => each.waitingCount > 0);
  }

  #othersOf(user: CapUser): readonly CapUser[] {
    const users = this.#users.get(user.capKey);
    // Asked with every answer, and nearly always the only one.
    if (users === undefined || users.size < 2 || user.cap === 0) return none;
    return [...users].filter((each) => each !== user);
  }

  /** Another worker may be waiting for a connection that is idle here. */
  isContested({ capKey }: CapUser): boolean {
    return this.#tally.isFollowed(capKey);
  }

  limitOf(key: string): number {
    const [first] = this.#users.get(key) ?? [];
    return first?.cap ?? 0;
  }

  /** The share of these keys may have grown. */
  wake(keys: Iterable<string>): void {
    for (const key of keys) {
      for (const user of this.#users.get(key) ?? []) user.onRoom();
    }
  }
}
