// Labels of Traefik, sorted by what they are about: `traefik.http.routers.NAME.KEY` and its like. Names and
// keys are compared without regard to case, as Traefik does. Nothing is judged here.

import type { Note } from "../../config/finding.ts";
import { fault, shown, warning } from "./note.ts";

export interface TraefikLabels {
  /** undefined = it does not say. */
  readonly isEnabled: boolean | undefined;
  readonly network: string | undefined;
  readonly http: Sections;
  readonly tcp: Sections;
  /** There is some label of Traefik at all. */
  readonly isThere: boolean;
  readonly notes: readonly Note[];
}

export interface Sections {
  readonly routers: ReadonlyMap<string, Section>;
  readonly services: ReadonlyMap<string, Section>;
  readonly middlewares: ReadonlyMap<string, Section>;
}

/** All labels of one router, service or middleware. */
export interface Section {
  /** As written first. */
  readonly name: string;
  /** By what follows the name, in lower case: `loadbalancer.server.port`. */
  readonly values: ReadonlyMap<string, LabelValue>;
}

export interface LabelValue {
  readonly value: string;
  readonly label: string;
}

interface Growing {
  readonly routers: Map<string, Writable>;
  readonly services: Map<string, Writable>;
  readonly middlewares: Map<string, Writable>;
}

interface Writable extends Section {
  readonly values: Map<string, LabelValue>;
}

export function readTraefikLabels(labels: Readonly<Record<string, string>>): TraefikLabels {
  const http = growing();
  const tcp = growing();
  const notes: Note[] = [];
  let isEnabled: boolean | undefined;
  let network: string | undefined;
  let isThere = false;
  // Sorted, since engines give labels in no order: replicas must not differ.
  for (const [label, value] of Object.entries(labels).sort(byName)) {
    if (!/^traefik\./i.test(label)) continue;
    isThere = true;
    const [, part = "", ...rest] = label.split(".");
    const key = [part, ...rest].join(".").toLowerCase();
    if (key === "enable") {
      isEnabled = readFlag(value) ?? false;
      if (readFlag(value) === undefined) {
        const remedy = "write true or false; until then it is not routed";
        notes.push(fault(label, `${shown(value)} is neither true nor false`, remedy));
      }
    } else if (key === "docker.network" || key === "swarm.network") {
      network = value;
    } else if (part.toLowerCase() === "http" || part.toLowerCase() === "tcp") {
      if (!file(part.toLowerCase() === "http" ? http : tcp, rest, { label, value })) {
        notes.push(unknown(label));
      }
    } else if (!ignored.has(key)) {
      notes.push(strange(label, part.toLowerCase()));
    }
  }
  return { isEnabled, network, http, tcp, isThere, notes };
}

/** As Go reads it; undefined = it is none. */
export function readFlag(value: string): boolean | undefined {
  const text = value.trim().toLowerCase();
  if (["1", "t", "true"].includes(text)) return true;
  return ["0", "f", "false"].includes(text) ? false : undefined;
}

export function readList(value: string): string[] {
  return value
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}

function growing(): Growing {
  return { routers: new Map(), services: new Map(), middlewares: new Map() };
}

function byName([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : 1;
}

/** `routers.NAME.KEY`; a middleware may have no more than its kind. */
function file(sections: Growing, path: readonly string[], found: LabelValue): boolean {
  const [kind = "", name = "", ...key] = path;
  const section = kindOf(sections, kind.toLowerCase());
  if (section === undefined || name === "" || key.length === 0) return false;
  const id = name.toLowerCase();
  const item = section.get(id) ?? { name, values: new Map<string, LabelValue>() };
  section.set(id, item);
  item.values.set(key.join(".").toLowerCase(), found);
  return true;
}

function kindOf(sections: Growing, kind: string): Map<string, Writable> | undefined {
  if (kind === "routers") return sections.routers;
  if (kind === "services") return sections.services;
  return kind === "middlewares" ? sections.middlewares : undefined;
}

/** What Traefik needs and we do without: we see the containers themselves, and keep routes of stopped ones. */
const ignored = new Set(["docker.lbswarm", "swarm.lbswarm", "docker.allownonrunning", "tags"]);

const ofVersion1 = new Set(["frontend", "backend", "port", "protocol", "weight"]);

function strange(label: string, part: string): Note {
  if (part === "udp") {
    const remedy =
      "add a listener with protocol: udp and service: NAME@PROVIDER to the configuration file";
    return fault(label, "UDP is not routed by labels", remedy);
  }
  if (ofVersion1.has(part)) {
    const remedy = "write traefik.http.routers.NAME.rule, as Traefik 2 and 3 have it";
    return fault(label, "this is a label of Traefik 1, which is not read", remedy);
  }
  return unknown(label);
}

function unknown(label: string): Note {
  return warning(label, "this is no label that Traefik has", "leave it out, or look for a slip");
}
