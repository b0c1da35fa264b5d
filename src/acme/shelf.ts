// Where texts lie that must not be lost: each is whole or not there, whatever happens while it is written, and what was put there
// is on the disk. Keys are in them, so nobody else may read them.

import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { chmod, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { acmeLimits as limits } from "../config/acme-limits.ts";

export const shelfKinds = [
  "accounts",
  "asked",
  "authority",
  "orders",
  "certificates",
  "windows",
  "waits",
] as const;

export type ShelfKind = (typeof shelfKinds)[number];

export interface Shelf {
  /** By name: `orders/0123abcd`. */
  readonly texts: ReadonlyMap<string, string>;
  /** Resolves when it is on the disk. Throws when it cannot be. */
  put(kind: ShelfKind, id: string, text: string): Promise<void>;
  remove(kind: ShelfKind, id: string): Promise<void>;
}

const ending = ".json";

export class FileShelf implements Shelf {
  readonly texts = new Map<string, string>();
  /** What could not be read: sentences. */
  readonly troubles: string[] = [];
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the folder. Throws when it cannot be. */
  static async open(folder: string): Promise<FileShelf> {
    const shelf = new FileShelf(folder);
    for (const kind of shelfKinds) await shelf.#read(kind);
    return shelf;
  }

  async #read(kind: ShelfKind): Promise<void> {
    const folder = join(this.#folder, kind);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(this.#folder, 0o700);
    const names = await readdir(folder);
    for (const [count, name] of names.slice(0, limits.files).entries()) {
      if (count % limits.filesAtOnce === 0) await nextTurn();
      const path = join(folder, name);
      const id = name.endsWith(ending) ? name.slice(0, -ending.length) : "";
      // Somebody was killed while they wrote it.
      if (name.endsWith(".new")) await this.#sweep(path);
      else if (isId(id)) this.#take(`${kind}/${id}`, path);
    }
  }

  async #sweep(path: string): Promise<void> {
    await rm(path, { force: true }).catch((error: unknown) => this.#note(path, error));
  }

  #note(path: string, error: unknown): void {
    this.troubles.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }

  /** Synchronously: a read that waits for a thread costs ten times as much, and there may be thousands. */
  #take(name: string, path: string): void {
    try {
      const found = statSync(path);
      // To read a pipe would wait for ever.
      if (!found.isFile()) throw new Error("it is not a file");
      const { size } = found;
      if (size > limits.fileBytes) throw new Error(`it is larger than ${limits.fileBytes} bytes`);
      this.texts.set(name, readFileSync(path, "utf8"));
    } catch (error) {
      this.#note(path, error);
    }
  }

  async put(kind: ShelfKind, id: string, text: string): Promise<void> {
    const isKind = shelfKinds.includes(kind);
    if (!isKind || !isId(id))
      throw new TypeError(`${JSON.stringify(id)} cannot be the name of a file`);
    const folder = join(this.#folder, kind);
    const next = join(folder, `${id}.${randomBytes(6).toString("hex")}.new`);
    try {
      await writeWhole(next, text);
      await rename(next, join(folder, id + ending));
    } catch (error) {
      // Nothing was to be seen of it, and nothing may stay of it.
      await rm(next, { force: true }).catch(() => {});
      throw new Error(`${folder} cannot be written: ${remedyFor(error)}`, { cause: error });
    }
    this.texts.set(`${kind}/${id}`, text);
    await sync(folder);
  }

  async remove(kind: ShelfKind, id: string): Promise<void> {
    this.texts.delete(`${kind}/${id}`);
    if (isId(id)) await rm(join(this.#folder, kind, id + ending), { force: true });
  }
}

/** A text of ours in a file name. */
export function isId(id: string): boolean {
  return /^[a-z0-9-]{1,80}$/.test(id);
}

async function writeWhole(path: string, text: string): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  await file.writeFile(text);
  await file.sync();
}

function remedyFor(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return "the disk is full. Nothing is ordered that cannot be kept: make room";
  }
  return `${code}. Nothing is ordered that cannot be kept`;
}

/** So that the new name of a file is on the disk too. */
async function sync(folder: string): Promise<void> {
  await using handle = await open(folder, "r");
  await handle.sync();
}
