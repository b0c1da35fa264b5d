// An exchange that waits for an answer which is fetched once for all who want it, over all workers.

import type { DenialReason, Fill, FillReader, Sharing } from "../cache/fill.ts";
import type { Fills } from "../cache/fills.ts";
import type { FilledHead, FillSink, FillSource } from "../cache/fill-source.ts";
import { mostFillTries } from "../config/fill-limits.ts";
import type { FailureCode } from "../http/errors.ts";
import type { Exchange, RequestSink } from "../http/exchange.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { Peers } from "../peers/peers.ts";
import type { Destination } from "../upstream/destination.ts";
import { fail, unanswered } from "./fail.ts";
import { Feed } from "./feed.ts";
import { type FetchChanges, type FetchRequest, requestLike, startFetch } from "./fetch.ts";
import { giveToPeer, refusePeer, tellPeerOfFailure } from "./peer-answer.ts";
import { isForPeers, startPeerFetch } from "./peer-fetch.ts";
import type { Plan } from "./plan.ts";
import { beginStored } from "./stored-answer.ts";

/** What is common to all who want the same answer. */
export interface FillRules {
  /** Bytes up to which it is kept. */
  readonly maxObject: number;
  /** Longest wait for somebody else's request, ms; 0 = as long as it takes. */
  readonly lockTimeout: number;
  /** Once, when the head is here. */
  judge(head: FilledHead): Sharing;
  /** What it varies by is the same for this exchange as for the one that it was fetched for. */
  mayHave(head: FilledHead, exchange: Exchange<Plan>): boolean;
  /** What this client gets of it: field lines without Date. @param isLed it was fetched for this one */
  linesFor(head: FilledHead, exchange: Exchange<Plan>, isLed: boolean): string;
  /** It is whole, and `judge` said keep. */
  onWhole(head: FilledHead, pages: readonly Buffer[], bytes: number, trailers: string): void;
  /** `judge` said taken: answers each of those who wait. */
  onTaken(exchange: Exchange<Plan>, head: FilledHead): void;
  /** Whoever comes now must not have it. */
  isOutdated?(): boolean;
  /** There is none. True = it was answered otherwise. */
  onFailed?(exchange: Exchange<Plan>, code: FailureCode): boolean;
  /** It is not for this exchange, which goes on by itself: at once for `other`, of the others a few at a time. */
  onAlone(exchange: Exchange<Plan>, why: DenialReason): void;
}

export interface FillWish {
  readonly exchange: Exchange<Plan>;
  readonly plan: Plan;
  readonly destination: Destination | undefined;
  /** Whoever has the same gets the same. */
  readonly key: string;
  /** Nobody else may join it. */
  readonly isAlone?: boolean;
  readonly asked: FetchChanges;
  readonly rules: FillRules;
}

/** What filling needs of the process that it happens in. */
export interface FillContext {
  readonly fills: Fills;
  readonly peers: Peers;
  readonly wheel: Wheel;
  /** Number of the snapshot that is live. */
  readonly version: number;
  /** Takes an exchange of our own to its backend. */
  carry(exchange: Exchange<Plan>, plan: Plan, destination: Destination | undefined): void;
}

/** Answers the exchange with what is on its way already, or begins to fetch it. */
export function fillAndAnswer(wish: FillWish, context: FillContext): void {
  new Waiting(wish, context).seek();
}

/** Fetches it for nobody: what is kept is to be replaced. Does nothing where that is being done. */
export function refresh(wish: FillWish, context: FillContext): void {
  const { fills } = context;
  if (fills.has(wish.key)) return;
  const request = requestLike(wish.exchange, wish.asked);
  if (request !== undefined) begin(wish, request, context, null);
}

function begin(
  wish: FillWish,
  request: FetchRequest,
  context: FillContext,
  leader: FillReader | null,
): Fill {
  const { plan, destination, rules, exchange } = wish;
  const { fills, wheel } = context;
  const key = wish.isAlone === true ? undefined : wish.key;
  const fill = fills.begin(key, {
    wheel,
    maxObject: rules.maxObject,
    lockTimeout: rules.lockTimeout,
    judge: (head) => rules.judge(head),
    onWhole: (...whole) => rules.onWhole(...whole),
    isOutdated: () => rules.isOutdated?.() === true,
  });
  if (leader !== null) fill.lead(leader);
  const direct = (sink: FillSink): FillSource =>
    startFetch(request, plan, (own) => context.carry(own, plan, destination), sink);
  const peer =
    key === undefined || !isForPeers(exchange)
      ? undefined
      : context.peers.ownerOf(`${plan.name}\n${key}`);
  if (peer === undefined) {
    fill.feed(direct);
    return fill;
  }
  const wait = rules.lockTimeout;
  const asked = { exchange, plan, version: context.version, wheel, wait };
  fill.feed((sink) => Feed.begin(sink, (feed) => startPeerFetch(peer.path, asked, feed), direct));
  return fill;
}

class Waiting implements FillReader, RequestSink {
  readonly #wish: FillWish;
  readonly #context: FillContext;
  #fill: Fill | null = null;
  #isLed = false;
  #head: FilledHead | undefined;
  #tries = 0;
  /** Takes it out of the line of those that go alone; null = it stands in none. */
  #leaveLine: (() => void) | null = null;

  constructor(wish: FillWish, context: FillContext) {
    this.#wish = wish;
    this.#context = context;
  }

  get #exchange(): Exchange<Plan> {
    return this.#wish.exchange;
  }

  seek(): void {
    const { key, isAlone, asked, exchange } = this.#wish;
    const { fills } = this.#context;
    exchange.sink = this;
    if (isAlone !== true) {
      if (fills.isUnshared(key)) {
        this.#goAlone("private");
        return;
      }
      this.#fill = fills.find(key);
      if (this.#fill?.join(this) === true) return;
    }
    const request = requestLike(exchange, asked);
    if (request === undefined) {
      this.#goAlone("other");
      return;
    }
    this.#isLed = true;
    this.#fill = begin(this.#wish, request, this.#context, this);
  }

  // --- the answer --------------------------------------------------------------------------------

  mayHave(head: FilledHead): boolean {
    return this.#isLed || this.#wish.rules.mayHave(head, this.#exchange);
  }

  onFillHead(head: FilledHead): void {
    this.#head = head;
    const exchange = this.#exchange;
    const { rules, plan } = this.#wish;
    const length = this.#isBare ? 0 : head.bodyLength;
    if (exchange.isFromPeer) {
      giveToPeer(exchange, head);
      return;
    }
    const lines = rules.linesFor(head, exchange, this.#isLed);
    if (beginStored(exchange, { status: head.status, date: head.date, lines }, length)) return;
    this.#fill?.leave(this);
    fail(exchange, "INTERNAL", plan.errorPages);
  }

  /** There is a body, perhaps, but not for this one. */
  get #isBare(): boolean {
    return this.#exchange.method === "HEAD";
  }

  get isRelay(): boolean {
    return this.#exchange.isFromPeer;
  }

  onFillData(buffer: Buffer, start: number, end: number): void {
    if (!this.#isBare) this.#exchange.client.writeData(buffer, start, end);
  }

  onFillText(text: string): void {
    if (!this.#isBare) this.#exchange.client.writeText(text);
  }

  onFillFlush(): boolean {
    return this.#exchange.client.flush();
  }

  onFillEnd(trailers: string): void {
    const exchange = this.#exchange;
    if (exchange.isDone) return;
    exchange.sink = null;
    exchange.client.endAnswer(this.#isBare ? "" : trailers);
  }

  onFillTaken(head: FilledHead): void {
    const exchange = this.#exchange;
    exchange.sink = null;
    this.#wish.rules.onTaken(exchange, head);
  }

  onFillFailed(code: FailureCode, status: number): void {
    const exchange = this.#exchange;
    const { rules, plan } = this.#wish;
    exchange.sink = null;
    if (exchange.isFromPeer && this.#head === undefined) {
      tellPeerOfFailure(exchange, code, status);
      return;
    }
    if (this.#head === undefined && rules.onFailed?.(exchange, code) === true) return;
    fail(exchange, code, plan.errorPages, status);
  }

  onFillDenied(why: DenialReason): void {
    this.#fill = null;
    if (this.#exchange.isDone) return;
    this.#tries++;
    if (why === "late" && this.#tries < mostFillTries) this.seek();
    else this.#goAlone(why);
  }

  // --- alone -------------------------------------------------------------------------------------

  #goAlone(why: DenialReason): void {
    const exchange = this.#exchange;
    const { rules, key } = this.#wish;
    if (exchange.isFromPeer) {
      exchange.sink = null;
      refusePeer(exchange);
      return;
    }
    if (why === "other") {
      exchange.sink = null;
      rules.onAlone(exchange, why);
      return;
    }
    const { alone } = this.#context.fills;
    let hasGone = false;
    const leave = alone.enter(key, () => {
      hasGone = true;
      this.#leaveLine = null;
      exchange.onOver = () => alone.end(key);
      exchange.sink = null;
      rules.onAlone(exchange, why);
    });
    if (!hasGone) this.#leaveLine = leave;
  }

  // --- the client --------------------------------------------------------------------------------

  onClientDrain(): void {
    this.#fill?.resume(this);
  }

  onRequestFailed(code: FailureCode): void {
    this.#leaveLine?.();
    this.#fill?.leave(this);
    if (!unanswered.has(code)) fail(this.#exchange, code, this.#wish.plan.errorPages);
  }

  // Requests with a body are nobody else's.

  onRequestData(): void {}

  onRequestEnd(): void {}

  onRequestFlush(): void {}
}
