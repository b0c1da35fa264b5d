// What is in a folder that is held: files and folders, and what links lead to. So many at most; devices, FIFOs and sockets
// are left out, and so are links that lead nowhere.

import { type BigIntStats, type Dir, type Dirent, opendir } from "node:fs";
import { guestLimits } from "../config/guest-limits.ts";
import type { Listed, ListedEntry } from "./finding.ts";
import { factsOfName, pathBelow, pathOf } from "./held.ts";
import type { Turn } from "./queue.ts";
import { modifiedAt, oddityOf } from "./readable.ts";
import { late, troubleOf } from "./trouble.ts";

/** Of what a link leads to; undefined = nowhere. Never rejects. */
export type FollowLink = (name: string) => Promise<BigIntStats | undefined>;

/** Entries that are read with one call. */
const atOnce = 256;

/** Never rejects. The held descriptor stays the caller's. @param realPath of the folder */
export async function entriesOf(
  folder: number,
  realPath: string,
  turn: Turn,
  follow: FollowLink,
): Promise<Listed> {
  try {
    const { entries: listed, isCut } = await namesIn(folder, turn);
    const entries: ListedEntry[] = [];
    let links = 0;
    for (const each of listed) {
      if (turn.isOver) return late;
      if (each.isSymbolicLink() && ++links > guestLimits.listedLinks) continue;
      const entry = await entryOf(folder, each.name, follow);
      if (entry !== undefined) entries.push(entry);
    }
    return {
      kind: "list",
      realPath,
      entries,
      isCut: isCut || links > guestLimits.listedLinks,
    };
  } catch (error) {
    return troubleOf(error, realPath);
  }
}

async function namesIn(
  folder: number,
  turn: Turn,
): Promise<{ readonly entries: readonly Dirent[]; readonly isCut: boolean }> {
  const directory = await openFolder(folder);
  const entries: Dirent[] = [];
  try {
    for (let entry = await directory.read(); entry !== null; entry = await directory.read()) {
      if (turn.isOver || entries.length === guestLimits.entries) return { entries, isCut: true };
      if (mayBeShown(entry)) entries.push(entry);
    }
    return { entries, isCut: false };
  } finally {
    directory.close(ignore);
  }
}

/** Where the file system does not say what an entry is, none of these is. */
function mayBeShown(entry: Dirent): boolean {
  return !(
    entry.isFIFO() ||
    entry.isSocket() ||
    entry.isCharacterDevice() ||
    entry.isBlockDevice()
  );
}

/** Looked at by its name below the held folder: the last name is not followed, so it does not matter what has it by now. */
async function entryOf(
  folder: number,
  name: string,
  follow: FollowLink,
): Promise<ListedEntry | undefined> {
  let facts: BigIntStats | undefined;
  try {
    facts = await factsOfName(pathBelow(folder, name));
  } catch {
    return undefined; // gone since its name was read
  }
  if (facts.isSymbolicLink()) facts = await follow(name);
  if (facts === undefined) return undefined;
  if (facts.isDirectory()) return { name, kind: "folder", size: 0, modifiedAt: modifiedAt(facts) };
  if (oddityOf(facts) !== undefined) return undefined;
  return { name, kind: "file", size: Number(facts.size), modifiedAt: modifiedAt(facts) };
}

function openFolder(fd: number): Promise<Dir> {
  return new Promise((resolve, reject) => {
    opendir(pathOf(fd), { encoding: "latin1", bufferSize: atOnce }, (error, directory) => {
      if (error === null) resolve(directory);
      else reject(error);
    });
  });
}

function ignore(): void {}
