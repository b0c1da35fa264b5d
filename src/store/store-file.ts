// The file of the store before anything is done with it: made where there is none, looked at, opened. What is
// damaged, newer than this program or somebody else's is refused and left as it is.

import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { store as limits } from "../config/store-limits.ts";
import { makeFile } from "./new-file.ts";
import { applicationId, steps } from "./schema.ts";
import { causeOf, StoreFault, Unwritable } from "./store-fault.ts";

/** Made where there is none. @returns where it really is: its log is beside that. Throws StoreFault. */
export function preparedFile(path: string): string {
  try {
    const entry = lstatSync(path, { throwIfNoEntry: false });
    if (entry?.isSymbolicLink() === true && !existsSync(path)) {
      throw new StoreFault(
        `${path} is a link to nothing: remove it, or put the file where it leads`,
      );
    }
    const real = entry === undefined ? path : realpathSync(path);
    if (entry === undefined) make(real);
    const { size } = fileAt(real);
    if (size === 0) throw damaged(real, "it is empty");
    if (isShort(real, size)) throw damaged(real, "its end is missing");
    inspect(real);
    return real;
  } catch (error) {
    throw faultOf(path, error);
  }
}

function make(path: string): void {
  if (logSize(path) > 0) {
    throw new StoreFault(`${path} is missing, and ${path}-wal is still there. ${remedy(path)}`);
  }
  makeFile(path);
}

/** Not a folder; and a pipe would have us wait for ever. */
function fileAt(path: string): { readonly size: number } {
  const stats = statSync(path);
  if (stats.isFile()) return stats;
  throw new StoreFault(`${path} is no file: move it away, and the store begins empty`);
}

function logSize(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

/** SQLite reads a last page that was cut as if it ended in zeros. What is missing may still be in the log beside it. */
function isShort(path: string, size: number): boolean {
  if (logSize(path) > 0) return false;
  const head = Buffer.alloc(100);
  const descriptor = openSync(path, "r");
  try {
    if (readSync(descriptor, head) < head.length) return true;
  } finally {
    closeSync(descriptor);
  }
  // The file format of SQLite, section 1.3: 1 stands for 65536. What begins otherwise SQLite will refuse.
  if (head.toString("latin1", 0, 15) !== "SQLite format 3") return false;
  const pageSize = head.readUInt16BE(16) === 1 ? 65_536 : head.readUInt16BE(16);
  return size < pageSize * head.readUInt32BE(28);
}

function inspect(path: string): void {
  const sql = openedToRead(path);
  try {
    if (pragma(sql, "application_id") !== applicationId) {
      throw damaged(path, "it is not a store of Tidegate");
    }
    const version = pragma(sql, "user_version");
    if (version > steps.length) {
      throw new StoreFault(
        `${path} was written by a newer version of Tidegate (its format is ${version}, and this version knows ${steps.length}): start that one, or put a backup of this version in its place`,
      );
    }
    const fault = faultIn(sql);
    if (fault !== undefined) throw damaged(path, fault);
  } finally {
    sql.close();
  }
}

/** What SQLite finds wrong with it; undefined = nothing. */
export function faultIn(sql: DatabaseSync): string | undefined {
  const found = String(sql.prepare("PRAGMA quick_check(1)").get()?.["quick_check"]);
  return found === "ok" ? undefined : found.replace("*** in database main ***", "").trim();
}

/** For a disk that is full or read-only, too, where SQLite cannot make the files it wants beside this one. */
export function openedToRead(path: string): DatabaseSync {
  try {
    return tried(new DatabaseSync(path, { readOnly: true, timeout: limits.busyWait }));
  } catch (error) {
    // What stands in the log is missed without it.
    if (damage.test(causeOf(error)) || logSize(path) > 0) throw error;
    const url = pathToFileURL(path);
    url.searchParams.set("immutable", "1");
    return tried(new DatabaseSync(url, { readOnly: true }));
  }
}

/** It is not read before it is asked something. */
function tried(sql: DatabaseSync): DatabaseSync {
  try {
    pragma(sql, "user_version");
    return sql;
  } catch (error) {
    sql.close();
    throw error;
  }
}

/** Throws StoreFault. */
export function openedToWrite(path: string): DatabaseSync {
  let sql: DatabaseSync | undefined;
  try {
    sql = new DatabaseSync(path, { timeout: limits.busyWait });
    sql.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF");
    return sql;
  } catch (error) {
    sql?.close();
    throw faultOf(path, error);
  }
}

export function pragma(sql: DatabaseSync, name: string): number {
  return Number(sql.prepare(`PRAGMA ${name}`).get()?.[name]);
}

// --- what is the matter --------------------------------------------------------------------------------

const damage = /not a database|malformed|corrupt|no such table|no such column/i;

/** As one sentence, unless it is one already. */
export function faultOf(
  path: string,
  error: unknown,
  what: "opened" | "written" = "opened",
): StoreFault {
  if (error instanceof StoreFault) return error;
  const cause = causeOf(error);
  if (damage.test(cause)) {
    // Whoever writes has read all of it before.
    const first =
      "Save what is served first, by `tidegate export`; `tidegate restore` brings it back. ";
    return damaged(path, cause, what === "written" ? first : "");
  }
  return new Unwritable(`${path} cannot be ${what}: ${remedyFor(cause)}`, { cause: error });
}

export function damaged(path: string, why: string, first = ""): StoreFault {
  return new StoreFault(
    `${path} is damaged: ${why}. It was left as it is. ${first}${remedy(path)}`,
  );
}

function remedy(path: string): string {
  return `Stop Tidegate, move ${path}, ${path}-wal and ${path}-shm away, put a backup in the place of the first if you have one, and start again; without one the store begins empty`;
}

/** What the system says, and what to do about it. */
function remedyFor(cause: string): string {
  if (/disk is full|ENOSPC|EDQUOT/i.test(cause)) return "the disk is full: make room and try again";
  if (/locked|busy/i.test(cause)) return `${cause}: another program has it open, end that one`;
  if (/disk I\/O/i.test(cause)) {
    return `${cause}: make room on the disk if it is full, and look at the system's log`;
  }
  if (/unable to open|readonly|EACCES|EPERM|EROFS/i.test(cause)) {
    return `${cause}: give it, and its folder, to the user that Tidegate runs as, on a disk that can be written`;
  }
  return cause;
}
