// One list of Hipache, `frontend:HOST`: an identifier, and URLs of backends. It becomes a route and a service of
// the same name. A host that has a list is answered by it and by nobody else, also when nobody is in it.

import type { Note } from "../../config/finding.ts";
import { emptyService } from "../../config/empty-service.ts";
import { defaultPassive, defaultRetry } from "../../config/limits.ts";
import { hipacheLimits as limits } from "../../config/provider-limits.ts";
import type { Backend, BackendService, PassiveHealth } from "../../config/service.ts";
import type { Route } from "../../config/snapshot.ts";
import type { HipacheSettings } from "../../config/source-settings.ts";
import { normaliseHostPattern } from "../../lib/host.ts";
import { parseBackendAddress } from "./backend-address.ts";

/** What stands in Redis: its elements, or why it cannot be read. */
export type List =
  | { readonly kind: "list"; readonly elements: readonly string[] }
  | { readonly kind: "wrong"; readonly why: string };

export interface Frontend {
  readonly host: string;
  readonly route: Route;
  readonly service: BackendService;
  /** How many there are in the list. */
  readonly count: number;
  /** By the URL in the service: where it stands in the list, from 0, without the identifier. */
  readonly members: ReadonlyMap<string, Member>;
  readonly notes: readonly Note[];
}

export interface Member {
  readonly indexes: readonly number[];
  readonly href: string;
}

export type HostReading =
  | { readonly kind: "host"; readonly host: string }
  | { readonly kind: "never"; readonly why: string };

/** Hosts below a wildcard are looked for with so many labels behind the star. */
export const mostLabels = 5;

/** @param key what stands behind `frontend:` */
export function readHost(key: string): HostReading {
  const host = normaliseHostPattern(key);
  if (host === undefined) {
    return {
      kind: "never",
      why: "is for no host, *.NAME or *, so that no request ever asks for it",
    };
  }
  if (host.startsWith("*.") && host.split(".").length > mostLabels + 1) {
    const why = `is a wildcard with more than ${mostLabels} labels, which Hipache never looks for`;
    return { kind: "never", why };
  }
  return { kind: "host", host };
}

export function readFrontend(
  settings: HipacheSettings,
  { host, key, list }: { readonly host: string; readonly key: string; readonly list: List },
): Frontend {
  const name = `${host}@${settings.name}`;
  const origin = { provider: settings.name, place: `key ${key}` };
  const notes: Note[] = [];
  const note = (about: string, message: string, remedy?: string) => {
    if (notes.length < limits.notes) notes.push({ severity: "error", about, message, remedy });
  };
  if (list.kind === "wrong") note("", list.why, "write a list, with RPUSH");
  const all = list.kind === "wrong" ? [] : list.elements.slice(1);
  const urls = all.slice(0, limits.backends);
  if (urls.length < all.length)
    note("", `has more than ${limits.backends} backends; the rest waits`);
  const { backends, members } = readBackends(settings, urls, note);
  if (list.kind === "list" && urls.length === 0) note("", "names no backend", `RPUSH ${key} URL`);
  const isSeveral = urls.length >= 2 && settings.deadTtl > 0;
  const empty = emptyService(name, origin);
  const { head: _head, idle: _idle, ...timeouts } = settings.defaults.timeouts;
  return {
    host,
    count: urls.length,
    members,
    notes,
    route: {
      name,
      origin,
      site: siteOf(list),
      rule: { kind: "host", host },
      priority: undefined,
      middlewares: [],
      service: name,
      maintenance: undefined,
      timeouts,
      maxBody: settings.defaults.maxBody,
      errorPages: undefined,
      accessLog: undefined,
    },
    service: {
      ...empty,
      backends,
      absent: [],
      balance: { policy: "random" },
      retry: { ...defaultRetry, attempts: settings.retries },
      passive: isSeveral ? passiveOf(settings) : neverDead,
      whenAllDown: "refuse",
    },
  };
}

/** The identifier, which is of any length and kept in each worker. */
function siteOf(list: List): string {
  return list.kind === "wrong" ? "" : (list.elements[0] ?? "").slice(0, limits.site);
}

type Tell = (about: string, message: string, remedy?: string) => void;

/** One that stands there twice gets twice as much. */
function readBackends({ tlsBackends }: HipacheSettings, urls: readonly string[], note: Tell) {
  const found = new Map<string, { backend: Backend; indexes: number[]; href: string }>();
  for (const [index, url] of urls.entries()) {
    const read = parseBackendAddress(url, { tlsBackends });
    if (read.kind === "bad") {
      note(`backend ${index}`, read.why, read.remedy);
      continue;
    }
    const { backend, href } = read;
    const before = found.get(backend.url);
    const indexes = before === undefined ? [index] : [...before.indexes, index];
    found.set(backend.url, {
      backend: { ...backend, weight: indexes.length, tier: 0 },
      indexes,
      href,
    });
  }
  const members = new Map<string, Member>();
  for (const [url, { indexes, href }] of found) members.set(url, { indexes, href });
  return { backends: [...found.values()].map(({ backend }) => backend), members };
}

/** Hipache never marks the only one there is. */
const neverDead: PassiveHealth = { ...defaultPassive, connectFailures: 0, failures: 0, deadFor: 0 };

function passiveOf({ deadTtl }: HipacheSettings): PassiveHealth {
  return {
    ...defaultPassive,
    connectFailures: 1,
    failures: 1,
    // 500 is the application's own, and 503 says that it will be back.
    statuses: [
      [501, 502],
      [504, 599],
    ],
    deadFor: deadTtl,
  };
}
