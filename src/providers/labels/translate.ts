// From what runs to what is routed: reads everybody's wishes, puts those who share a service together, and
// checks it all like the configuration file. One bad label spoils its own route, and nothing else.
//
// Listings are frequent and mostly say what the last one said. So what was read of a workload is kept as long
// as providers hand over the very same object, and what was made of wishes as long as those are the same.

import type { Finding } from "../../config/finding.ts";
import { discovery as bounds } from "../../config/provider-limits.ts";
import type { DiscoverySettings } from "../../config/provider-settings.ts";
import type { Found } from "../provider.ts";
import type { Workload } from "../workload.ts";
import { groupsOf } from "./groups.ts";
import type { Entry } from "./groups.ts";
import { Memory } from "./memory.ts";
import { shortIdOf } from "./naming.ts";
import { warning } from "./note.ts";
import { Outcome } from "./outcome.ts";
import { stateOf } from "./whereabouts.ts";

/** What labels came to; where files are is not for them to say. */
export type Translated = Omit<Found, "guests">;

export interface Translation extends Translated {
  /** Workloads of each service, by id: who is to be started for it. */
  readonly members: ReadonlyMap<string, readonly string[]>;
  /** Service of each workload by itself, by id; empty unless asked for. */
  readonly plain: ReadonlyMap<string, string>;
}

export interface TranslateOptions {
  /** false: only those that say so. */
  readonly exposedByDefault: boolean;
  /** Everybody gets a service of its own, routed or not. */
  readonly withPlainServices: boolean;
}

const memories = new WeakMap<DiscoverySettings, Memory>();

export function translate(
  workloads: readonly Workload[],
  settings: DiscoverySettings,
  options: TranslateOptions,
): Translation {
  const { exposedByDefault } = options;
  const before = memories.get(settings);
  const isSame = before?.exposedByDefault === exposedByDefault;
  const memory = before !== undefined && isSame ? before : new Memory(settings, exposedByDefault);
  memories.set(settings, memory);
  const sorted = workloads.toSorted(byAge);
  const entries = sorted.slice(0, bounds.workloads).map((workload) => memory.entryOf(workload));
  const { groups, answers, plain, notes } = groupsOf(entries, settings, options);
  const outcome = new Outcome(settings, entries);
  for (const [entry, note] of notes) outcome.note(entry, note);
  for (const group of groups) {
    const reading = memory.readingOf({ service: group, routes: group.routes });
    outcome.add(group, group.routes, reading);
  }
  for (const route of answers) {
    const reading = memory.readingOf({ service: undefined, routes: [route] });
    outcome.add(undefined, [route], reading);
  }
  memory.forgetOthers();
  const { discovery, members } = outcome;
  const findings = entries.map((entry) => findingOf(entry, settings, outcome)).toSorted(byName);
  return {
    discovery,
    findings: [...findings, ...leftAlone(sorted.slice(bounds.workloads), settings)],
    members,
    plain: new Map([...plain].filter(([, name]) => members.has(name))),
  };
}

function findingOf(entry: Entry, settings: DiscoverySettings, outcome: Outcome): Finding {
  const { workload } = entry;
  const { platform, name, project } = workload;
  const address = outcome.backendOf(entry)?.address;
  const used = address?.kind === "tcp" ? address.host : undefined;
  const all = workload.addresses.map(({ ip }) => ip);
  return {
    provider: settings.name,
    platform,
    name,
    id: shortIdOf(workload),
    project,
    state: stateOf(workload),
    addresses: [...new Set(used === undefined ? all : [used, ...all])],
    became: outcome.becameOf(entry),
    notes: outcome.notesOf(entry),
    ...(workload.guest === undefined ? {} : { guest: workload.guest }),
  };
}

/** One line for all that are too many. */
function leftAlone(others: readonly Workload[], { name: provider }: DiscoverySettings): Finding[] {
  const [first] = others;
  if (first === undefined) return [];
  const message = `only the ${bounds.workloads} oldest are looked at`;
  return [
    {
      provider,
      platform: first.platform,
      name: `${others.length} more`,
      id: "",
      project: undefined,
      state: "ignored",
      addresses: [],
      became: [],
      notes: [warning("", message)],
    },
  ];
}

/** The oldest first; nobody knows how old 0 is. */
function byAge(a: Workload, b: Workload): number {
  const age = (a.createdAt || Number.MAX_VALUE) - (b.createdAt || Number.MAX_VALUE);
  return age !== 0 ? age : a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

function byName(a: Finding, b: Finding): number {
  const [one, other] = [a, b].map((each) => `${each.project ?? ""}\0${each.name}\0${each.id}`);
  return (one ?? "") < (other ?? "") ? -1 : one === other ? 0 : 1;
}
