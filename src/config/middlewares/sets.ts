// `middlewares` of the file: lists by name, which routes, services and listeners then name. Each is resolved once, where
// it is written; whoever names it has it as it is.

import { report } from "../context.ts";
import type { Context, MiddlewareSets } from "../context.ts";
import type { RouteDefaults } from "../provider-settings.ts";
import { problemsOf } from "../issue.ts";
import { isKind, resolveList } from "./list.ts";
import { middlewareList } from "./list-schema.ts";
import type { Listed } from "./use.ts";

/** All of them are looked at, whether somebody names them or not. */
export function resolveSets(context: Context, written: readonly [string, unknown][]): FileSets {
  const sets = new FileSets(context, new Map(written));
  for (const [name] of written) sets.find(name);
  return sets;
}

class FileSets implements MiddlewareSets {
  readonly names: readonly string[];
  readonly #context: Context;
  readonly #written: ReadonlyMap<string, unknown>;
  readonly #made = new Map<string, readonly Listed[]>();
  /** Those that are being resolved, each named by the one before it. */
  readonly #open: string[] = [];

  constructor(context: Context, written: ReadonlyMap<string, unknown>) {
    this.names = [...written.keys()].filter((name) => !isKind(name));
    this.#written = written;
    this.#context = { ...context, sets: this };
  }

  find(written: string): readonly Listed[] | undefined {
    const name = written.replace(/@file$/, "");
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    if (!this.#written.has(name)) return undefined;
    const path = ["middlewares", name];
    if (this.#open.includes(name)) {
      const circle = [...this.#open.slice(this.#open.indexOf(name)), name].join(" → ");
      const message = `the sets name one another in a circle: ${circle}`;
      report(this.#context, path, { message, remedy: "leave one of them out", at: "key" });
      return [];
    }
    this.#open.push(name);
    const made = this.#resolve(name, path);
    this.#open.pop();
    this.#made.set(name, made);
    return made;
  }

  #resolve(name: string, path: readonly string[]): readonly Listed[] {
    const refuse = (message: string, remedy: string) =>
      report(this.#context, path, { message, remedy, at: "key" });
    if (isKind(name)) refuse(`${name} is a kind of middleware`, "give the set another name");
    if (name.includes("@")) refuse("a name of a set has no @", "leave it out");
    const result = middlewareList.safeParse(this.#written.get(name));
    if (result.success) return resolveList(this.#context, result.data, path);
    this.#context.problems.push(...problemsOf(this.#context.source, path, result.error.issues));
    return [];
  }

  /** What routes that are said elsewhere may name. */
  forOthers(): Pick<RouteDefaults, "sets"> {
    return this.#made.size === 0 ? {} : { sets: Object.fromEntries(this.#made) };
  }
}

/** Those of the file, as everybody else names them. */
export function setsOfFile(
  sets: Readonly<Record<string, readonly Listed[]>> | undefined = {},
): MiddlewareSets {
  return {
    names: Object.keys(sets).map((name) => `${name}@file`),
    find(written) {
      const name = written.replace(/@file$/, "");
      return name !== written && Object.hasOwn(sets, name) ? sets[name] : undefined;
    },
  };
}
