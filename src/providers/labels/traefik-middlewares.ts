// The middlewares that a router of Traefik names, in its order, chains taken apart. Whatever cannot be found
// may be what keeps people out: then the route is closed.

import { traefikBounds } from "../../config/provider-limits.ts";
import { nearest } from "../../lib/nearest.ts";
import { shown, warning } from "./note.ts";
import { close, newDraft } from "./traefik-draft.ts";
import type { Draft } from "./traefik-draft.ts";
import { kinds } from "./traefik-kinds.ts";
import { listName } from "./traefik-options.ts";
import type { MiddlewareReader, Options } from "./traefik-options.ts";
import { readList } from "./traefik-labels.ts";
import type { LabelValue, Section } from "./traefik-labels.ts";

export type Known = ReadonlyMap<string, Section>;

export interface ApplyOptions {
  readonly readers?: ReadonlyMap<string, MiddlewareReader>;
  /** Sets of our own file, which may be named `NAME@file`. */
  readonly sets?: readonly string[] | undefined;
  /** It is an operator's: files and other servers may be named. */
  readonly mayAsk?: boolean | undefined;
}

/** `uses` are the labels that name them. */
export function applyMiddlewares(
  uses: readonly (LabelValue | undefined)[],
  known: Known,
  { readers = kinds, sets = [], mayAsk = false }: ApplyOptions = {},
): Draft {
  const draft = newDraft(mayAsk);
  const line = { draft, known, readers, sets, left: traefikBounds.middlewares };
  for (const use of uses) {
    if (use === undefined) continue;
    for (const name of readList(use.value)) apply(line, name, use.label, []);
  }
  return draft;
}

/** The name without `@docker`; undefined = it is another provider's. */
export function ownReference(reference: string): string | undefined {
  const [name = "", provider] = reference.toLowerCase().split("@", 2);
  return provider === undefined || provider === "docker" || provider === "swarm" ? name : undefined;
}

interface Line {
  readonly draft: Draft;
  readonly known: Known;
  readonly readers: ReadonlyMap<string, MiddlewareReader>;
  readonly sets: readonly string[];
  left: number;
}

function apply(line: Line, reference: string, about: string, above: readonly string[]): void {
  const { draft, known } = line;
  line.left -= 1;
  if (line.left < 0) {
    if (line.left === -1)
      close(draft, about, `there are more than ${traefikBounds.middlewares} middlewares`);
    return;
  }
  const set = line.sets.find((each) => `${each}@file` === reference.trim());
  if (set !== undefined) {
    listName(draft, `${set}@file`, about);
    return;
  }
  const name = ownReference(reference);
  const section = name === undefined ? undefined : known.get(name);
  if (name === undefined || section === undefined) {
    const near = name === undefined ? undefined : nearest(name, known.keys());
    const usual = "write its labels on this container, or take it out of the router's list";
    const remedy = near === undefined ? usual : `write ${known.get(near)?.name ?? near}`;
    close(
      draft,
      about,
      `the middleware ${shown(reference)} is not among the container's own labels`,
      remedy,
    );
    return;
  }
  if (above.includes(name)) {
    close(draft, about, `the chain ${name} leads to itself`);
    return;
  }
  read(line, section, [...above, name]);
}

function read(line: Line, section: Section, above: readonly string[]): void {
  const { draft, readers } = line;
  const [kind, ...others] = new Set(
    [...section.values.keys()].map((key) => key.split(".")[0] ?? ""),
  );
  const [first] = section.values.values();
  if (kind === undefined || first === undefined) return;
  if (others.length > 0) {
    const both = [kind, ...others].join(" and ").slice(0, 100);
    close(draft, first.label, `a middleware is of one kind, and ${section.name} is ${both}`);
    return;
  }
  if (kind === "chain") {
    const members = section.values.get("chain.middlewares");
    const names = readList(members?.value ?? "");
    if (names.length === 0 || section.values.size > 1) {
      // A slip in its one option would otherwise leave out whoever keeps people out.
      close(draft, first.label, "a chain says its middlewares, and nothing else");
    }
    for (const each of names) apply(line, each, first.label, above);
    return;
  }
  const reader = readers.get(kind);
  if (reader === undefined) {
    const near = nearest(kind, [...readers.keys(), "chain"]);
    const remedy = near === undefined ? undefined : `write ${near} if you meant that`;
    close(draft, first.label, `nothing is known of middlewares of the kind ${shown(kind)}`, remedy);
    return;
  }
  const options = optionsOf(section, kind, first.label);
  reader(draft, options);
  for (const { label } of options.rest()) {
    draft.notes.push(warning(label, `this option of ${kind} is not known, and does nothing`));
  }
}

function optionsOf(section: Section, kind: string, label: string): Options {
  // `compress=true` alone is all of a middleware without options.
  const left = new Map(
    [...section.values].flatMap(([key, found]) =>
      key === kind ? [] : [[key.slice(kind.length + 1), found] as const],
    ),
  );
  return {
    kind,
    label,
    take(key) {
      const found = left.get(key);
      left.delete(key);
      return found;
    },
    keys: () => [...left.keys()],
    rest: () => [...left.values()],
  };
}
