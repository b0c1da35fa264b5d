// The paths of this machine: links are followed as the system does, everywhere. What is found is looked at before it is opened,
// as in a container: no device, no FIFO, and nothing that shows what the kernel knows.

import type { BigIntStats } from "node:fs";
import { guestLimits } from "../config/guest-limits.ts";
import { entriesOf } from "./entries.ts";
import type { Found, FoundSocket, Listed, NotFound, Premises } from "./finding.ts";
import { closeFound, releaseSocket } from "./guest.ts";
import { factsAt, factsOf, followed, letGo, open, pathBelow, pathOf, targetOf } from "./held.ts";
import { holdSocket } from "./held-socket.ts";
import { isOfKernel } from "./kernel-files.ts";
import { type Places, Queue, type Turn } from "./queue.ts";
import { openReadable, refused } from "./readable.ts";
import { nothing, troubleOf } from "./trouble.ts";
import { isWalkable, type Reached } from "./walk.ts";

export class Machine implements Premises {
  readonly #queue: Queue;

  constructor(places: Places) {
    this.#queue = new Queue(places, places.count);
  }

  find(path: string): Promise<Found> {
    const look = () =>
      visit<Found>(path, ({ fd, facts, realPath }) => {
        if (facts.isDirectory()) return { kind: "folder", realPath };
        return openReadable(fd, facts, realPath, this.#queue);
      });
    return this.#queue.run<Found>(guestLimits.answer, look, closeFound);
  }

  list(path: string): Promise<Listed> {
    const list = (turn: Turn) =>
      visit<Listed>(path, ({ fd, facts, realPath }) => {
        if (!facts.isDirectory()) return nothing;
        return entriesOf(fd, realPath, turn, (name) => follow(fd, name));
      });
    return this.#queue.run<Listed>(guestLimits.listing, list, () => {});
  }

  socket(path: string): Promise<FoundSocket> {
    const look = () =>
      visit<FoundSocket>(path, ({ fd, facts, realPath }) => holdSocket(fd, facts, realPath));
    return this.#queue.run<FoundSocket>(guestLimits.answer, look, releaseSocket);
  }
}

async function visit<T>(
  path: string,
  arrive: (reached: Reached) => Promise<T> | T,
): Promise<T | NotFound> {
  if (!isWalkable(path)) return nothing;
  let fd = -1;
  try {
    fd = await open(Buffer.from(path, "latin1"), followed);
    const facts = await factsOf(fd);
    if (await isOfKernel(fd)) {
      return refused(path, "shows what the kernel knows, and is never served");
    }
    const realPath = await targetOf(pathOf(fd));
    // Deleted meanwhile, or on a file system that is no longer mounted: what is read then is no path.
    if (facts.nlink === 0n || !realPath.startsWith("/")) return nothing;
    return await arrive({ kind: "reached", fd, facts, realPath });
  } catch (error) {
    return troubleOf(error, path);
  } finally {
    if (fd !== -1) letGo(fd);
  }
}

async function follow(folder: number, name: string): Promise<BigIntStats | undefined> {
  try {
    return await factsAt(pathBelow(folder, name));
  } catch {
    return undefined; // it leads nowhere
  }
}
