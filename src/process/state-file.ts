// A file in the state folder, replaced as a whole: whoever reads it finds the old one or the new one.

import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import type { Log } from "../lib/log.ts";

export class StateFiles {
  readonly #log: Log;
  /** What could not be written the last time. */
  readonly #broken = new Set<string>();
  readonly #swept = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Warns when it cannot be, once for each file. */
  write(path: string, content: string | Uint8Array): void {
    const next = `${path}.${randomBytes(4).toString("hex")}`;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      this.#sweep(path);
      writeFileSync(next, content, { mode: 0o600 });
      renameSync(next, path);
      this.#broken.delete(path);
    } catch (error) {
      removeIfThere(next);
      if (this.#broken.has(path)) return;
      this.#broken.add(path);
      const cause = error instanceof Error ? error.message : String(error);
      this.#log.warn("what was found cannot be kept for the next start", { cause });
    }
  }

  /** What those began to write who were killed at it: with every such end there would be more. */
  #sweep(path: string): void {
    if (this.#swept.has(path)) return;
    this.#swept.add(path);
    const [folder, name] = [dirname(path), basename(path)];
    for (const each of readdirSync(folder)) {
      const isLeft =
        each.startsWith(`${name}.`) && /^[0-9a-f]{8}$/.test(each.slice(name.length + 1));
      if (isLeft) removeIfThere(join(folder, each));
    }
  }
}

/** It is in nobody's way: not worth an exception. */
function removeIfThere(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // A disk that fails, or no folder at all.
  }
}
