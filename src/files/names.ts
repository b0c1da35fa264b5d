// Which names nobody gets, which paths hold source, and what caches are told about a path: what an operator says in patterns.

import type { CacheRule, FilesService } from "../config/files.ts";
import { type Pattern, patternOf } from "./patterns.ts";

export class Names {
  readonly #hidden: readonly Pattern[];
  readonly #shown: readonly Pattern[];
  readonly #rules: readonly { readonly pattern: Pattern; readonly value: string }[];

  constructor({
    hidden,
    shown,
    cacheControl,
  }: Pick<FilesService, "hidden" | "shown" | "cacheControl">) {
    // What is hidden on one file system should not be found on another that does not care for capitals.
    this.#hidden = hidden.map((each) => patternOf(each, true));
    this.#shown = shown.map((each) => patternOf(each));
    this.#rules = cacheControl.map(ruleOf);
  }

  /** Some name of the path is one that nobody gets. @param path decoded */
  isHidden(path: string): boolean {
    if (this.#hidden.length === 0) return false;
    return path.split("/").some((each) => each !== "" && this.#isHiddenName(each));
  }

  #isHiddenName(name: string): boolean {
    return (
      this.#hidden.some((each) => each.fits(name)) && !this.#shown.some((each) => each.fits(name))
    );
  }

  /** Value of Cache-Control for a path under the root; "" = none. */
  cacheControl(path: string): string {
    return this.#rules.find(({ pattern }) => pattern.fits(path))?.value ?? "";
  }
}

/** A pattern without a slash is about the last name, whatever the folder. */
function ruleOf({ pattern, value }: CacheRule): { pattern: Pattern; value: string } {
  return { pattern: patternOf(pattern.includes("/") ? pattern : `*/${pattern}`), value };
}

/** The part of a path below a folder, beginning with a slash; undefined = it is not below. */
export function below(path: string, folder: string): string | undefined {
  if (folder === "/") return path;
  if (!path.startsWith(folder)) return undefined;
  const rest = path.slice(folder.length);
  return rest === "" || rest.startsWith("/") ? rest : undefined;
}

/** A path within folders in which nothing is run. Capitals do not matter: on some file systems they do not. */
export function isWithin(path: string, folders: readonly string[]): boolean {
  if (folders.length === 0) return false;
  const lower = path.toLowerCase();
  return folders.some((each) => below(lower, each.toLowerCase()) !== undefined);
}
