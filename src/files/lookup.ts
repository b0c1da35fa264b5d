// What a path leads to: goes through what is to be tried, in order, and says what the first that is there is. Whether it may be
// read is decided twice: by the name that was asked for, and by where that turned out to be when links were followed.

import type { FilesService, TryStep } from "../config/files.ts";
import type { Found, ListedEntry, NotFound, OpenFile, Premises } from "../guest/finding.ts";
import { below, isWithin, type Names } from "./names.ts";

/** Which paths are programs, by the one place that decides it. */
export interface Programs {
  /** Somebody could take it for one: never read as a file. */
  isSource(path: string): boolean;
  /** Path of the program that such a path asks for; undefined = it asks for none. */
  scriptOf(path: string): string | undefined;
}

/** Whose files they are, and what is known of them beyond what the configuration says. */
export interface Place {
  readonly settings: FilesService;
  readonly premises: Premises;
  readonly names: Names;
  readonly programs: Programs;
  /** The script that answers for all others, so that they need not be there; undefined = each stands for itself. */
  readonly script: string | undefined;
  /** Folder where scripts can be looked at, in the terms of the premises; undefined = they are somewhere else. */
  readonly scriptRoot: string | undefined;
}

export type Outcome =
  /** @property path under root, decoded @property isLasting the same for whoever asks for this path */
  | {
      readonly kind: "file";
      readonly path: string;
      readonly file: OpenFile;
      readonly isLasting: boolean;
    }
  /** @property query what it is told instead of the query that was asked with; undefined = that @property isLasting as of a file */
  | {
      readonly kind: "script";
      readonly path: string;
      readonly query: string | undefined;
      readonly isLasting: boolean;
    }
  /** A folder that was asked for as if it were a file. */
  | { readonly kind: "slash" }
  | {
      readonly kind: "list";
      readonly path: string;
      readonly entries: readonly ListedEntry[];
      readonly isCut: boolean;
    }
  | { readonly kind: "service" }
  | { readonly kind: "status"; readonly status: number }
  | NotFound;

const nothing = { kind: "nothing" } as const;

/**
 * Never rejects. Whoever gets a file closes it.
 * @param asked percent-decoded once, bytes as latin1
 * @param mayRedirect a folder without its slash may be answered with the place where it has one
 */
export function lookUp(place: Place, asked: string, mayRedirect: boolean): Promise<Outcome> {
  return new Lookup(place, asked, mayRedirect).run();
}

class Lookup {
  readonly #place: Place;
  readonly #asked: string;
  readonly #mayRedirect: boolean;
  /** Paths that were looked for and are not there: they need not be looked for as folders. */
  readonly #missing = new Set<string>();

  constructor(place: Place, asked: string, mayRedirect: boolean) {
    this.#place = place;
    this.#asked = asked;
    this.#mayRedirect = mayRedirect;
  }

  async run(): Promise<Outcome> {
    // Whatever else would be tried: nothing but a program may answer for a path of one.
    if (this.#isSource(this.#asked)) return this.#script(this.#asked, undefined);
    for (const step of this.#place.settings.try) {
      const outcome = await this.#step(step);
      if (outcome.kind !== "nothing") return outcome;
    }
    return nothing;
  }

  #step(step: TryStep): Promise<Outcome> | Outcome {
    if (step.kind !== "path") return step.kind === "service" ? { kind: "service" } : step;
    const path = step.path.replaceAll("$path", () => this.#asked).replaceAll(/\/{2,}/g, "/");
    if (step.query !== undefined && !path.endsWith("/")) return this.#script(path, step.query);
    if (this.#isSource(path)) return this.#script(path, undefined);
    return path.endsWith("/") ? this.#folder(path) : this.#file(path);
  }

  async #file(path: string): Promise<Outcome> {
    const found = await this.#find(path);
    if (found.kind === "folder") return nothing;
    if (found.kind !== "file") return found;
    return { kind: "file", path, file: found.file, isLasting: true };
  }

  /** @param path ends in a slash */
  async #folder(path: string): Promise<Outcome> {
    const { names, settings } = this.#place;
    const bare = path.slice(0, -1);
    if (this.#missing.has(bare) || names.isHidden(path)) return nothing;
    const isBare = path === `${this.#asked}/`;
    for (const name of settings.index) {
      const outcome = await this.#index(path + name);
      if (outcome.kind === "nothing") continue;
      if (outcome.kind !== "file" && outcome.kind !== "script") return outcome;
      if (isBare && this.#mayRedirect) return redirected(outcome);
      return isBare ? { ...outcome, isLasting: false } : outcome;
    }
    return settings.listing ? this.#list(path, isBare) : nothing;
  }

  #index(path: string): Promise<Outcome> {
    return this.#isSource(path) ? this.#script(path, undefined) : this.#file(path);
  }

  async #list(path: string, isBare: boolean): Promise<Outcome> {
    const listed = await this.#place.premises.list(this.#full(path));
    if (listed.kind !== "list") return listed;
    // A link may lead into a folder that nobody gets anything of.
    if (!(await mayRead(this.#place, listed.realPath))) return nothing;
    if (isBare && this.#mayRedirect) return { kind: "slash" };
    const { names, programs } = this.#place;
    const entries = listed.entries.filter(({ name }) => {
      const each = path + name;
      // What would not be given is not told of either.
      const isKept = programs.isSource(each) && programs.scriptOf(each) === undefined;
      return !names.isHidden(name) && !isKept;
    });
    return { kind: "list", path, entries, isCut: listed.isCut };
  }

  /** A regular file that may be read, or a folder. */
  async #find(path: string): Promise<Found> {
    if (this.#missing.has(path) || this.#place.names.isHidden(path)) return nothing;
    const found = await this.#place.premises.find(this.#full(path));
    if (found.kind === "nothing") this.#missing.add(path);
    if (found.kind !== "file" || (await mayRead(this.#place, found.file.realPath))) return found;
    found.file.close();
    return nothing;
  }

  #full(path: string): string {
    const { root } = this.#place.settings;
    return root === "/" ? path : root + path;
  }

  #isSource(path: string): boolean {
    return this.#place.programs.isSource(path);
  }

  /** The program for a path, if there is one. */
  async #script(path: string, query: string | undefined): Promise<Outcome> {
    const { names, programs, settings, scriptRoot, script, premises } = this.#place;
    const neverIn = settings.scripts?.neverIn ?? [];
    const outcome = { kind: "script", path, query, isLasting: true } as const;
    if (names.isHidden(path) || isWithin(path, neverIn)) return nothing;
    if (script !== undefined) return outcome;
    const named = programs.scriptOf(path);
    if (named === undefined) return query === undefined ? nothing : outcome;
    if (scriptRoot === undefined) return outcome;
    const found = await premises.find(scriptRoot === "/" ? named : scriptRoot + named);
    if (found.kind === "folder") return nothing;
    if (found.kind !== "file") return found;
    const { realPath } = found.file;
    found.file.close();
    if (neverIn.length === 0) return outcome;
    const rest = below(realPath, scriptRoot) ?? (await belowTrueRoot(this.#place, realPath));
    return rest !== undefined && isWithin(rest, neverIn) ? nothing : outcome;
  }
}

function redirected(outcome: Outcome): Outcome {
  if (outcome.kind === "file") outcome.file.close();
  return { kind: "slash" };
}

/** Neither hidden nor a program where it is in truth. The names above the root do not matter. */
export async function mayRead(place: Place, realPath: string): Promise<boolean> {
  const { settings, names, programs } = place;
  const isFine = (path: string) => !names.isHidden(path) && !programs.isSource(path);
  const rest = below(realPath, settings.root);
  if (rest !== undefined) return isFine(rest);
  if (isFine(realPath)) return true;
  const trueRest = await belowTrueRoot(place, realPath);
  return trueRest !== undefined && isFine(trueRest);
}

/** The root itself may be a link, or lie below one. */
async function belowTrueRoot(
  { premises, settings }: Place,
  realPath: string,
): Promise<string | undefined> {
  const root = await premises.find(settings.root);
  if (root.kind === "file") root.file.close();
  return root.kind === "folder" ? below(realPath, root.realPath) : undefined;
}
