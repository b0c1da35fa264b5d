// A service with those who serve it now, and those who would if they could.

import type { Note } from "../../config/finding.ts";
import type { DiscoverySettings } from "../../config/provider-settings.ts";
import type { AbsentBackend, Backend, BackendService, Service } from "../../config/service.ts";
import { labelOf } from "./definition.ts";
import type { Entry, Part } from "./groups.ts";
import { hint, warning } from "./note.ts";
import { readOnDemand } from "./on-demand.ts";
import type { Workload } from "../workload.ts";
import { absenceOf, whereaboutsOf } from "./whereabouts.ts";
import type { Whereabouts } from "./whereabouts.ts";

export interface Staffed {
  readonly service: BackendService;
  /** Of those that are there. */
  readonly backends: ReadonlyMap<Entry, Backend>;
  readonly notes: readonly (readonly [Entry, Note])[];
}

export function staffed(
  service: Service,
  parts: readonly Part[],
  settings: DiscoverySettings,
): Staffed | undefined {
  if (service.kind !== "backends") return undefined;
  if (service.backends.some(({ address }) => address.kind === "unix")) {
    return inItself(service, parts);
  }
  const notes: (readonly [Entry, Note])[] = [];
  const backends = new Map<Entry, Backend>();
  const absent: AbsentBackend[] = [];
  const urls = new Map<string, Entry>();
  const there: Located[] = [];
  for (const { entry, service: wished } of parts) {
    const found = whereaboutsOf(entry.workload, wished, settings);
    notes.push(...found.notes.map((note) => [entry, note] as const));
    if (found.absent !== undefined) {
      absent.push(found.absent);
      const { state, why } = found.absent;
      if (state === "unreachable") notes.push([entry, warning("", why)]);
    }
    if (found.backend === undefined) continue;
    const other = urls.get(found.backend.url);
    if (other !== undefined) {
      const message = `${other.workload.name} is at ${found.backend.url} too, and is used`;
      notes.push([entry, hint("", message)]);
      continue;
    }
    urls.set(found.backend.url, entry);
    backends.set(entry, found.backend);
    there.push({ ...found, entry });
  }
  const check = checkOf(service.check, there);
  if (check === undefined && service.check !== undefined) {
    notes.push(...there.map(({ entry }) => [entry, portNote(parts)] as const));
  }
  const [first] = parts;
  const onDemand = readOnDemand(first?.service.onDemand);
  if (first !== undefined) {
    notes.push(...onDemand.notes.map((note) => [first.entry, note] as const));
    if (onDemand.onDemand !== undefined && !settings.mayStart) {
      const message = `${settings.name} may not start anything`;
      const remedy = `set mayStart: true for ${settings.name} under providers`;
      notes.push([first.entry, warning("tidegate.onDemand", message, remedy)]);
    }
  }
  return {
    service: {
      ...service,
      check,
      backends: weighed([...backends.values()]),
      absent,
      onDemand: settings.mayStart ? onDemand.onDemand : undefined,
    },
    backends,
    notes,
  };
}

/** A program is asked at a socket in the container: there is the one whose socket it is, and nobody else. */
function inItself(service: BackendService, [first, ...others]: readonly Part[]): Staffed {
  if (first === undefined) return { service, backends: new Map(), notes: [] };
  const { workload } = first.entry;
  const notes: Note[] = [];
  const absent = absenceOf(workload, notes);
  const [backend] = service.backends;
  const isThere = absent === undefined && backend !== undefined;
  return {
    service: {
      ...service,
      backends: isThere ? service.backends : [],
      absent: absent === undefined ? [] : [absent],
      onDemand: undefined,
    },
    backends: isThere ? new Map([[first.entry, backend]]) : new Map(),
    notes: [
      ...notes.map((note) => [first.entry, note] as const),
      ...leftOut(workload, others, "its socket is asked, as it is older"),
    ],
  };
}

/** One service has the files, and the sockets, of one container. */
export function leftOut(
  { name }: Workload,
  others: readonly Part[],
  why: string,
): readonly (readonly [Entry, Note])[] {
  const remedy = "write the port of the program, or give each container a host of its own";
  return others.map(({ entry }) => [
    entry,
    warning("", `${name} is of the same service, and ${why}`, remedy),
  ]);
}

interface Located extends Whereabouts {
  readonly entry: Entry;
}

/**
 * Another port is asked at addresses of their own alone. Whatever else listens on a machine would be asked
 * by us, and much of it believes whoever is there; so it is rather not checked at all.
 */
function checkOf(
  check: BackendService["check"],
  there: readonly Located[],
): BackendService["check"] {
  const wanted = check?.port;
  if (check === undefined || wanted === undefined) return check;
  // Its own port, which may be another one of the machine.
  if (there.every(({ port }) => port === wanted)) return { ...check, port: undefined };
  const isFine = ({ isOwn, backend }: Located) =>
    isOwn || (backend?.address.kind === "tcp" && backend.address.port === wanted);
  return there.every(isFine) ? check : undefined;
}

function portNote([first]: readonly Part[]): Note {
  const path = ["services", "", "check", "port"];
  const about = first === undefined ? "" : labelOf(first.wish, { path });
  const message = "is not asked at an address of the machine, so nothing is checked";
  return warning(about, message, "leave it out: then the port that is routed is checked");
}

/** When those with a weight are away, the others do their work: somebody has to. */
function weighed(backends: readonly Backend[]): readonly Backend[] {
  if (backends.some(({ weight }) => weight > 0)) return backends;
  return backends.map((backend) => ({ ...backend, weight: 1 }));
}
