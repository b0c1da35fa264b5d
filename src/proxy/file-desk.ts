// What a process knows of the services that answer with files: where each one's are, what of them is in memory, and who is just
// looking for what.

import type { FilesService } from "../config/files.ts";
import type { GatewaySettings } from "../config/gateway.ts";
import { decodeAsked, encodeFound } from "../files/asked-path.ts";
import { FileCache, Shelf } from "../files/file-cache.ts";
import { closeForms, formsOf, type FoundForms } from "../files/forms.ts";
import { lookUp, type Outcome, type Place, type Programs } from "../files/lookup.ts";
import { Names } from "../files/names.ts";
import { type Reads, readsOf } from "../files/reading.ts";
import { looksLikeScript, scriptOf } from "../gateway/script-path.ts";
import { LiveService } from "../upstream/live-service.ts";
import type { Served } from "../upstream/served.ts";

/** A program answers. */
export interface GivenScript {
  readonly kind: "script";
  /** For the exchange: encoded, normalised. */
  readonly path: string;
  /** Instead of the query that was asked with, with `$query` for that; undefined = that. */
  readonly query: string | undefined;
  /** The same for whoever asks for this path. */
  readonly isLasting: boolean;
}

export type Given =
  | FoundForms
  | GivenScript
  | Exclude<Outcome, { kind: "file" } | { kind: "script" }>;

type Kept = FoundForms | GivenScript;

export class FileDesk {
  readonly #cache = new FileCache<Kept>();
  readonly #counters = new WeakMap<Served, Counter>();

  counterOf(served: Served): Counter {
    let counter = this.#counters.get(served);
    const gateway = gatewayOf(served);
    // The settings of a program change in place; what is known with others may not be so any more.
    if (counter === undefined || counter.gateway !== gateway) {
      const place = placeOf(served, gateway);
      counter = new Counter(place, gateway, new Shelf(this.#cache), readsOf(served.premises));
      this.#counters.set(served, counter);
    }
    return counter;
  }
}

/** Of one service. */
export class Counter {
  readonly place: Place;
  /** Of the program that it was made for. */
  readonly gateway: GatewaySettings | undefined;
  readonly reads: Reads;
  readonly #shelf: Shelf<Kept>;
  /** What is just being looked for, with what will come of it unless each has to have its own. */
  readonly #running = new Map<string, Promise<Given | undefined>>();

  constructor(
    place: Place,
    gateway: GatewaySettings | undefined,
    shelf: Shelf<Kept>,
    reads: Reads,
  ) {
    this.place = place;
    this.gateway = gateway;
    this.reads = reads;
    this.#shelf = shelf;
  }

  /** What is known and may be believed. @param path of an exchange @param now `performance.now()` */
  kept(path: string, now: number): Kept | undefined {
    return this.#shelf.get(path, now);
  }

  /**
   * Looks for it, once for all who ask for the same at the same time: also when it is not there, so that asking for that over and over
   * takes one place of those that look-ups have. Never rejects.
   */
  async look(path: string, mayRedirect: boolean): Promise<Given> {
    const key = mayRedirect ? path : `as it is: ${path}`;
    const running = this.#running.get(key);
    if (running !== undefined) return (await running) ?? this.#find(path, mayRedirect);
    const finding = this.#find(path, mayRedirect);
    this.#running.set(key, finding.then(sharedOf));
    const given = await finding;
    this.#running.delete(key);
    return given;
  }

  async #find(path: string, mayRedirect: boolean): Promise<Given> {
    const asked = decodeAsked(path);
    if (asked === undefined) return { kind: "nothing" };
    try {
      let given = await this.#given(path, asked, mayRedirect);
      // Somebody may just be writing it anew. Once more is enough for all but those who always are.
      if (given.kind === "failed") given = await this.#given(path, asked, mayRedirect);
      const kept = lastingOf(given);
      if (kept === undefined) this.#shelf.remove(path);
      else this.#keep(path, kept);
      return given;
    } catch (error) {
      // A mistake of ours: whoever asked should hear of it all the same.
      return { kind: "failed", why: error instanceof Error ? error.message : String(error) };
    }
  }

  /** A path is a part of its request's head, and would keep all of that in memory: a copy does not. */
  #keep(path: string, kept: Kept): void {
    const key = copyOf(path);
    const own = kept.kind === "script" ? { ...kept, path: copyOf(kept.path) } : kept;
    const bytes = bytesOf(own) + key.length + (own.kind === "script" ? own.path.length : 0);
    this.#shelf.put(key, own, bytes, performance.now());
  }

  async #given(path: string, asked: string, mayRedirect: boolean): Promise<Given> {
    const outcome = await lookUp(this.place, asked, mayRedirect);
    if (outcome.kind === "script") {
      const isAsked = outcome.path === asked;
      return { ...outcome, path: isAsked ? path : encodeFound(outcome.path) };
    }
    if (outcome.kind !== "file") return outcome;
    const before = this.#shelf.last(path);
    const { place, reads } = this;
    const known = before?.kind === "forms" ? before.forms : undefined;
    return formsOf({ place, reads, before: known }, outcome);
  }
}

function lastingOf(given: Given): Kept | undefined {
  const isKept = given.kind === "script" || given.kind === "forms";
  return isKept && given.isLasting ? given : undefined;
}

/** An open file is for one alone. */
function sharedOf(given: Given): Given | undefined {
  return given.kind === "forms" ? lastingOf(given) : given;
}

function copyOf(text: string): string {
  return Buffer.from(text, "latin1").latin1Slice();
}

/** What the memory of it is, roughly. */
function bytesOf(kept: Kept): number {
  if (kept.kind === "script") return 0;
  return kept.forms.reduce(
    (sum, { bytes, text }) => sum + (bytes?.length ?? 0) + (text?.length ?? 0),
    0,
  );
}

/** Whoever began to wait for it is gone. */
export function dropGiven(given: Given): void {
  if (given.kind === "forms") closeForms(given.forms);
}

function gatewayOf({ scripts }: Served): GatewaySettings | undefined {
  return scripts instanceof LiveService ? scripts.settings.gateway : undefined;
}

function placeOf(served: Served, gateway: GatewaySettings | undefined): Place {
  const { premises } = served;
  const settings = inBytes(served.settings);
  const names = new Names(settings);
  const known = settings.scripts?.extensions ?? [];
  // Also where only one script answers for all: it is a program, and not to be read.
  const own = gateway?.script === undefined ? [] : endingsOf(gateway.script);
  const extensions = [...new Set([...known, ...own])];
  return {
    settings,
    premises,
    names,
    programs: programsOf(extensions),
    script: gateway?.script,
    scriptRoot: scriptRootOf(settings, gateway),
  };
}

/** Names of files are bytes, and so are all that they are put together with. */
function inBytes(settings: FilesService): FilesService {
  const { root, index, scripts } = settings;
  return {
    ...settings,
    root: latin1(root),
    index: index.map(latin1),
    try: settings.try.map((each) =>
      each.kind === "path" ? { ...each, path: latin1(each.path) } : each,
    ),
    scripts: scripts && { ...scripts, neverIn: scripts.neverIn.map(latin1) },
  };
}

function latin1(text: string): string {
  return Buffer.from(text, "utf8").latin1Slice();
}

function programsOf(extensions: readonly string[]): Programs {
  return {
    isSource: (path) => looksLikeScript(path, extensions),
    scriptOf: (path) => scriptOf(path, extensions)?.script,
  };
}

function endingsOf(path: string): readonly string[] {
  const dot = path.lastIndexOf(".");
  return dot > path.lastIndexOf("/") + 1 ? [path.slice(dot).toLowerCase()] : [];
}

/**
 * Where scripts can be looked at. A program on this machine or on another one may see other paths than we do, unless they are the same;
 * one in a container sees the container's.
 */
function scriptRootOf(
  settings: FilesService,
  gateway: GatewaySettings | undefined,
): string | undefined {
  if (gateway === undefined || gateway.root === "") return settings.root;
  const root = latin1(gateway.root);
  return root === settings.root || settings.guest !== undefined ? root : undefined;
}
