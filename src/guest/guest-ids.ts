// The users that a container has, where those are not all of this machine's (user_namespaces(7)). We read with rights of this
// machine: without this, whoever is root in there would get out of us what is mounted in it but is not for it, such as
// files of ours with mode 0600, or the socket of a daemon.

import type { BigIntStats } from "node:fs";

interface Range {
  readonly from: bigint;
  readonly to: bigint;
}

/** Bits of a mode. */
export const toEnter = 1n;
export const toWrite = 2n;
export const toRead = 4n;

export class GuestIds {
  readonly #users: readonly Range[];
  readonly #groups: readonly Range[];

  /** Texts of `uid_map` and `gid_map`; empty ones are of a container that is just starting. */
  constructor(users: string, groups: string) {
    this.#users = rangesOf(users);
    this.#groups = rangesOf(groups);
  }

  get isEmpty(): boolean {
    return this.#users.length === 0 || this.#groups.length === 0;
  }

  /** Whether anybody in the container may do this, as far as modes tell: its root may do all with what belongs to its users. */
  may(bit: bigint, { mode, uid, gid }: BigIntStats): boolean {
    if (isIn(this.#users, uid) || (mode & bit) !== 0n) return true;
    return isIn(this.#groups, gid) && ((mode >> 3n) & bit) !== 0n;
  }
}

/** Lines of: first number inside, first number as we see it, how many. */
function rangesOf(text: string): Range[] {
  return Array.from(
    text.matchAll(/^\s*\d+\s+(\d+)\s+(\d+)\s*$/gm),
    ([, first = "", count = ""]) => ({
      from: BigInt(first),
      to: BigInt(first) + BigInt(count),
    }),
  );
}

function isIn(ranges: readonly Range[], id: bigint): boolean {
  return ranges.some(({ from, to }) => id >= from && id < to);
}
