// The options of one middleware of Traefik, and what every reader of them needs.

import { isKind, definitionOf } from "../../config/middlewares/list.ts";
import { problemsOf } from "../../config/issue.ts";
import { warning } from "./note.ts";
import { close, type Draft } from "./traefik-draft.ts";
import type { LabelValue } from "./traefik-labels.ts";

export interface Options {
  /** As in the label. */
  readonly kind: string;
  /** Name of some label of it. */
  readonly label: string;
  /** Marks it as understood. */
  take(key: string): LabelValue | undefined;
  /** Those that nobody took. */
  keys(): string[];
  rest(): LabelValue[];
}

export type MiddlewareReader = (draft: Draft, options: Options) => void;

export function required(draft: Draft, options: Options, key: string): LabelValue | undefined {
  const found = options.take(key);
  if (found !== undefined && found.value.trim() !== "") return found;
  close(draft, options.label, `the middleware ${options.kind} says no ${key}`);
  return undefined;
}

export function skip(options: Options): void {
  for (const key of options.keys()) options.take(key);
}

/** All that begins so, by what follows. */
export function takeBelow(options: Options, start: string): Record<string, LabelValue> {
  const found = options.keys().filter((key) => key.startsWith(`${start}.`));
  return Object.fromEntries(
    found.flatMap((key) => {
      const value = options.take(key);
      return value === undefined ? [] : [[key.slice(start.length + 1), value] as const];
    }),
  );
}

interface Listed {
  readonly kind: string;
  readonly settings: unknown;
  /** It keeps people out: without it nobody may come in. */
  readonly isGuard?: boolean;
}

/** Puts one at the end of the route's list, where they run in the order of the router. */
export function list(draft: Draft, { kind, settings, isGuard = false }: Listed, label: string) {
  const why = whyNot(kind, settings);
  if (why !== undefined) {
    if (isGuard) close(draft, label, why);
    else draft.notes.push(warning(label, `${why}; the route works without`));
    return;
  }
  listName(draft, { [kind]: settings }, label);
}

/** As it stands in a list: a mapping, or the name of a set. */
export function listName(draft: Draft, entry: unknown, label: string): void {
  const before = draft.route.get("middlewares");
  const all: readonly unknown[] = Array.isArray(before) ? before : [];
  draft.labels.set(`route.middlewares.${all.length}`, label);
  draft.route.set("middlewares", [...all, entry]);
}

/** Looked at here already: a route whose list is wrong would not be there, and another take its requests. */
function whyNot(kind: string, settings: unknown): string | undefined {
  if (!isKind(kind)) return `there is no ${kind}`;
  const result = definitionOf(kind).settings.safeParse(settings);
  if (result.success) return undefined;
  const place = () => ({ line: 1, column: 1 });
  const source = { file: "", value: settings, problems: [], keyAt: place, valueAt: place };
  const [problem] = problemsOf(source, [], result.error.issues);
  const below = problem === undefined || problem.path === "" ? "" : `.${problem.path}`;
  return `${kind}${below}: ${problem?.message ?? "cannot be read"}`;
}
