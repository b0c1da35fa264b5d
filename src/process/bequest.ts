// The state folder that root makes for the account it is about to become. Root touches only a place where
// nobody else decides what is at a path: elsewhere a link could make it give away a folder of the system,
// and the account makes its folder itself.

import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
} from "node:fs";
import { dirname, join, parse, resolve } from "node:path";

import { statePlace, stateFolderOf } from "../lib/state-folder.ts";
import { type Account, acting } from "./privileges.ts";

/** What a program that ran as root may have left there. A folder that holds more is none of ours. */
const ownNames =
  /^(alerts|cache|found|kept|host-names\.json(\..*)?|secret(\..*)?|tidegate\.db(-.*|\..*)?)$/;
/** Links that lead to links; the system itself follows 40. */
const mostLinks = 8;

/** As `stateFolderOf`, usable by `heir`. Call it as root, before that account is become. */
export function stateFolderFor(heir: Account, configured: string | undefined): string {
  const folder = resolve(statePlace(configured));
  bequeath(folder, heir);
  return acting(heir, () => stateFolderOf(folder));
}

/** What must not be given away stays as it is: who looks at the folder later says what is wrong with it. */
function bequeath(folder: string, heir: Account): void {
  const parent = dirname(folder);
  // Looked at twice: before anything is made, and what is there then.
  if (!isPlaceOfRoot(parent)) return;
  mkdirSync(parent, { recursive: true, mode: 0o755 });
  if (!isPlaceOfRoot(parent)) return;
  makeFolder(folder);
  const descriptor = openFolder(folder);
  if (descriptor === undefined) return;
  try {
    const { uid, mode } = fstatSync(descriptor);
    if (uid !== 0 || isOpenToOthers(mode)) return;
    // Until the last line nobody but root can change what is in it.
    const names = readdirSync(folder);
    if (!names.every((name) => ownNames.test(name))) return;
    for (const name of names) give(join(folder, name), heir);
    fchownSync(descriptor, heir.uid, heir.gid);
  } finally {
    closeSync(descriptor);
  }
}

/** Nobody but root chooses what is at this path, or at any on the way to it. */
function isPlaceOfRoot(path: string, links = 0): boolean {
  for (const each of waysTo(path)) {
    const found = lstatSync(each, { throwIfNoEntry: false });
    if (found === undefined) return true; // what follows is not there either
    if (found.uid !== 0) return false;
    if (found.isSymbolicLink()) {
      const target = resolve(realpathSync(dirname(each)), readlinkSync(each));
      if (links >= mostLinks || !isPlaceOfRoot(target, links + 1)) return false;
    } else if (isOpenToOthers(found.mode) && (found.mode & sticky) === 0) return false;
  }
  return true;
}

/** In a folder with this bit nobody removes or renames what belongs to somebody else. */
const sticky = 0o1000;

function isOpenToOthers(mode: number): boolean {
  return (mode & 0o022) !== 0;
}

/** "/a/b" → "/", "/a", "/a/b". */
function waysTo(path: string): string[] {
  const { root } = parse(path);
  const names = path.slice(root.length).split("/");
  return [root, ...names.map((_, index) => join(root, ...names.slice(0, index + 1)))];
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  }
}

/** undefined = a link, or no folder. */
function openFolder(folder: string): number | undefined {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  try {
    return openSync(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (isCode(error, "ELOOP") || isCode(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

function give(path: string, heir: Account): void {
  if (lstatSync(path).isDirectory()) {
    for (const name of readdirSync(path)) give(join(path, name), heir);
  }
  lchownSync(path, heir.uid, heir.gid);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
