// What comes of changed items otherwise than whoever wrote them may think: somebody else has the name, another
// route gets the requests, an overlay has nobody to change. Sentences; nothing of it is an error.

import { storeSource } from "../config/item.ts";
import { formatPath } from "../config/problem.ts";
import type { ItemProblem } from "../config/read-item.ts";
import type { Conflict } from "../routing/conflicts.ts";
import type { Merged } from "../routing/merge.ts";
import type { Refusal } from "../routing/ownership.ts";
import { store as limits } from "../config/store-limits.ts";
import type { NewChange } from "../store/store.ts";
import { placeOf } from "./kept-items.ts";

export function notesOf(
  changes: readonly NewChange[],
  { refusals, missing, snapshot }: Pick<Merged, "refusals" | "missing" | "snapshot">,
  {
    conflicts,
    refusedBefore,
  }: { conflicts: readonly Conflict[]; refusedBefore: readonly Refusal[] },
): readonly string[] {
  const known = new Set(refusedBefore.map(wordsOf));
  const places = new Set(changes.map(placeOf));
  const isMeant = ({ provider, place }: { provider: string; place: string }) =>
    provider === storeSource && places.has(place);
  const leading = missing.size === 0 ? [] : [...snapshot.routes, ...snapshot.streamRoutes];
  return [
    ...leading
      .filter(({ origin, service }) => isMeant(origin) && missing.has(service ?? ""))
      .map(
        ({ origin, service }) =>
          `${origin.place}: there is no service ${service} so far: requests are answered with 503 until there is one`,
      ),
    ...refusals
      // What somebody else loses by it is to be known too: the host name of a container, say.
      .filter((each) => isMeant(each.origin) || !known.has(wordsOf(each)))
      .map(wordsOf),
    ...conflicts.filter(({ a, b }) => isMeant(a.origin) || isMeant(b.origin)).map(({ why }) => why),
  ];
}

function wordsOf({ origin, message }: Refusal): string {
  return `${origin.place}: ${message}`;
}

/** An import may have a hundred thousand of them, and nobody reads so many. */
export function bounded(notes: readonly string[]): readonly string[] {
  const more = notes.length - limits.problems;
  return more <= 0 ? notes : [...notes.slice(0, limits.problems), `and ${more} more like these`];
}

export function warningsOf(problems: readonly ItemProblem[]): readonly string[] {
  return problems.map(sentenceOf);
}

export function sentenceOf({ path, message, remedy }: ItemProblem): string {
  return `${formatPath(path)}: ${message}${remedy === undefined ? "" : ` (${remedy})`}`;
}
