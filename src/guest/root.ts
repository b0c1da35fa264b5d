// Keeps the root of a container open between look-ups, for a few seconds: what is held can be neither unmounted nor deleted.
// It is opened again when the container is somewhere else, when its first process ended, and when that has another root.

import type { GuestPlace } from "../config/guest.ts";
import { type Away, HeldRoot, openRoot } from "./held-root.ts";

/** A container may start anew just while its root is opened. */
const mostTries = 3;

export class Root {
  #place: GuestPlace;
  #root: HeldRoot | undefined;
  #opening: Promise<HeldRoot | Away> | undefined;

  constructor(place: GuestPlace) {
    this.#place = place;
  }

  /** Look-ups under way go on with the one they have. */
  update(place: GuestPlace): void {
    if (isSame(this.#place, place)) return;
    this.#place = place;
    this.#opening = undefined;
    this.#root?.retire();
    this.#root = undefined;
  }

  /** Lent until its `giveBack`. Never rejects. */
  async borrow(): Promise<HeldRoot | Away> {
    for (let tries = 0; tries < mostTries; tries++) {
      const root = this.#root ?? (await (this.#opening ??= this.#open()));
      if (root.kind === "away") return root;
      root.lend();
      if (this.#root === root && (await root.isStillIt())) return root;
      if (this.#root === root) this.#root = undefined;
      root.retire();
      root.giveBack();
    }
    return { kind: "away", why: "it is just starting or stopping" };
  }

  async #open(): Promise<HeldRoot | Away> {
    const place = this.#place;
    const opened = await openRoot(place);
    const isCurrent = this.#place === place;
    if (isCurrent) this.#opening = undefined;
    if ("kind" in opened) return opened;
    const root = new HeldRoot(opened, (idle) => {
      if (this.#root === idle) this.#root = undefined;
    });
    if (isCurrent) this.#root = root;
    // The container is somewhere else by now. Whoever waits for it sees that, too.
    else root.retire();
    return root;
  }
}

function isSame(one: GuestPlace, other: GuestPlace): boolean {
  return (
    one.rootfs === other.rootfs &&
    one.why === other.why &&
    one.init?.pid === other.init?.pid &&
    one.init?.startedAt === other.init?.startedAt
  );
}
