// Which container is meant by a name, where a platform may have several of one: folders of LXC side by side, and
// projects of Incus. Who makes another one of the same name must not be served in the place of the first.

import type { GuestPlace } from "../config/guest.ts";
import type { Workload } from "./workload.ts";

/** A copy of each that is not meant by its name, the same one for as long as the workload is. */
const marked = new WeakMap<Workload, Workload>();

/** As listed, with a mark on those who are not meant by their names. */
export function namesakesMarked(workloads: readonly Workload[]): readonly Workload[] {
  const names = byName(workloads);
  if (names.size === workloads.length) return workloads;
  return workloads.map((each) => {
    if (meantOf(names.get(each.name) ?? []) === each) return each;
    const known = marked.get(each) ?? { ...each, isNamesake: true };
    marked.set(each, known);
    return known;
  });
}

/** @param workloads with namesakes marked */
export function guestsOf(workloads: readonly Workload[]): ReadonlyMap<string, GuestPlace> {
  const guests = new Map<string, GuestPlace>();
  for (const [name, all] of byName(workloads)) {
    const meant = all.find(({ isNamesake }) => isNamesake !== true);
    guests.set(name, meant === undefined ? nobody(all) : (meant.guest ?? nowhere(meant)));
  }
  return guests;
}

function byName(workloads: readonly Workload[]): ReadonlyMap<string, readonly Workload[]> {
  return Map.groupBy(workloads, ({ name }) => name);
}

/** undefined = nobody can say. */
function meantOf(all: readonly Workload[]): Workload | undefined {
  const [first] = all;
  if (all.length === 1 || first === undefined) return first;
  switch (first.platform) {
    case "lxc":
      // In the order of `paths`.
      return first;
    case "incus":
    case "lxd": {
      const ofDefault = all.filter(({ project }) => project === undefined);
      return ofDefault.length === 1 ? ofDefault[0] : undefined;
    }
    default:
      return undefined;
  }
}

function nobody(all: readonly Workload[]): GuestPlace {
  const projects = all.map(({ project }) => project ?? "default");
  const why = `${all.length} containers have this name (in ${projects.slice(0, 4).join(", ")}): let the provider look at one of these projects alone`;
  return { rootfs: undefined, init: undefined, why };
}

function nowhere({ platform, state }: Workload): GuestPlace {
  const why =
    platform === "libvirt"
      ? "what libvirt runs has its files on disks of its own, which are not looked into"
      : state === "running" || state === "paused"
        ? "its first process is not known"
        : "it does not run";
  return { rootfs: undefined, init: undefined, why };
}
