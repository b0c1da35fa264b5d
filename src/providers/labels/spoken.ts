// What one container or VM says, in the first dialect in which it asks for something.

import type { Note } from "../../config/finding.ts";
import { discovery, labelBounds, wishBounds } from "../../config/provider-limits.ts";
import type { Dialect, DiscoverySettings } from "../../config/provider-settings.ts";
import type { Workload } from "../workload.ts";
import { defaultHostOf, defaultWish } from "./default-host.ts";
import { fault, hint, shown, warning } from "./note.ts";
import { readers } from "./registry.ts";
import type { Wish, Wishes, WishOptions } from "./wish.ts";

export interface Spoken {
  readonly wishes: readonly Wish[];
  readonly notes: readonly Note[];
}

export function spokenBy(
  given: Workload,
  settings: DiscoverySettings,
  options: { readonly exposedByDefault: boolean },
): Spoken {
  const notes: Note[] = [];
  const workload = bounded(given, notes);
  const { defaultHost: template } = settings;
  const defaultHost = template === undefined ? undefined : defaultHostOf(template, workload);
  const exposedByDefault = options.exposedByDefault || isEnabled(workload);
  const sets = Object.keys(settings.defaults.sets ?? {});
  const wanted: WishOptions = { exposedByDefault, defaultHost, sets };
  for (const [index, dialect] of settings.dialects.entries()) {
    const { wishes, notes: found, isRefused } = read(dialect, workload, wanted);
    notes.push(...found);
    if (isRefused) {
      if (found.length === 0) notes.push(hint("", "it says that it is not to be routed"));
      return { wishes: [], notes };
    }
    const isWrong = found.some(({ severity }) => severity === "error");
    if (wishes.length === 0 && !isWrong) continue;
    notes.push(...unused(settings.dialects.slice(index + 1), dialect, workload, wanted));
    return { wishes: firstOf(wishes, notes), notes };
  }
  if (defaultHost === undefined || !exposedByDefault) {
    return { wishes: [], notes: [...notes, howTo(workload, settings)] };
  }
  if (!mayListen(workload, settings)) {
    const message = "it says no port, so it is not routed";
    return { wishes: [], notes: [...notes, hint("", message, "add the label tidegate.port")] };
  }
  return { wishes: [defaultWish(workload, defaultHost)], notes };
}

/** A reader that stumbles over one container's labels takes no route of others with it. */
function read(dialect: Dialect, workload: Workload, options: WishOptions): Wishes {
  try {
    return readers[dialect](workload, options);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const note = fault("", `the labels of ${dialect} cannot be read: ${why}`);
    return { wishes: [], notes: [note], isRefused: false };
  }
}

function isEnabled({ labels }: Workload): boolean {
  const found = Object.entries(labels).find(([label]) => label.toLowerCase() === "tidegate.enable");
  return found?.[1].trim().toLowerCase() === "true";
}

function bounded(workload: Workload, notes: Note[]): Workload {
  const all = Object.entries(workload.labels);
  const isLong = ([label, value]: readonly [string, string]) =>
    label.length > wishBounds.labelName || value.length > labelBounds.text;
  if (all.length <= wishBounds.labels && !all.some(isLong)) return workload;
  const kept = all.filter((each) => !isLong(each)).slice(0, wishBounds.labels);
  const long = all.find(isLong);
  if (long !== undefined) {
    notes.push(warning(long[0].slice(0, 100), "is too long for a label, and is not read"));
  }
  if (all.length > wishBounds.labels) {
    notes.push(warning("", `has ${all.length} labels; ${wishBounds.labels} are read`));
  }
  return { ...workload, labels: Object.fromEntries(kept) };
}

/** What those would say that are not asked any more. The host name is always there, and says nothing. */
function unused(
  dialects: readonly Dialect[],
  used: Dialect,
  workload: Workload,
  options: WishOptions,
): Note[] {
  return dialects.flatMap((dialect) => {
    if (dialect === "hostname" || read(dialect, workload, options).wishes.length === 0) return [];
    return [hint("", `it has labels of ${dialect} too; those of ${used} count`)];
  });
}

function firstOf(wishes: readonly Wish[], notes: Note[]): readonly Wish[] {
  const most = discovery.routesPerWorkload;
  if (wishes.length <= most) return wishes;
  notes.push(fault("", `asks for ${wishes.length} routes; the first ${most} are made`));
  return wishes.slice(0, most);
}

function mayListen({ exposed, published }: Workload, { port }: DiscoverySettings): boolean {
  return (
    port !== undefined || [...exposed, ...published].some(({ protocol }) => protocol === "tcp")
  );
}

function howTo({ name, platform }: Workload, { dialects }: DiscoverySettings): Note {
  const isContainer = platform === "docker" || platform === "podman";
  const isNameless = isContainer && dialects.includes("hostname");
  const message = isNameless
    ? "it asks for no route: it has no label that does, and publishes no port"
    : "it asks for no route";
  return hint("", message, `add ${waysTo[platform](shown(name).slice(1, -1))}`);
}

const waysTo: Readonly<Record<Workload["platform"], (name: string) => string>> = {
  docker: () => "the label tidegate.host=NAME",
  podman: () => "the label tidegate.host=NAME",
  lxc: () => "the line # tidegate.host = NAME to its config",
  incus: (name) => `a key: incus config set ${name} user.tidegate.host=NAME`,
  lxd: (name) => `a key: lxc config set ${name} user.tidegate.host NAME`,
  libvirt: () => "the line tidegate.host=NAME to its description (virsh desc)",
};
