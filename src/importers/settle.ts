// What was imported, made such that it can be used whatever was in the file: an item that our own reader refuses is closed
// or left out, and said. A value that slipped through an importer never costs the rest.

import { importBounds } from "../config/limits.ts";
import { formatPath } from "../config/problem.ts";
import { readConfig } from "../config/read.ts";
import { writeYaml } from "../config/write-yaml.ts";
import type { Imported } from "./imported.ts";

type Config = Readonly<Record<string, unknown>>;

const sections = ["routes", "tcpRoutes", "services", "listeners"] as const;

export function settle(imported: Imported): Imported {
  const notes = [...imported.notes];
  let { config } = imported;
  // What was left out may be missed by another: a route's service, a split's part.
  for (let round = 0; round < importBounds.rounds; round += 1) {
    const faults = faultsOf(config);
    if (faults.size === 0) break;
    config = without(config, faults, notes);
  }
  return { config, notes, later: imported.later };
}

interface Fault {
  readonly message: string;
  /** It is what the route is for that is wrong. */
  readonly isClaim: boolean;
}

/** `section` and name of each item that cannot be used, to why. */
function faultsOf(config: Config): Map<string, Fault> {
  const text = writeYaml({ before: [], value: config, after: [] });
  const { problems } = readConfig(text, { file: "tidegate.yaml", baseFolder: process.cwd() });
  const items = new Set<string>();
  for (const section of sections) {
    // One may be wrong as a whole: TCP routes without a listener for them.
    items.add(section);
    for (const name of namesOf(config, section)) items.add(formatPath([section, name]));
  }
  const faults = new Map<string, Fault>();
  for (const { path, message, severity } of problems) {
    if (severity !== "error" || isOfLock.test(path)) continue;
    const item = itemOf(path, items);
    if (item === undefined || faults.has(item)) continue;
    const [, key = ""] = /^\.(\w+)/.exec(path.slice(item.length)) ?? [];
    faults.set(item, { message, isClaim: claims.includes(key) });
  }
  return faults;
}

/** Left as it is, and said: a file may be on another machine, and whoever wrote the listener anew would leave the lock out. */
const isOfLock = /^listeners\b.*\.tls\.clientAuth\b/;

/** The longest beginning of the path that is an item. */
function itemOf(path: string, items: ReadonlySet<string>): string | undefined {
  for (let end = path.length; end > 0; end -= 1) {
    const isEnd = end === path.length || path.charAt(end) === "." || path.charAt(end) === "[";
    if (isEnd && items.has(path.slice(0, end))) return path.slice(0, end);
  }
  return undefined;
}

function namesOf(config: Config, section: string): string[] {
  const items = config[section];
  return typeof items === "object" && items !== null ? Object.keys(items) : [];
}

function without(config: Config, faults: ReadonlyMap<string, Fault>, notes: string[]): Config {
  return Object.fromEntries(
    Object.entries(config).flatMap(([section, items]) => {
      const isKnown = sections.some((each) => each === section);
      if (!isKnown || typeof items !== "object" || items === null)
        return [[section, items] as const];
      const whole = faults.get(section);
      if (whole !== undefined) {
        notes.push(`${section}: ${whole.message}; they are left out`);
        return [];
      }
      const kept = Object.entries(items).flatMap(([name, item]: [string, unknown]) => {
        const path = formatPath([section, name]);
        const fault = faults.get(path);
        if (fault === undefined) return [[name, item] as const];
        const shut = section === "routes" && !fault.isClaim ? shutOf(item) : undefined;
        const end = shut === undefined ? "it is left out" : "the route is closed, and answers 503";
        notes.push(`${path}: ${fault.message}; ${end}`);
        return shut === undefined ? [] : [[name, shut] as const];
      });
      return [[section, Object.fromEntries(kept)] as const];
    }),
  );
}

const claims = ["host", "path", "pathExact", "rule", "priority"];

/** Its requests would go to another route otherwise. undefined = it was closed, and its claim is what is wrong. */
function shutOf(item: unknown): Config | undefined {
  if (typeof item !== "object" || item === null) return undefined;
  const entries = Object.entries(item);
  const kept = entries.filter(([key]) => claims.includes(key));
  const body = "Closed: what this route should do could not be carried over.\n";
  const isShut = entries.length === kept.length + 1 && Reflect.has(item, "respond");
  return isShut || kept.length === 0
    ? undefined
    : { ...Object.fromEntries(kept), respond: { status: 503, body } };
}
