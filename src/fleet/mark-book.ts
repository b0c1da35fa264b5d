// Backends that traffic of some node showed to be dead: told to the others with the time that the mark lasts, and
// taken back by whoever finds that one lives. How long counts from when it is heard, so that no clock but the
// own one is asked. What is made of them here is for others to say.

import { fleetLimits as limits } from "../config/fleet-limits.ts";
import { isRecord, textAt } from "../lib/json.ts";
import { deadKey } from "./fleet-keys.ts";
import { parsedJson } from "./parsed-json.ts";
import type { Writer } from "./writer.ts";

export interface DeadMark {
  readonly kind: "dead";
  readonly service: string;
  readonly backend: string;
  /** ms */
  readonly for: number;
  readonly why: string;
  readonly isUnreachable: boolean;
}

/** What traffic here showed. */
export type ShownMark =
  | DeadMark
  | { readonly kind: "alive"; readonly service: string; readonly backend: string };

export interface SharedMark {
  readonly service: string;
  readonly backend: string;
  /** Milliseconds since 1970, by our clock. */
  readonly until: number;
  readonly why: string;
  readonly isUnreachable: boolean;
  /** The node that found it. */
  readonly by: string;
}

interface Kept extends SharedMark {
  readonly revision: string;
  /** We told it. */
  readonly isOurs: boolean;
}

/** `withdrawn`: it is dead for us, and the others are not to go by that. */
type Untold =
  | { readonly kind: "dead"; readonly mark: DeadMark; readonly until: number }
  | { readonly kind: "alive" | "withdrawn"; readonly until: 0 };

export class MarkBook {
  /** Of this program since it started. */
  readonly #id: string;
  readonly #now: () => number;
  readonly #shared = new Map<string, Kept>();
  readonly #untold = new Map<string, Untold>();
  /** Revisions of what we wrote and have not heard yet. */
  readonly #written = new Map<string, string>();
  /** Told no more, and dead for us all the same. */
  readonly #withdrawn = new Set<string>();

  constructor(id: string, now: () => number = Date.now) {
    this.#id = id;
    this.#now = now;
  }

  /** What other nodes found, but for what we know better. */
  get others(): readonly SharedMark[] {
    return [...this.#shared].flatMap(([key, mark]) => {
      return mark.isOurs || this.#untold.get(key)?.kind === "alive" ? [] : [mark];
    });
  }

  /** @returns whether there is anything to tell */
  shown(mark: ShownMark): boolean {
    const key = deadKey(mark.service, mark.backend);
    const last = this.#untold.get(key) ?? this.#shared.get(key);
    if (mark.kind === "alive") {
      // A mark that nobody else knows need not be taken back.
      if (last === undefined && !this.#written.has(key)) return false;
      this.#tellLater(key, { kind: "alive", until: 0 });
      return true;
    }
    const until = this.#now() + mark.for;
    // Each worker finds it out, and all at the same time.
    if (last !== undefined && last.until > until - limits.sameMark) return false;
    this.#withdrawn.delete(key);
    this.#tellLater(key, { kind: "dead", mark, until });
    return true;
  }

  /** Nobody is to go by what was found here. @returns whether there is anything to tell */
  withdraw(): boolean {
    const ours = [...this.#shared].flatMap(([key, { isOurs }]) => (isOurs ? [key] : []));
    // One that is untold may be on its way at this moment.
    const untold = [...this.#untold].flatMap(([key, { kind }]) => (kind === "dead" ? [key] : []));
    const told = new Set([...ours, ...this.#written.keys(), ...untold]);
    for (const key of told) {
      this.#withdrawn.add(key);
      this.#tellLater(key, { kind: "withdrawn", until: 0 });
    }
    return told.size > 0;
  }

  #tellLater(key: string, untold: Untold): void {
    this.#untold.delete(key);
    this.#untold.set(key, untold);
    if (this.#untold.size <= limits.marks) return;
    const [oldest = ""] = this.#untold.keys();
    this.#untold.delete(oldest);
  }

  // --- there -------------------------------------------------------------------------------------

  load(all: Iterable<{ service: string; backend: string; text: string; revision: string }>): void {
    const before = new Map(this.#shared);
    this.#shared.clear();
    this.#written.clear();
    for (const key of this.#withdrawn) if (!this.#untold.has(key)) this.#withdrawn.delete(key);
    for (const { service, backend, text, revision } of all) {
      const old = before.get(deadKey(service, backend));
      // What was heard already lasts as long as it did then.
      if (old?.revision === revision) this.#shared.set(deadKey(service, backend), old);
      else this.change({ service, backend, text, revision });
    }
  }

  /** @returns whether somebody else took it back before its time was over */
  change(heard: {
    readonly service: string;
    readonly backend: string;
    /** undefined = its time is over, or it was taken back. */
    readonly text: string | undefined;
    readonly revision: string;
  }): boolean {
    const { service, backend, text, revision } = heard;
    const key = deadKey(service, backend);
    const written = this.#written.get(key);
    if (written !== undefined && BigInt(revision) >= BigInt(written)) this.#written.delete(key);
    const value = text === undefined ? undefined : parsedJson(text, limits.valueBytes);
    const time = isRecord(value) ? value["for"] : undefined;
    if (!isRecord(value) || typeof time !== "number" || !(time > 0 && time <= longestMark)) {
      const before = this.#shared.get(key);
      this.#shared.delete(key);
      return text === undefined && this.#isCutShort(key, before);
    }
    // The same again, because the watch was begun anew, does not make it longer.
    if (this.#shared.get(key)?.revision === revision) return false;
    const by = textAt(value, "by").slice(0, 100);
    this.#shared.set(key, {
      service,
      backend,
      until: this.#now() + time,
      why: `${textAt(value, "why").slice(0, limits.why)} (seen by ${by})`,
      isUnreachable: value["isUnreachable"] === true,
      by,
      isOurs: textAt(value, "id") === this.#id,
      revision,
    });
    return false;
  }

  #isCutShort(key: string, before: Kept | undefined): boolean {
    const isByUs = this.#withdrawn.has(key) || this.#untold.get(key)?.kind === "alive";
    return before !== undefined && before.until > this.#now() && !isByUs;
  }

  /** Tells what was not told yet. @param by this node. Rejects when etcd does not answer */
  async tell(writer: Writer, by: string): Promise<void> {
    for (const [key, untold] of this.#untold) {
      const isDone = await this.#tellOne(writer, key, untold, by);
      // It may be told otherwise meanwhile.
      if (isDone && this.#untold.get(key) === untold) this.#untold.delete(key);
    }
  }

  async #tellOne(writer: Writer, key: string, untold: Untold, by: string): Promise<boolean> {
    if (untold.kind !== "dead") {
      const shared = this.#shared.get(key);
      const isMeant = untold.kind === "alive" || shared?.isOurs === true;
      // Only the mark that it is about: a later one of somebody else stays.
      const revision = this.#written.get(key) ?? (isMeant ? shared?.revision : undefined);
      if (revision !== undefined) {
        await writer.write({ key, value: undefined, ifRevision: revision });
        // Not only when that comes back: it may be dead again by then.
        if (this.#shared.get(key)?.revision === revision) this.#shared.delete(key);
      }
      return true;
    }
    const left = untold.until - this.#now();
    if (left <= 0) return true;
    // Longer than it counts: a mark whose key goes before that was taken back by somebody.
    const lease = await writer.leaseFor(left + limits.sameMark);
    const { why, isUnreachable } = untold.mark;
    const said = { by, id: this.#id, for: left, why: why.slice(0, limits.why), isUnreachable };
    const { revision } = await writer.write({ key, value: JSON.stringify(said), lease });
    this.#written.set(key, revision);
    return true;
  }
}

/** No configuration leaves anybody alone for longer, ms. */
const longestMark = 30 * 86_400_000;
