// Makes an empty store. It is made under another name and gets its own when it is whole and on the disk: what
// bears the name was a store once, and if it is empty or torn somebody lost something.

import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { applicationId, steps } from "./schema.ts";

/** Only its owner may read it. Of two that make it at once both have the same. */
export function makeFile(path: string): void {
  const next = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    closeSync(openSync(next, "wx", 0o600));
    const sql = new DatabaseSync(next);
    try {
      sql.exec(`PRAGMA application_id = ${applicationId}`);
      sql.exec(["BEGIN", ...steps, `PRAGMA user_version = ${steps.length}`, "COMMIT"].join(";\n"));
      sql.exec("PRAGMA journal_mode = WAL");
    } finally {
      sql.close();
    }
    sync(next);
    linkSync(next, path);
    sync(dirname(path));
  } catch (error) {
    const isBeaten = error instanceof Error && "code" in error && error.code === "EEXIST";
    if (!isBeaten) throw error;
  } finally {
    for (const end of ["", "-wal", "-shm", "-journal"]) rmSync(`${next}${end}`, { force: true });
  }
}

/** A file or a folder. */
export function sync(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
