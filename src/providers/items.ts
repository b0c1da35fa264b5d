// Items of one source, read one by one: what did not change is the very same object as before, so that one
// route of ten thousand that changes costs the reading of one. A bad item is left out and shown, and what it
// said before it went bad stays.

import type { CertificateItem } from "../config/certificate-item.ts";
import type { Collection } from "../config/collection.ts";
import type { Finding, Note } from "../config/finding.ts";
import { type Item, type ItemSection } from "../config/item.ts";
import { sources as limits } from "../config/provider-limits.ts";
import { formatPath } from "../config/problem.ts";
import type { CommonSettings } from "../config/provider-settings.ts";
import { splitPem } from "../config/read-certificate.ts";
import { type ItemProblem, type ItemReading, readItem, unusableItem } from "../config/read-item.ts";
import { jsonTrouble } from "../lib/json.ts";
import type { DeadBackend, Gathered } from "./provider.ts";

/** An item as it is kept. */
export interface Stored {
  readonly section: ItemSection;
  readonly name: string;
  /** JSON; of a certificate also one PEM text. */
  readonly text: string;
  /** Why nothing of it can be read: a sentence. Then the text only tells it from others. */
  readonly fault?: string;
  /** Where, for people: `key tidegate:routes:web`. */
  readonly place: string;
}

interface Read {
  readonly text: string;
  /** Of the last text that was good. */
  readonly good: ItemReading | undefined;
  /** With what is wrong with it now. */
  readonly certificates: readonly CertificateItem[];
  readonly problems: readonly ItemProblem[];
}

export class Items {
  readonly #settings: CommonSettings;
  /** `redis`, `etcd` …, for people. */
  readonly #platform: string;
  #read: ReadonlyMap<string, Read> = new Map();

  constructor(settings: CommonSettings, platform: string) {
    this.#settings = settings;
    this.#platform = platform;
  }

  /**
   * @param all everything that is kept there now
   * @param notes on what is no item at all
   */
  gather(
    all: Iterable<Stored>,
    notes: readonly Note[] = [],
    dead: readonly DeadBackend[] = [],
  ): Gathered {
    const read = new Map<string, Read>();
    const findings: Finding[] = [];
    let left = 0;
    let untold = 0;
    for (const stored of all) {
      const key = `${stored.section} ${stored.name}`;
      if (read.has(key)) {
        if (findings.length < limits.findings)
          findings.push(this.#finding(stored.name, [twice(stored)], "not used"));
        continue;
      }
      if (read.size >= limits.items) {
        left++;
        continue;
      }
      const old = this.#read.get(key);
      const now = old?.text === stored.text ? old : this.#readNew(stored, old);
      read.set(key, now);
      if (now.problems.length === 0) continue;
      if (findings.length < limits.findings) findings.push(this.#findingOf(stored, now));
      else untold++;
    }
    this.#read = read;
    const more = [
      ...notes,
      ...(left === 0 ? [] : [tooMany(left)]),
      ...(untold === 0 ? [] : [alike(untold)]),
    ];
    if (more.length > 0) findings.unshift(this.#finding(this.#settings.name, more, "reading"));
    return { collection: this.#collection(), findings, dead };
  }

  #readNew(stored: Stored, old: Read | undefined): Read {
    const { name: source, defaults } = this.#settings;
    const parsed = parse(stored);
    const reading =
      parsed.kind === "bad"
        ? unusableItem(stored, source, [problemOf(stored, parsed.why)])
        : readItem({ ...stored, value: parsed.value } satisfies Item, { source, defaults });
    const problems = bounded(reading.problems);
    const isBad = reading.problems.some(({ severity }) => severity === "error");
    if (!isBad) return { text: stored.text, good: reading, ...reading, problems };
    const [before] = old?.certificates ?? [];
    const certificates = reading.certificates.map((each) => {
      return { ...each, held: before?.held ?? [] };
    });
    return { text: stored.text, good: old?.good, certificates, problems };
  }

  #collection(): Collection {
    const good = [...this.#read.values()].flatMap((each) => each.good ?? []);
    return {
      provider: this.#settings.name,
      hosts: this.#settings.hosts,
      routes: good.flatMap(({ routes }) => routes),
      streamRoutes: good.flatMap(({ streamRoutes }) => streamRoutes),
      services: good.flatMap(({ services }) => services),
      overlays: good.flatMap(({ overlays }) => overlays),
      certificates: [...this.#read.values()].flatMap(({ certificates }) => certificates),
    };
  }

  #findingOf({ section, name, place }: Stored, { good, problems }: Read): Finding {
    const notes = problems.map(({ path, message, remedy, severity }): Note => {
      const about = path.length > 2 ? `${place}: ${formatPath(path.slice(2))}` : place;
      return { severity, about, message, remedy };
    });
    const isBad = problems.some(({ severity }) => severity === "error");
    const done = section === "certificates" ? "used" : "routed";
    const state = !isBad ? done : good === undefined ? `not ${done}` : "as it was before";
    return this.#finding(name, notes, state);
  }

  #finding(name: string, notes: readonly Note[], state: string): Finding {
    return {
      provider: this.#settings.name,
      platform: this.#platform,
      name,
      id: "",
      project: undefined,
      state,
      addresses: [],
      became: [],
      notes,
    };
  }
}

type Parsed =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "bad"; readonly why: string };

function parse({ section, text, fault }: Stored): Parsed {
  if (fault !== undefined) return { kind: "bad", why: fault };
  if (text.length > limits.itemBytes) {
    return { kind: "bad", why: `is longer than ${limits.itemBytes / 1024} KiB` };
  }
  const isPem = section === "certificates" && !/^\s*\{/.test(text) && text.includes("-----BEGIN ");
  if (isPem) return { kind: "value", value: splitPem(text) };
  try {
    const value: unknown = JSON.parse(text);
    return depthOf(value, limits.depth) > limits.depth
      ? { kind: "bad", why: `has more than ${limits.depth} levels` }
      : { kind: "value", value };
  } catch (error) {
    // What is quoted of a certificate may be its key.
    const why = section === "certificates" ? jsonTrouble(error) : messageOf(error);
    return { kind: "bad", why: `is not JSON: ${why}` };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "";
}

/** At most one more than `most`. */
function depthOf(value: unknown, most: number): number {
  if (typeof value !== "object" || value === null || most < 0) return 0;
  let depth = 0;
  for (const each of Object.values(value)) depth = Math.max(depth, depthOf(each, most - 1));
  return 1 + depth;
}

function problemOf({ section, name }: Stored, message: string): ItemProblem {
  const remedy =
    section === "certificates"
      ? 'write {"cert": PEM, "key": PEM} as JSON, or one PEM text with both'
      : "write what stands under its name in the configuration file, as JSON";
  return { path: [section, name], message, remedy, severity: "error" };
}

/** The first ones, those that matter most before all others. */
function bounded(problems: readonly ItemProblem[]): readonly ItemProblem[] {
  const rank = ({ severity }: ItemProblem) => (severity === "error" ? 0 : 1);
  const first = problems.toSorted((a, b) => rank(a) - rank(b)).slice(0, limits.notes);
  const shown = first.map(({ message, remedy, ...rest }) => {
    return {
      ...rest,
      message: cut(message),
      remedy: remedy === undefined ? undefined : cut(remedy),
    };
  });
  const more = problems.length - shown.length;
  const [any] = shown;
  if (more === 0 || any === undefined) return shown;
  const path = any.path.slice(0, 2);
  return [...shown, { ...any, path, message: `there is more: ${more}`, remedy: undefined }];
}

function cut(text: string): string {
  return text.length > limits.note ? `${text.slice(0, limits.note)}…` : text;
}

function alike(untold: number): Note {
  const message = `there is something to say of ${untold} more items; it is said when these are gone`;
  return { severity: "warning", about: "", message, remedy: undefined };
}

function twice({ place }: Stored): Note {
  const message = "says the same name as another place, which counts";
  return { severity: "error", about: place, message, remedy: "take one of them away" };
}

function tooMany(left: number): Note {
  const message = `there are ${left} more items than ${limits.items}; they are left alone`;
  return { severity: "error", about: "", message, remedy: undefined };
}
