// Between files and programs nginx decides by patterns of paths, request by request; a service of ours goes on from a folder to its
// index, and from a script's name to what follows it, by itself. What nginx kept closed on those ways is said as patterns of its own.

import { endingsOf, locate } from "./locate.ts";
import type { Location } from "./locations.ts";
import { passes } from "./programs.ts";
import { foldersOf } from "./scripts-of-folders.ts";
import { Scope } from "./tree.ts";

export function withBoundaries(list: readonly Location[]): Location[] {
  const programs = list.filter(isOfScripts);
  if (programs.length === 0) return [...list];
  const closed = list.flatMap((each) => {
    const folders = each.kind === "pattern" && isShut(each) ? foldersOf(each.text) : undefined;
    return folders === undefined ? [each] : [each, { ...each, text: folders }];
  });
  const ends = programs.flatMap((each) => endOf(each, closed) ?? []);
  const [first] = ends;
  if (first === undefined) return closed;
  const at = closed.findLastIndex(({ kind }) => kind === "pattern") + 1;
  return [...closed.slice(0, at), ...unique(ends), ...closed.slice(at)];
}

function isOfScripts({ kind, text, scope }: Location): boolean {
  return kind === "pattern" && endingsOf(text).length > 0 && scope.own(...passes).length > 0;
}

export function isShut({ scope }: Location): boolean {
  return scope.own("deny", "internal", "return", "auth_basic", "auth_request").length > 0;
}

/** What looks like a script there and came to no program of nginx comes to none here; undefined = all of them do. */
function endOf(program: Location, list: readonly Location[]): Location | undefined {
  const endings = endingsOf(program.text);
  const folder = `${program.inside.replace(/\/$/, "")}/x-sample`;
  const isTaken = endings.every((ending) =>
    [`${folder}/x-sample${ending}`, `${folder}/x-sample${ending}/x-sample`].every((path) => {
      const taker = locate(path, list);
      return taker !== undefined && taker.scope.own(...passes).length > 0;
    }),
  );
  if (isTaken) return undefined;
  const { directive } = program;
  const answer = { ...directive, name: "return", args: ["404"], block: undefined };
  const words = endings.map((ending) => ending.slice(1));
  const word = words.length === 1 ? words.join("") : `(${words.join("|")})`;
  return { ...program, text: `\\.${word}(/|$)`, scope: new Scope([[answer]]) };
}

function unique(ends: readonly Location[]): Location[] {
  return [
    ...new Map(ends.map((each) => [JSON.stringify([each.inside, each.text]), each])).values(),
  ];
}
