// One route of proxy-etc as items of the store, and back: of its source a service, and a route for each thing that the
// source stands for.

import { crc32 } from "node:zlib";
import { proxyEtcLimits as limits } from "../config/limits.ts";
import { claimsOf } from "../config/proxy-etc-source.ts";
import type { ItemChange, ItemRow } from "./configuration.ts";
import { fieldOf, type Target, targetIn, targetOf, textOf } from "./proxy-etc-target.ts";

export interface Kept {
  readonly source: string;
  readonly targets: readonly Target[];
  readonly isSticky: boolean;
  /** Of the service, as written. */
  readonly check: unknown;
  /** undefined = it is not in the store yet. */
  readonly revision: number | undefined;
}

const prefix = "proxy-etc/";
export const suffix = "@store";

/** It must fit into a name. */
const longestSource = 200;

export function routeIn(route: unknown): Kept | undefined {
  const source = textOf(fieldOf(route, "source"));
  const all = fieldOf(route, "targets");
  if (source === undefined || source.length > longestSource || !Array.isArray(all)) {
    return undefined;
  }
  const targets = new Map<string, Target>();
  for (const each of all.slice(0, limits.targets + 1)) {
    const target = targetIn(each);
    if (target === undefined) return undefined;
    targets.set(target.url, target);
  }
  if (targets.size === 0 || targets.size > limits.targets) return undefined;
  const isSticky = fieldOf(route, "sessionType") === "Sticky";
  return {
    source,
    targets: [...targets.values()],
    isSticky,
    check: undefined,
    revision: undefined,
  };
}

export function keptIn({ name, source: owner, value, revision }: ItemRow): Kept | undefined {
  if (owner !== "store" || !name.startsWith(prefix) || !name.endsWith(suffix)) return undefined;
  const backends = fieldOf(value, "backends");
  if (!Array.isArray(backends)) return undefined;
  return {
    source: name.slice(prefix.length, -suffix.length),
    targets: backends.flatMap((each: unknown) => targetOf(each) ?? []),
    isSticky: fieldOf(value, "sticky") !== undefined,
    check: fieldOf(value, "check"),
    revision,
  };
}

export function additions({
  source,
  targets,
  isSticky,
  check,
  revision,
}: Kept): readonly ItemChange[] {
  const service = nameOf(source);
  const value = {
    backends: targets.map(({ url }) => url),
    balance: "round-robin",
    ...(isSticky ? { sticky: { legacy: "SERVERID" } } : {}),
    ...(check === undefined ? {} : { check }),
  };
  const expected = revision ?? "absent";
  const routes = routesOf(source).map(({ name, claim }) => {
    return change("routes", name, { ...claim, service });
  });
  return [{ ...change("services", service, value), expected }, ...routes];
}

export function removals({ source, revision }: Kept): readonly ItemChange[] {
  const routes = routesOf(source).map(({ name }) => change("routes", name, undefined));
  return [{ ...change("services", nameOf(source), undefined), expected: revision }, ...routes];
}

function change(section: ItemChange["section"], name: string, value: unknown): ItemChange {
  return { section, name, value, expected: undefined };
}

/** A word stands for a host and for a path: the names must not be those of another source. */
function routesOf(source: string) {
  return claimsOf(source).map(({ claim }, index) => {
    return { name: index === 0 ? nameOf(source) : `${nameOf(source)}:path`, claim };
  });
}

export function nameOf(source: string): string {
  return `${prefix}${source}`;
}

export function has({ targets }: Kept, target: Target): boolean {
  return targets.some(({ url }) => url === target.url);
}

/** Numbers, as scripts expect; the same as long as the source is. */
export function idOf(source: string): number {
  return crc32(source);
}

export function targetIdOf(source: string, { url }: Target): number {
  return crc32(`${source} ${url}`);
}
