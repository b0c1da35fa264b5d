// Takes answers out of the disk: those of a URL by the names of their files, all of a route by renaming its folder, and by a
// beginning or a tag by looking into each.

import { rename, rm, unlink } from "node:fs/promises";
import { join } from "node:path";

import { longestDiskHead } from "../config/cache-limits.ts";
import { decodePlace } from "./disk-file.ts";
import {
  bucketOf,
  foldersIn,
  goneName,
  isCode,
  isOurs,
  isShelf,
  isUnfinished,
  markOf,
  namesIn,
  ownerMark,
  readPlain,
  urlMark,
} from "./disk-layout.ts";
import { isMeant, type Purge } from "./store.ts";

/** Files that are looked into at once: the process has four threads for all files, and other things to do. */
const atOnce = 2;

/** Mostly enough to know what a file is about, bytes. */
const firstLook = 4096;

/**
 * By URL, or all. Also of routes that are not there at the moment, and of settings that are no longer so.
 * @returns how many there were of each
 */
export async function purgeDisk(root: string, purges: readonly Purge[]): Promise<number[]> {
  const counts = purges.map(() => 0);
  for (const shelf of await shelvesOf(root, purges)) {
    const urls = new Map<string, number>();
    for (const [at, each] of purges.entries()) {
      if (!isOf(shelf, each)) continue;
      if (each.kind === "url") urls.set(urlMark(each.value), at);
      if (each.kind === "all") counts[at] = (counts[at] ?? 0) + (await removeShelf(root, shelf));
    }
    await purgeUrls(root, shelf, urls, counts);
  }
  return counts;
}

/** Many cost little more than one: each folder is read once. @param urls their marks, and where in `counts` they count */
async function purgeUrls(
  root: string,
  shelf: string,
  urls: ReadonlyMap<string, number>,
  counts: number[],
): Promise<void> {
  for (const bucket of new Set(Array.from(urls.keys(), (mark) => bucketOf(shelf, mark)))) {
    const path = join(root, bucket);
    const found = Map.groupBy(await namesIn(path), (name) => urls.get(markOf(name)));
    for (const [at, names] of found) {
      if (at === undefined) continue;
      counts[at] = (counts[at] ?? 0) + (await removeFiles(path, names, async () => true));
    }
  }
}

/** By a beginning or a tag: all that any of these mean. */
export async function purgeByLooking(root: string, purges: readonly Purge[]): Promise<number> {
  let count = 0;
  for (const shelf of await shelvesOf(root, purges)) {
    const meant = purges.filter((each) => isOf(shelf, each));
    for (const each of await foldersIn(join(root, shelf))) {
      const bucket = join(root, shelf, each);
      const isWanted = (name: string) => areMeantThere(join(bucket, name), meant);
      count += await removeFiles(bucket, await namesIn(bucket), isWanted);
    }
  }
  return count;
}

async function shelvesOf(root: string, purges: readonly Purge[]): Promise<readonly string[]> {
  const all = await foldersIn(root);
  return all.filter((shelf) => isShelf(shelf) && purges.some((each) => isOf(shelf, each)));
}

function isOf(shelf: string, { owner }: Purge): boolean {
  return owner === undefined || shelf.startsWith(ownerMark(owner));
}

/** Nobody finds anything of it from the first moment on. */
export async function removeShelf(root: string, shelf: string): Promise<number> {
  const away = join(root, goneName());
  try {
    await rename(join(root, shelf), away);
  } catch (error) {
    if (isCode(error, "ENOENT")) return 0;
    throw error;
  }
  let count = 0;
  for (const each of await foldersIn(away)) {
    const names = await namesIn(join(away, each));
    count += names.filter((name) => isOurs(name) && !isUnfinished(name)).length;
  }
  // Nobody has to wait for that; what is left of it goes when the disk is looked over.
  void rm(away, { recursive: true, force: true }).catch(() => {});
  return count;
}

/** Those that are being written are looked at by whoever writes them. */
async function removeFiles(
  bucket: string,
  names: readonly string[],
  isWanted: (name: string) => Promise<boolean>,
): Promise<number> {
  const ours = names.filter((each) => isOurs(each) && !isUnfinished(each));
  let count = 0;
  for (let at = 0; at < ours.length; at += atOnce) {
    const found = await Promise.all(
      ours
        .slice(at, at + atOnce)
        .map(async (name) => (await isWanted(name)) && (await removeFile(join(bucket, name)))),
    );
    count += found.filter((isGone) => isGone).length;
  }
  return count;
}

/** Also what cannot be understood: it is of no use to anybody. */
async function areMeantThere(path: string, purges: readonly Purge[]): Promise<boolean> {
  let found = await readPlain(path, firstLook, false);
  if (found === undefined) return false;
  let place = decodePlace(found.bytes);
  if (typeof place === "number") {
    found = await readPlain(path, Math.min(place, 2 * longestDiskHead), false);
    place = found === undefined ? undefined : decodePlace(found.bytes);
  }
  if (place === undefined || typeof place === "number") return true;
  const { url, tags } = place;
  return purges.some((each) => isMeant(each, url, tags));
}

/** False: somebody else was faster. */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (isCode(error, "ENOENT")) return false;
    throw error;
  }
}
