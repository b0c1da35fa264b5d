// Pages for statuses in a folder: `404.html`, `5xx.html`, `default.html`. Read when they are first needed to be there, and
// looked at again now and then: no request waits for the disk.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorPageLimits } from "../config/answer-limits.ts";

type Warn = (message: string, fields: Readonly<Record<string, string>>) => void;
type Pages = ReadonlyMap<string, string>;

const pageName = /^(\d{3}|[45]xx|default)\.html$/;

export class PageFolder {
  readonly #folder: string;
  readonly #warn: Warn;
  #pages: Pages = new Map();
  #lookedAt = performance.now();
  #isLooking = false;

  constructor(folder: string, warn: Warn) {
    this.#folder = folder;
    this.#warn = warn;
    try {
      this.#pages = readNow(folder);
    } catch (error) {
      this.#tell(error);
    }
  }

  /** undefined = there is none for it. */
  pageFor(status: number): string | undefined {
    if (performance.now() - this.#lookedAt > errorPageLimits.refresh) void this.#look();
    const pages = this.#pages;
    return (
      pages.get(String(status)) ??
      pages.get(`${String(status).slice(0, 1)}xx`) ??
      pages.get("default")
    );
  }

  /** Never rejects. What cannot be read leaves what was there. */
  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      this.#pages = await readPages(this.#folder);
    } catch (error) {
      this.#tell(error);
    }
    this.#isLooking = false;
    this.#lookedAt = performance.now();
  }

  #tell(error: unknown): void {
    const cause = error instanceof Error ? error.message : String(error);
    this.#warn("the pages for errors cannot be read", { folder: this.#folder, cause });
  }
}

function namesAmong(names: readonly string[]): string[] {
  return names.filter((name) => pageName.test(name)).slice(0, errorPageLimits.files);
}

function checked(path: string, { isFile, size }: { isFile: boolean; size: number }): string {
  if (!isFile) throw new Error(`${path} is not a file`);
  if (size > errorPageLimits.page) throw new Error(`${path} is larger than 1 MiB`);
  return path;
}

function readNow(folder: string): Pages {
  const names = namesAmong(readdirSync(folder));
  return new Map(
    names.map((name) => {
      const path = join(folder, name);
      const found = statSync(path);
      const text = readFileSync(
        checked(path, { isFile: found.isFile(), size: found.size }),
        "utf8",
      );
      return [name.replace(".html", ""), text];
    }),
  );
}

async function readPages(folder: string): Promise<Pages> {
  const pages = new Map<string, string>();
  for (const name of namesAmong(await readdir(folder))) {
    const path = join(folder, name);
    const found = await stat(path);
    const size = { isFile: found.isFile(), size: found.size };
    pages.set(name.replace(".html", ""), await readFile(checked(path, size), "utf8"));
  }
  return pages;
}
