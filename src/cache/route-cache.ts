// What one route keeps: finds it, judges what comes, and makes of it what is given again.

import {
  failureRest,
  leastDiskUse,
  longestTags,
  maxRecentFailures,
  mostRecentPurges,
  mostTags,
} from "../config/cache-limits.ts";
import type { CacheUse } from "../config/middlewares/uses/cache.ts";
import type { Exchange } from "../http/exchange.ts";
import { Fields } from "../http/fields.ts";
import type { Disk } from "./disk.ts";
import { shelfName } from "./disk-layout.ts";
import type { FilledHead } from "./fill-source.ts";
import type { Keyed } from "./key.ts";
import { variantOf } from "./key.ts";
import { judge, loadSemantics, type Asked, type Judgement, type Semantics } from "./policy.ts";
import { bodyOf, headOf, type Kept, type Stored } from "./stored.ts";
import { isMeant, type Purge, type Shelf, type Store } from "./store.ts";

/** More than any backend may send. */
const maxFields = 1000;

/** What was done, since the process began. */
export interface CacheCounts {
  hits: number;
  /** Of them, given though no longer fresh. */
  stale: number;
  misses: number;
  /** Asked the backend whether it is still so, and it was. */
  revalidated: number;
  /** Not for the cache. */
  passed: number;
  stored: number;
  /** Answers that were read from disk. */
  diskHits: number;
}

export interface Found {
  readonly kept: Kept | undefined;
  readonly variant: string;
  readonly stored: Stored | undefined;
}

export class RouteCache {
  readonly use: CacheUse;
  /** Name of its route. */
  readonly owner: string;
  readonly shelf: Shelf;
  readonly counts: CacheCounts = {
    hits: 0,
    stale: 0,
    misses: 0,
    revalidated: 0,
    passed: 0,
    stored: 0,
    diskHits: 0,
  };
  /** Where it is on disk; "" = nowhere. */
  readonly diskShelf: string;
  readonly #store: Store;
  readonly #disk: Disk | undefined;
  #isClosed = false;
  #semantics: Semantics | undefined;
  /** What was taken out last: what was asked for before must not be kept afterwards. */
  readonly #recent: Purge[] = [];
  #purges = 0;
  /** Until when those that a backend failed for are given stale without asking it. */
  readonly #failures = new Map<string, number>();

  constructor(owner: string, use: CacheUse, store: Store, disk?: Disk) {
    this.owner = owner;
    this.use = use;
    this.#store = store;
    this.#disk = use.disk > 0 ? disk : undefined;
    this.diskShelf = this.#disk === undefined ? "" : shelfName(owner, use);
    this.shelf = store.open(owner);
  }

  /** undefined = it can be asked at once. */
  get loading(): Promise<unknown> | undefined {
    if (this.#semantics !== undefined) return undefined;
    return loadSemantics().then((loaded) => (this.#semantics = loaded));
  }

  get purges(): number {
    return this.#purges;
  }

  /** As large as it may be in memory. */
  get maxObject(): number {
    return this.use.maxObject;
  }

  find(keyed: Keyed, exchange: Exchange, now: number): Found {
    const kept = this.#store.find(this.shelf, keyed.key, now);
    if (kept === undefined) return nothing;
    const variant = variantOf(kept.names, fieldsOf(kept.names, exchange));
    return { kept, variant, stored: kept.variants.get(variant) };
  }

  /**
   * Looks for it on disk, and takes it to memory from there. undefined = there is nowhere to look; otherwise whether it is in
   * memory now.
   */
  load(keyed: Keyed, { request }: Exchange): Promise<boolean> | undefined {
    if (this.#disk === undefined || !this.#disk.mayRead) return undefined;
    // The exchange may be over by then, and its request another one.
    return this.#load(this.#disk, keyed, passedOn(request.fields));
  }

  async #load(disk: Disk, keyed: Keyed, fields: Fields): Promise<boolean> {
    const [mark, diskMark] = [this.#purges, disk.mark];
    const { key, url } = keyed;
    const variantFor = (names: readonly string[]) => variantOf(names, fields);
    const entry = await disk.find(this.diskShelf, keyed, this.maxObject, variantFor);
    const stored = entry?.stored;
    if (entry === undefined || stored === undefined || this.#isClosed) return false;
    const { names, variant } = entry;
    // Another one may have come meanwhile; and of several that wait for this one, the first has done it.
    if (this.shelf.kept.get(key)?.variants.has(variant) === true) return true;
    if (this.isPurgedSince(mark, url, stored.tags)) return false;
    if (disk.isPurging(this.owner, url, stored.tags, diskMark)) return false;
    this.counts.diskHits++;
    return this.#store.put(this.shelf, { key, url, names }, variant, stored, Date.now());
  }

  /** For the next process too. */
  #write(keyed: Keyed, names: readonly string[], variant: string, stored: Stored, mark: number) {
    const { freshUntil, whileRevalidateUntil, ifErrorUntil, tags } = stored;
    const usefulUntil = Math.max(freshUntil, whileRevalidateUntil, ifErrorUntil);
    if (this.#disk === undefined || usefulUntil - Date.now() < leastDiskUse) return;
    const { key, url } = keyed;
    const isWanted = () => !this.#isClosed && !this.isPurgedSince(mark, url, tags);
    this.#disk.write(this.diskShelf, { key, url, names, variant, stored }, isWanted);
  }

  /** Fields of an answer, to be looked at. */
  static fieldsOf({ lines }: FilledHead): Fields {
    const fields = new Fields();
    fields.read(lines, 0, lines.length, maxFields);
    return fields;
  }

  /** @param date value of Date; "" = it did not say */
  judge(asked: Asked, status: number, fields: Fields, date: string): Judgement {
    const semantics = this.#semantics;
    return semantics === undefined
      ? { unkept: "directive" }
      : judge(semantics, this.use, asked, status, fields, date);
  }

  /** Field lines that clients get; what is for caches alone is taken out. */
  linesFor(fields: Fields): string {
    fields.dropNamed("age");
    for (const name of this.use.tagFields) fields.dropNamed(name);
    if (this.use.stripSetCookie) fields.dropNamed("set-cookie");
    return fields.serialise();
  }

  /** The same of what is not kept: cookies of one client are its own. */
  linesForOne(fields: Fields): string {
    fields.dropNamed("age");
    for (const name of this.use.tagFields) fields.dropNamed(name);
    return fields.serialise();
  }

  /**
   * Keeps an answer that is complete.
   * @param asked ms since 1970, when the backend was asked
   */
  keep(
    keyed: Keyed,
    variant: string,
    answer: {
      readonly head: FilledHead;
      readonly pages: readonly Buffer[];
      readonly length: number;
      readonly judgement: Exclude<Judgement, { readonly unkept: unknown }>;
      readonly askedAt: number;
      /** `purges` when it was asked for. */
      readonly mark: number;
      /** No other process fetched it: it is written by this one. */
      readonly isOurs: boolean;
    },
  ): boolean {
    const { head, judgement, askedAt } = answer;
    const fields = RouteCache.fieldsOf(head);
    const tags = tagsOf(this.use, fields);
    // Perhaps it is what was to go.
    if (this.isPurgedSince(answer.mark, keyed.url, tags)) return false;
    const etag = fields.get("etag") ?? "";
    const lastModified = fields.get("last-modified") ?? "";
    let lines = this.linesFor(fields);
    if (fields.get("content-length") === undefined && head.status !== 204) {
      lines += `Content-Length: ${answer.length}\r\n`;
    }
    const date = head.date === "" ? new Date(head.at).toUTCString() : head.date;
    const stored: Stored = {
      ...{ status: head.status, date, lines, tags, etag, lastModified },
      head: headOf(head.status, date, lines),
      ...bodyOf(answer.pages, answer.length),
      ...timesOf(judgement, head.at),
      isPublic: judgement.isPublic,
      tookMs: head.at - askedAt,
    };
    const { names } = judgement;
    const place = { key: keyed.key, url: keyed.url, names };
    const isKept = this.#store.put(this.shelf, place, variant, stored, Date.now());
    if (!isKept) return false;
    this.counts.stored++;
    if (answer.isOurs) this.#write(keyed, names, variant, stored, answer.mark);
    return true;
  }

  /** The backend said that it is still so (RFC 9111 section 4.3.4). undefined = what it said forbids to keep it. */
  renew(
    found: Found,
    asked: Asked,
    head: FilledHead,
    { keyed, isOurs }: { readonly keyed: Keyed; readonly isOurs: boolean },
  ): Stored | undefined {
    const { kept, stored, variant } = found;
    if (kept === undefined || stored === undefined) return undefined;
    const now = RouteCache.fieldsOf(head);
    const fields = mergedFields(stored.lines, now);
    const judgement = this.judge(asked, stored.status, fields, head.date);
    if ("unkept" in judgement || judgement.names.join() !== kept.names.join()) {
      this.#store.drop(this.shelf, kept);
      // Or it would be found there again, and given when its backend fails.
      void this.#disk?.purge({ kind: "url", value: keyed.url, owner: this.owner }).catch(() => {});
      return undefined;
    }
    const lines = this.linesFor(fields);
    const date = head.date === "" ? new Date(head.at).toUTCString() : head.date;
    const renewed: Stored = {
      ...stored,
      ...{ date, lines, head: headOf(stored.status, date, lines) },
      ...timesOf(judgement, head.at),
      isPublic: judgement.isPublic,
    };
    const place = { key: keyed.key, url: keyed.url, names: kept.names };
    this.#store.put(this.shelf, place, variant, renewed, Date.now());
    if (isOurs) this.#write(keyed, kept.names, variant, renewed, this.#purges);
    this.counts.revalidated++;
    return renewed;
  }

  /** Its backend failed: it rests, and what is kept is given meanwhile. */
  noteFailure(key: string, now: number): void {
    this.#failures.delete(key);
    this.#failures.set(key, now + failureRest);
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > maxRecentFailures && oldest !== undefined) {
      this.#failures.delete(oldest);
    }
  }

  hasFailed(key: string, now: number): boolean {
    const until = this.#failures.get(key);
    if (until === undefined) return false;
    if (until > now) return true;
    this.#failures.delete(key);
    return false;
  }

  /** Takes out what is meant, and does not keep what is on its way. */
  purge(purge: Purge): number {
    this.#purges++;
    this.#recent.push(purge);
    if (this.#recent.length > mostRecentPurges) this.#recent.shift();
    return this.#store.purge(this.shelf, purge);
  }

  /** @param mark `purges` when it was asked for */
  isPurgedSince(mark: number, url: string, tags: readonly string[]): boolean {
    const count = this.#purges - mark;
    if (count > this.#recent.length) return true;
    return count > 0 && this.#recent.slice(-count).some((each) => isMeant(each, url, tags));
  }

  /** The same of an answer whose tags are not known yet. */
  isDoubtedSince(mark: number, url: string): boolean {
    const count = this.#purges - mark;
    if (count > this.#recent.length) return true;
    const isDoubted = (each: Purge) => each.kind === "tag" || isMeant(each, url, []);
    return count > 0 && this.#recent.slice(-count).some(isDoubted);
  }

  close(): void {
    this.#isClosed = true;
    this.#store.close(this.shelf);
  }
}

const nothing: Found = { kept: undefined, variant: "", stored: undefined };

/** With those that middlewares added, where they can make a difference. */
function fieldsOf(names: readonly string[], { request }: Exchange): Fields {
  const isEncodingAlone =
    names.length === 0 || (names.length === 1 && names[0] === "accept-encoding");
  return isEncodingAlone ? request.fields : passedOn(request.fields);
}

/** The fields that go on, those among them that middlewares added. */
export function passedOn(fields: Fields): Fields {
  const lines = fields.serialise();
  const all = new Fields();
  all.read(lines, 0, lines.length, maxFields);
  return all;
}

function timesOf(
  {
    age,
    fresh,
    whileRevalidate,
    ifError,
  }: {
    readonly age: number;
    readonly fresh: number;
    readonly whileRevalidate: number;
    readonly ifError: number;
  },
  at: number,
): Pick<Stored, "bornAt" | "freshUntil" | "whileRevalidateUntil" | "ifErrorUntil"> {
  const bornAt = at - age;
  const freshUntil = bornAt + fresh;
  return {
    ...{ bornAt, freshUntil },
    whileRevalidateUntil: whileRevalidate === 0 ? 0 : freshUntil + whileRevalidate,
    ifErrorUntil: ifError === 0 ? 0 : freshUntil + ifError,
  };
}

/** Those of the body stay, since the body does (RFC 9111 section 3.2). */
const ofBody: ReadonlySet<string> = new Set([
  ...["content-length", "content-encoding", "content-range", "content-type", "transfer-encoding"],
]);

function mergedFields(lines: string, now: Fields): Fields {
  const fields = new Fields();
  fields.read(lines, 0, lines.length, maxFields);
  const fresh: [string, string][] = [];
  for (let at = 0; at < now.count; at++) {
    const name = now.nameAt(at);
    if (!ofBody.has(name.toLowerCase())) fresh.push([name, now.valueAt(at)]);
  }
  for (const [name] of fresh) fields.dropNamed(name.toLowerCase());
  const kept = fields.serialise() + fresh.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const merged = new Fields();
  merged.read(kept, 0, kept.length, maxFields);
  return merged;
}

function tagsOf({ tagFields }: CacheUse, fields: Fields): readonly string[] {
  const text = tagFields.map((name) => fields.valuesOf(name).join(" ")).join(" ");
  if (text.length > longestTags) return [];
  return text
    .split(/[\s,]+/)
    .filter((each) => each !== "")
    .slice(0, mostTags);
}
