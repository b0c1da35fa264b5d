// What is fetched for a cache: how the backend is asked, and what becomes of its answer, for one who asks, for all who wait, or
// for nobody, when something kept is to be replaced.

import { cookieLine, encodingsOf, variantOf } from "../cache/key.ts";
import type { FilledHead } from "../cache/fill-source.ts";
import type { Sharing } from "../cache/fill.ts";
import type { Judgement } from "../cache/policy.ts";
import { askedOf, isPersonal, notAsked } from "../cache/request.ts";
import { passedOn, RouteCache, type Found } from "../cache/route-cache.ts";
import type { Stored } from "../cache/stored.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Fields } from "../http/fields.ts";
import type { CachedExchange } from "./cached.ts";
import type { CacheContext } from "./cache-context.ts";
import type { FetchChanges } from "./fetch.ts";
import { fillAndAnswer, refresh, type FillRules, type FillWish } from "./filling.ts";
import type { Plan } from "./plan.ts";

/** What was found of an answer by who fetched it, for all who wait. */
interface Verdict {
  readonly judgement: Judgement | undefined;
  /** What made it this one, of those that the answer varies by. */
  readonly variant: string;
  /** What clients get of it: made once for all of them. */
  readonly lines: string;
  /** It is given instead of what came. */
  readonly taken: Stored | undefined;
}

const unjudged = { judgement: undefined, variant: "", lines: "" };

const verdicts = new WeakMap<FilledHead, Verdict>();

export class CacheMiss implements FillRules {
  readonly maxObject: number;
  readonly lockTimeout: number;
  readonly #looked: CachedExchange;
  readonly #cache: RouteCache;
  readonly #found: Found;
  readonly #context: CacheContext;
  /** Of the one that it is fetched for; its head may be another's by the time of the answer. */
  readonly #sent: Fields;
  readonly #asked: ReturnType<typeof askedOf>;
  readonly #askedAt = Date.now();
  readonly #mark: number;
  /** Whoever wants the same waits for the same. */
  readonly #key: string;

  constructor(looked: CachedExchange, found: Found, context: CacheContext) {
    this.#looked = looked;
    this.#found = found;
    this.#context = context;
    const { cache, exchange } = looked;
    this.#cache = cache;
    this.maxObject = cache.maxObject;
    this.lockTimeout = cache.use.lockTimeout;
    this.#mark = cache.purges;
    this.#key = looked.fillKey(found);
    this.#sent = passedOn(exchange.request.fields);
    this.#asked = askedOf(cache.use, exchange, this.#sent);
  }

  fetch(): void {
    fillAndAnswer(this.#wish(), this.#context);
  }

  refresh(): void {
    // What only one client may see is not asked for in nobody's name.
    if (!isPersonal(this.#asked)) refresh(this.#wish(), this.#context);
  }

  #wish(): FillWish {
    const { exchange, plan } = this.#looked;
    return {
      exchange,
      plan,
      destination: plan.destination,
      key: this.#key,
      isAlone: isPersonal(this.#asked) || this.#asked.isSecret,
      asked: this.#changes(),
      rules: this,
    };
  }

  /** The question holds what the key holds, and asks whether what is kept is still so. */
  #changes(): FetchChanges {
    const { keyed } = this.#looked;
    const { use } = this.#cache;
    const cookies = cookieLine(use, this.#sent);
    const drop = use.cookies === undefined ? notAsked : [...notAsked, "cookie"];
    let add = cookies === "" ? "" : `Cookie: ${cookies}\r\n`;
    const encodings = this.#sent.get("accept-encoding");
    if (encodings !== undefined) {
      add += `Accept-Encoding: ${encodingsOf(encodings) || "identity"}\r\n`;
    }
    const { stored } = this.#found;
    if (stored !== undefined && stored.etag !== "") add += `If-None-Match: ${stored.etag}\r\n`;
    if (stored !== undefined && stored.lastModified !== "") {
      add += `If-Modified-Since: ${stored.lastModified}\r\n`;
    }
    const { host, query, hasQuery } = keyed;
    return { host, query, hasQuery, drop, add };
  }

  // --- what comes --------------------------------------------------------------------------------

  judge(head: FilledHead): Sharing {
    const { stored } = this.#found;
    const cache = this.#cache;
    if (head.status === 304 && stored !== undefined) {
      const { keyed } = this.#looked;
      const isCurrent = !cache.isPurgedSince(this.#mark, keyed.url, stored.tags);
      const place = { keyed, isOurs: head.isFromPeer !== true };
      const renewed = isCurrent ? cache.renew(this.#found, this.#asked, head, place) : undefined;
      verdicts.set(head, { ...unjudged, taken: renewed ?? stored });
      return "taken";
    }
    if (head.status >= 500 && this.#mayGiveStale) {
      this.#noteFailure();
      verdicts.set(head, { ...unjudged, taken: stored });
      return "taken";
    }
    const fields = RouteCache.fieldsOf(head);
    const judgement = cache.judge(this.#asked, head.status, fields, head.date);
    const age = fields.get("age") ?? "";
    const isKept = !("unkept" in judgement);
    const variant = isKept ? variantOf(judgement.names, this.#sent) : "";
    let lines = isKept ? cache.linesFor(fields) : cache.linesForOne(fields);
    if (/^\d+$/.test(age)) lines += `Age: ${age}\r\n`;
    verdicts.set(head, { judgement, variant, lines, taken: undefined });
    if (isKept) return "keep";
    return head.status >= 400 ? "refused" : "private";
  }

  /** Not where it may be of one client's making: it would keep all others from what is new. */
  #noteFailure(): void {
    if (isPersonal(this.#asked)) return;
    this.#cache.noteFailure(this.#looked.keyed.key, Date.now());
  }

  /** Something that may be meant was taken out since it was asked for: whoever comes now gets a new one. */
  isOutdated(): boolean {
    return this.#cache.isDoubtedSince(this.#mark, this.#looked.keyed.url);
  }

  get #mayGiveStale(): boolean {
    const { stored } = this.#found;
    return stored !== undefined && stored.ifErrorUntil > Date.now();
  }

  mayHave(head: FilledHead, exchange: Exchange<Plan>): boolean {
    const { judgement, variant } = verdicts.get(head) ?? unjudged;
    if (judgement === undefined || "unkept" in judgement) return false;
    const { names } = judgement;
    if (names.length === 0) return true;
    return variantOf(names, passedOn(exchange.request.fields)) === variant;
  }

  linesFor(head: FilledHead, _exchange: Exchange<Plan>, isLed: boolean): string {
    const { judgement, lines } = verdicts.get(head) ?? unjudged;
    return this.#cache.use.status ? lines + this.#status(head, judgement, isLed) : lines;
  }

  /** RFC 9211. */
  #status(head: FilledHead, judgement: Judgement | undefined, isLed: boolean): string {
    const { kept, stored } = this.#found;
    const why = stored === undefined ? (kept === undefined ? "uri-miss" : "vary-miss") : "stale";
    const isUnkept = judgement === undefined || "unkept" in judgement;
    const how = isLed ? (isUnkept ? "" : "; stored") : "; collapsed";
    const detail =
      judgement !== undefined && "unkept" in judgement ? `; detail=${judgement.unkept}` : "";
    return `Cache-Status: Tidegate; fwd=${why}; fwd-status=${head.status}${how}${detail}\r\n`;
  }

  onWhole(head: FilledHead, pages: readonly Buffer[], length: number): void {
    const { judgement, variant } = verdicts.get(head) ?? unjudged;
    if (judgement === undefined || "unkept" in judgement) return;
    const times = { askedAt: this.#askedAt, mark: this.#mark, isOurs: head.isFromPeer !== true };
    const answer = { head, pages, length, judgement, ...times };
    this.#cache.keep(this.#looked.keyed, variant, answer);
  }

  onTaken(exchange: Exchange<Plan>, head: FilledHead): void {
    this.#give(exchange, verdicts.get(head)?.taken);
  }

  #give(exchange: Exchange<Plan>, stored: Stored | undefined): void {
    if (stored === undefined) this.#context.pass(exchange, this.#looked.plan);
    else this.#looked.giveKept(stored, Date.now());
  }

  onFailed(exchange: Exchange<Plan>): boolean {
    if (!this.#mayGiveStale) return false;
    this.#noteFailure();
    this.#give(exchange, this.#found.stored);
    return true;
  }

  /** Which variant it wants is known by now. */
  onAlone(exchange: Exchange<Plan>, why: "private" | "other" | "late"): void {
    if (why === "other") this.#looked.look();
    else this.#context.pass(exchange, this.#looked.plan);
  }
}
