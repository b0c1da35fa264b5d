// Looks over the whole disk: how much each route has there, what is rubbish, and what has to go so that all of it stays within its
// size. Needs little memory however many files there are: it remembers how old how much is, and looks again at what goes.

import { rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { cacheDiskFilled, unfinishedFileWait } from "../config/cache-limits.ts";
import {
  bytesOnDisk,
  foldersIn,
  isGone,
  isOurs,
  isShelf,
  isUnfinished,
  namesIn,
} from "./disk-layout.ts";
import { removeFile, removeShelf } from "./disk-purge.ts";

/** Files that are looked at together: a process has four threads for files, and a disk that hangs must not take all. */
const atOnce = 2;

/** Steps in which ages double are parted so often: what is about as old goes together. */
const stepsPerDoubling = 8;

export interface SweepOptions {
  /** Bytes. */
  readonly size: number;
  /** What belongs to nobody goes. */
  isStrange(shelf: string): boolean;
}

export interface Swept {
  /** Bytes by shelf, of what is left. */
  readonly used: ReadonlyMap<string, number>;
  /** Files that had to go to make room. */
  readonly evicted: number;
}

interface ShelfAges {
  bytes: number;
  /** Bytes by step of age. */
  readonly byStep: Map<number, number>;
}

interface FileFacts {
  readonly path: string;
  readonly bytes: number;
  readonly step: number;
}

export async function sweepDisk(root: string, { size, isStrange }: SweepOptions): Promise<Swept> {
  const now = Date.now();
  const ages = new Map<string, ShelfAges>();
  for (const shelf of await foldersIn(root)) {
    if (isGone(shelf)) await rm(join(root, shelf), { recursive: true, force: true });
    if (!isShelf(shelf)) continue;
    if (isStrange(shelf)) {
      await removeShelf(root, shelf);
      continue;
    }
    const found: ShelfAges = { bytes: 0, byStep: new Map() };
    ages.set(shelf, found);
    await eachFile(root, shelf, now, ({ bytes, step }) => {
      found.bytes += bytes;
      found.byStep.set(step, (found.byStep.get(step) ?? 0) + bytes);
      return false;
    });
  }
  const level = levelFor(
    [...ages.values()].map(({ bytes }) => bytes),
    size,
  );
  let evicted = 0;
  for (const [shelf, found] of ages) {
    if (found.bytes > level) evicted += await evict(root, shelf, found, { level, now });
  }
  return { used: new Map([...ages].map(([shelf, { bytes }]) => [shelf, bytes])), evicted };
}

/**
 * How much the largest may keep: who has less than an equal part keeps all of it, and the rest share what is left.
 * @returns Infinity while there is room
 */
export function levelFor(sizes: readonly number[], size: number): number {
  const total = sizes.reduce((sum, each) => sum + each, 0);
  if (total <= size * cacheDiskFilled) return Infinity;
  let left = size * cacheDiskFilled;
  let others = sizes.length;
  for (const each of sizes.toSorted((a, b) => a - b)) {
    if (each > left / others) return left / others;
    left -= each;
    others--;
  }
  return Infinity;
}

/** The least used first. */
async function evict(
  root: string,
  shelf: string,
  found: ShelfAges,
  { level, now }: { readonly level: number; readonly now: number },
): Promise<number> {
  let over = found.bytes - level;
  let last = 0;
  for (const [step, bytes] of [...found.byStep].toSorted(([a], [b]) => b - a)) {
    last = step;
    over -= bytes;
    if (over <= 0) break;
  }
  /** Of those of the last step. */
  let still = over + (found.byStep.get(last) ?? 0);
  let count = 0;
  await eachFile(root, shelf, now, ({ bytes, step }) => {
    const isOut = step > last || (step === last && still > 0);
    if (!isOut) return false;
    if (step === last) still -= bytes;
    found.bytes -= bytes;
    count++;
    return true;
  });
  return count;
}

/** @param look returns whether it goes */
async function eachFile(
  root: string,
  shelf: string,
  now: number,
  look: (file: FileFacts) => boolean,
): Promise<void> {
  for (const each of await foldersIn(join(root, shelf))) {
    const bucket = join(root, shelf, each);
    const names = (await namesIn(bucket)).filter((name) => isOurs(name));
    for (let at = 0; at < names.length; at += atOnce) {
      const some = names.slice(at, at + atOnce).map((name) => factsOf(join(bucket, name), now));
      for (const file of await Promise.all(some)) {
        if (file !== undefined && look(file)) await removeFile(file.path);
      }
    }
  }
}

/** undefined = it is gone, or rubbish that goes now. */
async function factsOf(path: string, now: number): Promise<FileFacts | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  const age = Math.max(0, now - found.mtimeMs);
  if (isUnfinished(path) && age > unfinishedFileWait) {
    await removeFile(path);
    return undefined;
  }
  const step = Math.floor(stepsPerDoubling * Math.log2(1 + age / 1000));
  return { path, bytes: bytesOnDisk(found.size), step };
}
