// A copy of the store, made while everything goes on. It is whole: as the store was at one moment, in one file
// that can be put in the place of another. It comes under its name when it is on the disk.

import { randomBytes } from "node:crypto";
import { closeSync, linkSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import type { Database } from "./database.ts";
import { sync } from "./new-file.ts";
import { faultIn } from "./store-file.ts";
import { causeOf, StoreFault } from "./store-fault.ts";

/** Rejects with StoreFault. @param path absolute; nothing may be there */
export async function backUp(database: Database, path: string): Promise<void> {
  const next = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    // Whoever may read it can read all there is.
    closeSync(openSync(next, "wx", 0o600));
    await backup(database.sql, next);
    release(next);
    sync(next);
    linkSync(next, path);
    sync(dirname(path));
  } catch (error) {
    throw new StoreFault(`no backup was written to ${path}: ${reasonFor(error)}`, { cause: error });
  } finally {
    for (const end of ["", "-wal", "-shm", "-journal"]) rmSync(`${next}${end}`, { force: true });
  }
}

/** Nobody holds the copy, and it needs no second file. */
function release(path: string): void {
  const sql = new DatabaseSync(path);
  try {
    sql.exec("PRAGMA journal_mode = DELETE; DELETE FROM holder");
    const fault = faultIn(sql);
    if (fault !== undefined) {
      throw new Error(
        `the store itself is damaged (${fault}): save its items by \`tidegate export\``,
      );
    }
  } finally {
    sql.close();
  }
}

function reasonFor(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "EEXIST":
      return "there is a file of that name; choose another";
    case "ENOENT":
      return "there is no such folder";
    case "EACCES":
    case "EPERM":
      return "the user that Tidegate runs as may not write there";
    default:
      return causeOf(error);
  }
}
