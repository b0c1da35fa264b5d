// Hints that a container was made or removed, or that its configuration was written. The folders to watch are
// told after each listing.

import { type FSWatcher, watch } from "node:fs";
import type { Log } from "../../lib/log.ts";

export interface FolderWatchOptions {
  readonly log: Log;
  changed(): void;
}

export interface WatchedFolder {
  readonly path: string;
  /** A folder that was replaced is another one. */
  readonly inode: number;
  /** Only this file in it matters; undefined = anything. */
  readonly file: string | undefined;
}

export class FolderWatch implements Disposable {
  readonly #options: FolderWatchOptions;
  #watchers = new Map<string, FSWatcher>();
  #hasComplained = false;

  constructor(options: FolderWatchOptions) {
    this.#options = options;
  }

  /** These, and no others. */
  keep(folders: readonly WatchedFolder[]): void {
    const before = this.#watchers;
    this.#watchers = new Map();
    let isNew = false;
    for (const folder of folders) {
      const key = `${folder.inode} ${folder.path}`;
      const watcher = before.get(key) ?? this.#watch(folder);
      if (watcher === undefined) continue;
      isNew ||= !before.has(key);
      this.#watchers.set(key, watcher);
    }
    for (const [key, watcher] of before) if (!this.#watchers.has(key)) watcher.close();
    // It may have changed between the listing and now.
    if (isNew) this.#options.changed();
  }

  #watch({ path, file }: WatchedFolder): FSWatcher | undefined {
    try {
      const watcher = watch(path, (_, name) => {
        if (file === undefined || name === null || name === file) this.#options.changed();
      });
      // The folder is gone, which its own folder tells as well.
      watcher.on("error", () => this.#options.changed());
      return watcher;
    } catch (error) {
      this.#complain(path, error);
      return undefined;
    }
  }

  #complain(path: string, error: unknown): void {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    // It vanished meanwhile, or its container's finding says that we may not read it.
    if (code === "ENOENT" || code === "EACCES") return;
    if (this.#hasComplained) return;
    this.#hasComplained = true;
    const text = "a folder of containers cannot be watched, so changes in it are found later";
    this.#options.log.warn(text, { path, cause: String(error) });
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }
}
