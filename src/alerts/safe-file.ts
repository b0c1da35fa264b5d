// Files that are there whole or not at all, also after a power failure: written beside, brought to the disk,
// and renamed into place. Nothing here follows a name that others could have chosen.

import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

const unfinished = ".tmp";

export async function writeSafely(path: string, text: string): Promise<void> {
  const next = `${path}.${randomBytes(6).toString("hex")}${unfinished}`;
  try {
    const file = await open(next, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, path);
  } catch (error) {
    // The disk may be full: what was written of it must not stay.
    await rm(next, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

/** The new name is on the disk only with its folder. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Was left by a process that died while it wrote. */
export function isUnfinished(name: string): boolean {
  return name.endsWith(unfinished);
}

/** undefined when there is none. Throws when it cannot be read, or is longer. */
export async function readSafely(path: string, mostBytes: number): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    if (size > mostBytes) throw new Error(`${path} has ${size} bytes, which is no file of ours`);
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
