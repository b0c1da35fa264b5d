// Opens for reading what is held, if that is a regular file: opening anything else may hang, or do something.

import type { BigIntStats } from "node:fs";
import { guestLimits } from "../config/guest-limits.ts";
import type { Found, NotFound, OpenFile } from "./finding.ts";
import { closed, factsOf, forReading, open, pathOf } from "./held.ts";
import type { Queue } from "./queue.ts";
import { shown, troubleOf } from "./trouble.ts";

/**
 * Never rejects. The held descriptor stays the caller's.
 * @param facts of what is held
 * @param realPath where it turned out to be, bytes in latin1
 * @param queue where it is closed
 */
export async function openReadable(
  held: number,
  facts: BigIntStats,
  realPath: string,
  queue: Queue,
): Promise<Found> {
  const oddity = oddityOf(facts);
  if (oddity !== undefined) return refused(realPath, oddity);
  let fd = -1;
  try {
    fd = await open(pathOf(held), forReading);
    const now = await factsOf(fd);
    if (now.dev !== facts.dev || now.ino !== facts.ino || !now.isFile()) {
      close(fd, queue);
      return { kind: "failed", why: `${shown(realPath)} changed while it was opened` };
    }
    return { kind: "file", file: asFile(fd, now, realPath, queue) };
  } catch (error) {
    if (fd !== -1) close(fd, queue);
    return troubleOf(error, realPath);
  }
}

/** Why it is not opened; undefined = it may be. */
export function oddityOf(facts: BigIntStats): string | undefined {
  if (!facts.isFile()) return `is ${kindOf(facts)}: only files are served`;
  if (facts.size > BigInt(Number.MAX_SAFE_INTEGER))
    return "says that it has more bytes than can be";
  return undefined;
}

export function kindOf(facts: BigIntStats): string {
  if (facts.isFile()) return "a file";
  if (facts.isDirectory()) return "a folder";
  if (facts.isSocket()) return "a socket";
  if (facts.isFIFO()) return "a FIFO";
  return "a device";
}

export function refused(realPath: string, why: string): NotFound {
  return { kind: "refused", why: `${shown(realPath)} ${why}` };
}

/** With the fraction: files that changed within one millisecond are told apart. */
export function modifiedAt(facts: BigIntStats): number {
  return Number(facts.mtimeNs) / 1e6;
}

function close(fd: number, queue: Queue): void {
  queue.insist(guestLimits.answer, () => closed(fd));
}

function asFile(fd: number, facts: BigIntStats, realPath: string, queue: Queue): OpenFile {
  let isOpen = true;
  return {
    fd,
    size: Number(facts.size),
    modifiedAt: modifiedAt(facts),
    changedAt: Number(facts.ctimeNs) / 1e6,
    device: facts.dev,
    inode: facts.ino,
    realPath,
    close() {
      if (!isOpen) return;
      isOpen = false;
      close(fd, queue);
    },
  };
}
