// The middlewares that a list or a mapping names, each checked and resolved, in the order in which they run.

import type * as z from "zod";
import { report } from "../context.ts";
import type { Context } from "../context.ts";
import { problemsOf } from "../issue.ts";
import { mostMiddlewares } from "../middleware-limits.ts";
import { nearest } from "../../lib/nearest.ts";
import type { Path } from "../problem.ts";
import type { Definition } from "./definition.ts";
import { refuseGuarded, refuseUnshown } from "./guarded.ts";
import type { MiddlewareListInput } from "./list-schema.ts";
import { inlineUse, ownFileOf, ownNamesIn, resolveNamedOwn } from "./own.ts";
import { definitions, type Kind } from "./registry.ts";
import type { Listed, ListedUse } from "./use.ts";

/** In the order in which they run. */
export function resolveList(
  context: Context,
  input: MiddlewareListInput | undefined,
  path: Path,
): readonly Listed[] {
  const written = input === undefined ? [] : entriesOf(context, input, path);
  const uses = written.flatMap((each) => resolveOne(context, each));
  if (Math.max(uses.length, written.length) <= mostMiddlewares) return uses;
  const message = `has more than ${mostMiddlewares} middlewares, with those of its sets`;
  report(context, path, { message, remedy: "leave some out" });
  return [];
}

/** Nothing behind it is ever come to. */
export function isAnswering({ kind }: { readonly kind: string }): boolean {
  return kind === "redirect" || kind === "respond" || kind === "whoami";
}

export function isKind(name: string): name is Kind {
  return Object.hasOwn(definitions, name);
}

/** Of any kind. */
export function definitionOf(kind: Kind): Definition<string, z.ZodType, AnyUse> {
  return definitions[kind];
}

/** Patterns of one in a list, which labels may only have where their time is bounded. */
export function patternsOf(use: Listed): readonly { pattern: string; flags: string }[] {
  const name = use.as ?? use.kind;
  // What a set of the file says is the operator's affair.
  if (use.set !== undefined) return [];
  if (!isKind(name)) return use.kind === "redirectMatch" ? [use] : [];
  return definitionOf(name).patterns?.(use) ?? [];
}

type AnyUse = ListedUse | readonly ListedUse[];

interface Entry {
  readonly kind: string;
  readonly value: unknown;
  readonly path: Path;
  /** It stands there as a name alone, as a set's does. */
  readonly isName?: boolean;
}

function entriesOf(context: Context, input: MiddlewareListInput, path: Path): Entry[] {
  if (!Array.isArray(input)) {
    const all = Object.entries(input).map(([kind, value]) => {
      return { kind, value, path: [...path, kind], isName: value === true };
    });
    return all.toSorted((a, b) => placeOf(a.kind) - placeOf(b.kind));
  }
  return input.flatMap((each, index): Entry[] => {
    const place = [...path, index];
    // `- compress` is `- compress: true`.
    if (typeof each === "string") return [{ kind: each, value: true, path: place, isName: true }];
    const [first, ...more] = Object.entries(each);
    if (first === undefined || more.length > 0) {
      const remedy = "write a - before each";
      report(context, place, { message: "must be one middleware", remedy });
      return [];
    }
    return [{ kind: first[0], value: first[1], path: [...place, first[0]] }];
  });
}

/** Sets first: what is in them was put in order by their writer. */
function placeOf(kind: string): number {
  return isKind(kind) ? definitions[kind].place : 0;
}

function resolveOne(context: Context, entry: Entry): readonly Listed[] {
  const { kind, value, path } = entry;
  if (!isKind(kind)) return ofOwnFile(context, entry) ?? ofSet(context, entry);
  const definition = definitionOf(kind);
  if (refuseGuarded(context, definition, value, path)) return [];
  if (refuseUnshown(context, definition, value, path)) return [];
  const result = definition.settings.safeParse(value);
  if (!result.success) {
    context.problems.push(...problemsOf(context.source, path, result.error.issues));
    return [];
  }
  const made = definition.resolve(result.data, context, path);
  const uses = made === undefined ? [] : isSeveral(made) ? made : [made];
  return uses.map((use, at) => {
    const as = at > 0 ? "" : kind;
    return { ...use, written: value, ...(as === use.kind ? {} : { as }) };
  });
}

/** undefined = no file of the operator's folder is called so. */
function ofOwnFile(context: Context, { kind, value, path }: Entry): readonly Listed[] | undefined {
  const { ownFolder, inline } = context;
  const id = inline?.get(kind);
  if (id !== undefined) {
    return [{ ...inlineUse(id, value === true ? undefined : value), written: value, as: kind }];
  }
  const file = ownFolder === undefined ? undefined : ownFileOf(ownFolder, kind);
  if (file === undefined) return undefined;
  const use = resolveNamedOwn(context, file, value === true ? undefined : value, path);
  return use === undefined ? [] : [{ ...use, written: value, as: kind }];
}

function isSeveral(made: AnyUse): made is readonly ListedUse[] {
  return Array.isArray(made);
}

function ofSet(context: Context, { kind, path, isName = false }: Entry): readonly Listed[] {
  const set = isName ? context.sets?.find(kind) : undefined;
  const name = kind.endsWith("@file") ? kind : `${kind}@file`;
  if (set !== undefined) return set.map((use) => ({ ...use, set: name }));
  reportUnknown(context, kind, path);
  return [];
}

function reportUnknown(context: Context, kind: string, path: Path): void {
  const sets = context.sets?.names ?? [];
  const { ownFolder } = context;
  const own = ownFolder === undefined ? [] : ownNamesIn(ownFolder);
  const inline = context.inline?.keys() ?? [];
  const known = [...Object.keys(definitions), ...own, ...inline, ...sets];
  const near = sets.find((name) => name === `${kind}@file`) ?? nearest(kind, known);
  const remedy = near === undefined ? `known are ${known.join(", ")}` : `write ${near}`;
  const message = `there is no middleware ${JSON.stringify(kind)}`;
  report(context, path, { message, remedy, at: "key" });
}
