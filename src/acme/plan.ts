// Which certificates there should be, from what routes ask for: those of one route are one certificate, and nobody gets a second
// one for a name that another one covers. Plain functions.

import { createHash } from "node:crypto";
import { acmeClientLimits } from "../config/acme-limits.ts";
import { certificateName, covers } from "../x509/names.ts";

/** Labels are written by tenants, and any client may ask for any name: what operators want goes before. */
export type AskedBy = "operator" | "label" | "client";

export interface Wanted {
  readonly route: string;
  /** As rules write them. */
  readonly hosts: readonly string[];
  readonly by: AskedBy;
}

/** Names that get a certificate together. */
export interface Group {
  /** The same for the same names, at every start and on every node. */
  readonly id: string;
  /** In the spelling of certificates, sorted. */
  readonly names: readonly string[];
  /** Who asks for it; the first one for each name. */
  readonly route: string;
  readonly by: AskedBy;
  /** Ids of those that it is a part of, since an authority refused some of their names. */
  readonly wholes: readonly string[];
}

export interface Planning {
  /** Whether somebody else's certificate is there for the name. */
  isServed(name: string): boolean;
  /** Else a star waits by itself, and names below it and beside it do not wait with it. */
  readonly areStarsProvable: boolean;
}

export function groupsOf(
  wanted: readonly Wanted[],
  { isServed, areStarsProvable }: Planning,
): readonly Group[] {
  const isCounted = (name: string) => areStarsProvable && isStar(name) && !isServed(name);
  const asked = wanted.map(({ hosts, ...each }) => ({ ...each, names: namesOf(hosts) }));
  // A tenant's star, which may never be had, keeps nobody else's names waiting.
  const stars = new Set(
    asked.flatMap(({ by, names }) => (by === "operator" ? names.filter(isCounted) : [])),
  );
  const taken = new Set<string>();
  return asked.flatMap(({ names, ...asker }) => {
    const ownStars = new Set(names.filter(isCounted));
    const own = names.filter((name) => {
      const isOthers = taken.has(name) || isServed(name);
      return !isOthers && !isBelow(name, stars) && !isBelow(name, ownStars);
    });
    for (const name of own) taken.add(name);
    const parts = areStarsProvable
      ? [own]
      : [own.filter((each) => !isStar(each)), own.filter(isStar)];
    return parts
      .flatMap(chunksOf)
      .map((each) => ({ id: groupId(each), names: each, wholes: [], ...asker }));
  });
}

/** One name that is refused keeps the others from nothing: they are ordered without it, and it by itself. */
export function partsOf(
  group: Group,
  refusedOf: (id: string) => ReadonlySet<string>,
): readonly Group[] {
  const refused = refusedOf(group.id);
  const good = group.names.filter((each) => !refused.has(each));
  const bad = group.names.filter((each) => refused.has(each));
  if (good.length === 0 || bad.length === 0) return [group];
  const wholes = [...group.wholes, group.id];
  const parts = [good, bad].map((names) => ({ ...group, id: groupId(names), names, wholes }));
  return parts.flatMap((each) => partsOf(each, refusedOf));
}

export function groupId(names: readonly string[]): string {
  return createHash("sha256").update(names.toSorted().join(",")).digest("hex").slice(0, 32);
}

function namesOf(hosts: readonly string[]): readonly string[] {
  const names = hosts.map((each) => certificateName(each)?.value);
  return [...new Set(names.filter((each) => each !== undefined))].toSorted();
}

function isStar(name: string): boolean {
  return name.startsWith("*.");
}

/** One of the stars is for it; ten thousand names are not compared with each of them. */
function isBelow(name: string, stars: ReadonlySet<string>): boolean {
  if (stars.size === 0 || isStar(name)) return false;
  const dot = name.indexOf(".");
  const star = dot <= 0 ? "" : `*${name.slice(dot)}`;
  return stars.has(star) && covers([star], name);
}

function chunksOf(names: readonly string[]): readonly (readonly string[])[] {
  const { names: most } = acmeClientLimits;
  const count = Math.ceil(names.length / most);
  return Array.from({ length: count }, (_, at) => names.slice(at * most, (at + 1) * most));
}
