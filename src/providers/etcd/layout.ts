// Keys under the prefix as items: routes, services, tcpRoutes, overlays and certificates each have one key. What a program
// registers under backends/SERVICE/ is joined to that service, which need not be written, and leaves with its
// key, mostly because a lease ran out. One that cannot be used keeps nobody else out.

import type { Collection } from "../../config/collection.ts";
import type { Note } from "../../config/finding.ts";
import { itemSections } from "../../config/item.ts";
import { etcdSource as limits } from "../../config/provider-limits.ts";
import { type ReadBackend, readBackend } from "../../config/read-backend.ts";
import type { Backend, Service } from "../../config/service.ts";
import { itemAt } from "../certificate-text.ts";
import type { Stored } from "../items.ts";
import { isRecord } from "../../lib/json.ts";
import type { Pair } from "../../etcd/member.ts";

export interface LaidOut {
  readonly items: readonly Stored[];
  readonly notes: readonly Note[];
}

interface Registered {
  readonly key: string;
  readonly backend: Backend;
}

/** Of one service, and never more than it can have: who comes last spoils nothing for the others. */
class Registry {
  readonly all: Registered[] = [];
  #characters = 0;

  /** @returns whether there was room */
  add(registered: Registered): boolean {
    const more = this.#characters + registered.backend.url.length;
    if (this.all.length >= limits.registered || more > limits.registeredText) return false;
    this.#characters = more;
    this.all.push(registered);
    return true;
  }
}

export class Layout {
  readonly #prefix: string;
  /** By what was registered: ten thousand of them are read once. */
  #read: ReadonlyMap<string, ReadBackend> = new Map();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** @param pairs all there are, in a lasting order */
  of(pairs: Iterable<Pick<Pair, "key" | "value">>): LaidOut {
    const items: Stored[] = [];
    const notes = new Notes();
    const registered = new Map<string, Registry>();
    const read = new Map<string, ReadBackend>();
    for (const { key, value } of pairs) {
      const [, folder = "", name = ""] =
        /^([^/]*)\/(.*)$/s.exec(key.slice(this.#prefix.length)) ?? [];
      const item = itemAt(folder, name);
      if (item !== undefined) {
        items.push({ ...item, text: value, place: `key ${key}` });
        continue;
      }
      const [, service = "", id = ""] = /^([^/]+)\/(.+)$/s.exec(name) ?? [];
      if (folder !== "backends" || id === "") {
        notes.add(key, "is no key that means anything here", meanings);
        continue;
      }
      const found = this.#read.get(value) ?? read.get(value) ?? readRegistered(value);
      read.set(value, found);
      if (found.kind === "bad") {
        notes.add(key, found.why, found.remedy);
        continue;
      }
      const all = registered.get(service) ?? new Registry();
      registered.set(service, all);
      if (!all.add({ key, backend: found.backend })) {
        notes.add(key, "is one more than a service may have", "take some of them away");
      }
    }
    this.#read = read;
    return { items: this.#joined(items, registered, notes), notes: notes.all };
  }

  #joined(
    items: readonly Stored[],
    registered: Map<string, Registry>,
    notes: Notes,
  ): readonly Stored[] {
    const joined = items.map((item) => {
      if (item.section !== "services") return item;
      const more = registered.get(item.name)?.all ?? [];
      registered.delete(item.name);
      return joinedTo(item, more, notes);
    });
    for (const [name, { all }] of registered) {
      const place = `keys ${this.#prefix}backends/${name}/`;
      const text = JSON.stringify({ backends: fitting([], all, notes) });
      joined.push({ section: "services", name, text, place });
    }
    return joined;
  }
}

const meanings = `keys are ${itemSections.map((each) => `${each}/NAME`).join(", ")}, tls/HOST and backends/SERVICE/ANY behind the prefix`;

/**
 * Who waits for programs to register: such a service is all there but for somebody behind it. The name cannot
 * be anybody's (RFC 2606), and the port tells it from one that somebody wrote.
 */
const nobody = { http: "http://nobody.invalid:1", tcp: "tcp://nobody.invalid:1" } as const;

/** Services that nobody has registered for have nobody, and not the one that stands for that. */
export function withoutNobody(collection: Collection): Collection {
  const places: readonly string[] = Object.values(nobody);
  const services = collection.services.map((service): Service => {
    if (service.kind !== "backends") return service;
    const { backends, name } = service;
    if (!backends.some(({ url }) => places.includes(url))) return service;
    const why = "no program has registered for it";
    return { ...service, backends: [], absent: [{ name, state: "missing", why }] };
  });
  return { ...collection, services };
}

function joinedTo(item: Stored, more: readonly Registered[], notes: Notes): Stored {
  const value = parsed(item.text);
  // As in the file: a URL, a list, or a mapping.
  const own = typeof value === "string" ? [value] : Array.isArray(value) ? value : undefined;
  if (own !== undefined) {
    if (more.length === 0) return item;
    return { ...item, text: JSON.stringify({ backends: [...own, ...fitting(own, more, notes)] }) };
  }
  // What is no service at all is told of by whoever reads it.
  if (!isRecord(value)) return item;
  if (groups.some((each) => Object.hasOwn(value, each))) {
    const remedy = "register for one of the services that it leads to";
    for (const { key } of more) notes.add(key, `${item.name} leads to other services`, remedy);
    return item;
  }
  const said = Object.hasOwn(value, "backends") ? value["backends"] : [];
  const written: readonly unknown[] | undefined = Array.isArray(said) ? said : undefined;
  if (written === undefined) return item;
  const all = [...written, ...fitting(written, more, notes)];
  if (all.length === written.length && written.length > 0) return item;
  const isStream = Object.hasOwn(value, "proxyProtocol");
  const backends = all.length > 0 ? all : [isStream ? nobody.tcp : nobody.http];
  return { ...item, text: JSON.stringify({ ...value, backends }) };
}

const groups = ["split", "failover", "mirror"] as const;

/** Without those that would spoil the service: the same one again, and who speaks something else. */
function fitting(
  own: readonly unknown[],
  more: readonly Registered[],
  notes: Notes,
): readonly Pick<Backend, "url" | "weight" | "tier">[] {
  const read = own.map(readBackend).flatMap((each) => (each.kind === "bad" ? [] : [each.backend]));
  const seen = new Set(read.map(({ url }) => url));
  let protocol = read[0]?.protocol;
  return more.flatMap(({ key, backend }) => {
    const { url, weight, tier } = backend;
    protocol ??= backend.protocol;
    if (protocol !== backend.protocol) {
      const message = `is a ${backend.protocol} backend, and the first one is ${protocol}`;
      notes.add(key, message, "register it for another service");
      return [];
    }
    // Registered twice, by an old key and a new one, it is still one.
    if (seen.has(url)) return [];
    seen.add(url);
    return [{ url, weight, tier }];
  });
}

/** A URL as it is, or JSON. */
function readRegistered(value: string): ReadBackend {
  const text = value.trim();
  if (!/^["{]/.test(text)) return readBackend(text);
  const found = parsed(text);
  if (found !== undefined) return readBackend(found);
  const remedy = 'write http://HOST:PORT or {"url": "http://HOST:PORT", "weight": 2}';
  return { kind: "bad", why: "is not JSON", remedy };
}

/** undefined = not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // its callers say so
  }
}

class Notes {
  readonly #notes: Note[] = [];
  #more = 0;

  add(key: string, message: string, remedy: string | undefined): void {
    if (this.#notes.length >= limits.notes) {
      this.#more++;
      return;
    }
    const about = `key ${key.length > 300 ? `${key.slice(0, 300)}…` : key}`;
    this.#notes.push({ severity: "warning", about, message, remedy });
  }

  get all(): readonly Note[] {
    if (this.#more === 0) return this.#notes;
    const message = `${this.#more} further keys are not used`;
    return [...this.#notes, { severity: "warning", about: "", message, remedy: undefined }];
  }
}
