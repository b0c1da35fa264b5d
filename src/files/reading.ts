// Reads open files piece by piece. What hangs (a disk, a file system of a guest's own) neither holds up others for long nor takes all
// threads of the process: each container has a few reads at once, all of them together a few more, and each read its time.

import { read } from "node:fs";
import { guestReads, readsAtOnce, readTimeout } from "../config/files-limits.ts";
import type { OpenFile, Premises } from "../guest/finding.ts";
import { Machine } from "../guest/machine.ts";
import { Places, Queue } from "../guest/queue.ts";

/** Bytes read, 0 at the end; or why there are none. */
export type ReadOutcome = number | "late" | "failed";

/** The reads of one container, or of this machine. */
export class Reads {
  readonly #queue: Queue;
  readonly #timeout: number;

  constructor(places: Places, timeout: number = readTimeout) {
    // An exchange has one read at a time: connections are limited elsewhere, and an answer that has begun cannot be refused.
    this.#queue = new Queue(places, readsAtOnce, Infinity);
    this.#timeout = timeout;
  }

  /**
   * Never rejects.
   * @param onSettled told once, when `into` and the file are not used any more, which may be long after the outcome: a read
   * that hangs cannot be called back
   */
  async read(
    file: OpenFile,
    into: Buffer,
    length: number,
    position: number,
    onSettled: () => void,
  ): Promise<ReadOutcome> {
    let isStarted = false;
    const work = (): Promise<number | "failed"> => {
      isStarted = true;
      return new Promise((resolve) => {
        read(file.fd, into, 0, length, position, (error, bytes) => {
          onSettled();
          resolve(error === null ? bytes : "failed");
        });
      });
    };
    const outcome = await this.#queue.run(this.#timeout, work, () => {});
    if (!isStarted) onSettled();
    if (typeof outcome !== "object") return outcome;
    return outcome.kind === "late" ? "late" : "failed";
  }
}

const known = new WeakMap<Premises, Reads>();

/** Of all containers; those of this machine have places of their own. */
const guestPlaces = new Places(guestReads);

/** All reads of one container together are bounded, whoever asks. */
export function readsOf(premises: Premises): Reads {
  let reads = known.get(premises);
  if (reads === undefined) {
    reads = new Reads(premises instanceof Machine ? new Places(readsAtOnce) : guestPlaces);
    known.set(premises, reads);
  }
  return reads;
}

/** All of a small file, or why not: it may have become shorter than it said. The file is closed. */
export async function readWhole(reads: Reads, file: OpenFile): Promise<Buffer | "late" | "failed"> {
  const { size } = file;
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = 0;
  while (at < size) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const outcome = await reads.read(file, bytes.subarray(at), size - at, at, resolve);
    if (typeof outcome === "string") {
      void promise.then(() => file.close());
      return outcome;
    }
    if (outcome === 0) break;
    at += outcome;
  }
  file.close();
  return at === size ? bytes : "failed";
}
