// Files of other programs, read within bounds: whoever imports may name anything, a device or a disk image.

import { readFileSync, statSync } from "node:fs";
import { importBounds } from "../config/limits.ts";
import { NotImported } from "./imported.ts";

/** `by` is the place that names it, when it is not the one that was asked for. */
export function readSourceFile(file: string, by?: string): string {
  const name = by === undefined ? file : `${by}: ${file}`;
  try {
    const found = statSync(file);
    if (!found.isFile()) throw new NotImported(`${name} is not a file`);
    if (found.size > importBounds.fileBytes) {
      const most = importBounds.fileBytes / 1024 / 1024;
      throw new NotImported(`${name} is larger than ${most} MiB, and no configuration is`);
    }
    return readFileSync(file, "utf8").replace(/^\uFEFF/, "");
  } catch (error) {
    if (error instanceof NotImported) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new NotImported(`${name} cannot be read: ${why}`);
  }
}
