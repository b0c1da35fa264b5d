// The whole configuration as it is served, as one file: what stands in the file in its own words, everything
// else in words that mean the same. Names with @ get others, since in a file they would be somebody else's.

import { commentedYaml } from "../config/commented-yaml.ts";
import type { Snapshot } from "../config/snapshot.ts";
import { renamedInList } from "../config/middlewares/named-services.ts";
import { shownList } from "../config/middlewares/words.ts";
import { isRecord } from "../lib/json.ts";
import { renamedRoute, renamedService, withoutSecrets } from "./item-references.ts";
import { type Everything, isOfFile, itemsIn, type ServedItem } from "./served-items.ts";

const sections = ["routes", "tcpRoutes", "services"] as const;

export function dumpOf(all: Everything): string {
  const { snapshot, written } = all;
  const items = sections.flatMap((each) => itemsIn(each, all).filter(({ isServed }) => isServed));
  const names = namesFor(items);
  const nobody = unspeakable(snapshot);
  const leads = leadsOf(snapshot);
  const rename = (service: string) => names.get(`services ${service}`) ?? service;
  const left: string[] = [];
  const certificates = itemsIn("certificates", all).length;
  const value: Record<string, Record<string, unknown>> = {};
  const comments = new Map<string, Map<string, string>>();
  for (const item of items) {
    const { section, name, origin } = item;
    const words = item.words();
    const lead = leads.get(`${section} ${name}`);
    if (words === undefined || (lead !== undefined && nobody.has(lead))) {
      const why = words === undefined ? "nobody is there now" : `nobody is at ${lead} now`;
      left.push(`not written: ${section}.${name} of ${origin.provider}, ${origin.place}: ${why}`);
      continue;
    }
    const newName = names.get(`${section} ${name}`) ?? name;
    const renamed =
      section === "services" ? renamedService(words, rename) : renamedRoute(words, rename);
    (value[section] ??= {})[newName] = renamed;
    const comment = isOfFile(origin) ? origin.place : `${origin.provider}: ${origin.place}`;
    const named = newName === name ? comment : `${comment} (${name})`;
    comments.set(section, (comments.get(section) ?? new Map<string, string>()).set(newName, named));
  }
  const before = [
    `What Tidegate serves, version ${snapshot.version}: put together of all sources.`,
    `Relative paths begin at ${written.folder}. Left out: providers, whose findings are here, and alerts.`,
    ...(certificates === 0
      ? []
      : [`Left out: ${certificates} certificates that stand in no file of this host.`]),
    ...(namesContainers(snapshot)
      ? ["Containers are named, which are looked up in providers: add those to use this file."]
      : []),
    ...left,
  ];
  return commentedYaml({ before, value: { ...rest(all, rename), ...value }, comments });
}

function namesContainers({ services }: Snapshot): boolean {
  return [...services.values()].some((each) => "guest" in each && each.guest !== undefined);
}

/** All other sections; listeners may lead to services, too. */
function rest({ written }: Everything, rename: (name: string) => string): Record<string, unknown> {
  const { listeners, middlewares, ...others } = written.sections;
  return {
    ...byName("listeners", listeners, (each) => renamedRoute(withoutSecrets(each), rename)),
    ...byName("middlewares", middlewares, (each) => renamedInList(shownList(each), rename)),
    ...others,
  };
}

function byName(
  section: string,
  value: unknown,
  change: (item: unknown) => unknown,
): Record<string, unknown> {
  if (value === undefined) return {};
  if (!isRecord(value)) return { [section]: value };
  const all = Object.entries(value).map(([name, each]) => [name, change(each)]);
  return { [section]: Object.fromEntries(all) };
}

/** By section and name; the file's names stay. */
function namesFor(items: readonly ServedItem[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const taken = new Set(items.map(({ section, name }) => `${section} ${name}`));
  for (const { section, name } of items) {
    const at = name.lastIndexOf("@");
    if (at === -1) continue;
    const bare = name.slice(0, at).replaceAll("@", "-");
    const full = `${bare}-${name.slice(at + 1)}`;
    const isFree = (each: string) => each !== "" && !taken.has(`${section} ${each}`);
    let free = isFree(bare) ? bare : full;
    for (let n = 2; !isFree(free); n++) free = `${full}-${n}`;
    taken.add(`${section} ${free}`);
    names.set(`${section} ${name}`, free);
  }
  return names;
}

/** Where routes lead, by section and name. */
function leadsOf({ routes, streamRoutes }: Snapshot): ReadonlyMap<string, string | undefined> {
  return new Map([
    ...routes.map(({ name, service }): [string, string | undefined] => [`routes ${name}`, service]),
    ...streamRoutes.map(({ name, service }): [string, string] => [`tcpRoutes ${name}`, service]),
  ]);
}

/** Services that a file cannot say: without anybody, or found by the requested host. */
function unspeakable({ services }: Snapshot): ReadonlySet<string> {
  const nobody = [...services.values()].filter(
    (each) => each.kind === "addressed" || (each.kind === "backends" && each.backends.length === 0),
  );
  return new Set(nobody.map(({ name }) => name));
}
