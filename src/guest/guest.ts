// The paths of a container: every look-up borrows its root, walks there, and gives the root back.

import type { BigIntStats } from "node:fs";
import { guestLimits } from "../config/guest-limits.ts";
import type { GuestPlace } from "../config/guest.ts";
import { entriesOf } from "./entries.ts";
import type { Found, FoundSocket, Listed, NotFound, Premises } from "./finding.ts";
import { toRead } from "./guest-ids.ts";
import type { HeldRoot } from "./held-root.ts";
import { holdSocket } from "./held-socket.ts";
import { type Places, Queue, type Turn } from "./queue.ts";
import { openReadable, refused } from "./readable.ts";
import { Root } from "./root.ts";
import { nothing } from "./trouble.ts";
import { notForIt, type Reached, Walk, type WalkRoot } from "./walk.ts";

export class Guest implements Premises {
  readonly #root: Root;
  readonly #queue: Queue;

  constructor(place: GuestPlace, places: Places) {
    this.#root = new Root(place);
    // Where there are few, not even one that hangs has all of them.
    this.#queue = new Queue(places, Math.min(guestLimits.atOnce, places.count >> 1));
  }

  /** Where it is now. */
  update(place: GuestPlace): void {
    this.#root.update(place);
  }

  find(path: string): Promise<Found> {
    const look = (turn: Turn) =>
      this.#visit<Found>(path, turn, (reached) => {
        if (reached.kind !== "reached") return reached;
        const { fd, facts, realPath } = reached;
        if (facts.isDirectory()) return { kind: "folder", realPath };
        return openReadable(fd, facts, realPath, this.#queue);
      });
    return this.#queue.run<Found>(guestLimits.answer, look, closeFound);
  }

  list(path: string): Promise<Listed> {
    const list = (turn: Turn) =>
      this.#visit<Listed>(path, turn, (reached, root) => {
        if (reached.kind !== "reached") return reached;
        const { fd, facts, realPath } = reached;
        if (!facts.isDirectory()) return nothing;
        if (root.ids?.may(toRead, facts) === false) return refused(realPath, notForIt);
        return entriesOf(fd, realPath, turn, (name) => follow(root, `${realPath}/${name}`, turn));
      });
    return this.#queue.run<Listed>(guestLimits.listing, list, () => {});
  }

  socket(path: string): Promise<FoundSocket> {
    const look = (turn: Turn) =>
      this.#visit<FoundSocket>(path, turn, (reached, root) => {
        // Whoever listened there ended with it.
        if (root.absence !== "") return { kind: "away", why: root.absence };
        if (reached.kind === "reached") {
          return holdSocket(reached.fd, reached.facts, reached.realPath);
        }
        // What programs make when they start is mostly seen through the first process alone.
        const isUnseen = reached.kind === "nothing" && root.lack !== "";
        return isUnseen ? { kind: "away", why: root.lack } : reached;
      });
    return this.#queue.run<FoundSocket>(guestLimits.answer, look, releaseSocket);
  }

  async #visit<T>(
    path: string,
    turn: Turn,
    arrive: (reached: Reached | NotFound, root: HeldRoot) => Promise<T> | T,
  ): Promise<T | NotFound> {
    const root = await this.#root.borrow();
    if (root.kind === "away") return root;
    const walk = new Walk(root, turn);
    try {
      const reached = await walk.to(path);
      // Nobody can tell what would be there while it runs.
      const isUnseen = reached.kind === "nothing" && root.absence !== "";
      return await arrive(isUnseen ? { kind: "away", why: root.absence } : reached, root);
    } finally {
      walk.release();
      root.giveBack();
    }
  }
}

/** For what nobody waits any more. */
export function closeFound(found: Found): void {
  if (found.kind === "file") found.file.close();
}

export function releaseSocket(found: FoundSocket): void {
  if (found.kind === "socket") found.release();
}

/** What a link in a listing leads to; a way of its own from the root. */
async function follow(root: WalkRoot, path: string, turn: Turn): Promise<BigIntStats | undefined> {
  const walk = new Walk(root, turn);
  const reached = await walk.to(path);
  walk.release();
  return reached.kind === "reached" ? reached.facts : undefined;
}
