// One check that is under way. It ends exactly once: with a verdict of its kind, when its time is up, or
// when it is cancelled; and with it goes everything that it opened.

import type { LookupFunction } from "node:net";
import type { GatewaySettings } from "../config/gateway.ts";
import type { Backend, BackendTls, HealthCheck } from "../config/service.ts";
import type { Guests } from "../guest/guests.ts";
import { formatDuration } from "../lib/duration.ts";

export interface Verdict {
  readonly isGood: boolean;
  /** For people: "200 in 3 ms", "refused the connection". */
  readonly text: string;
  /** How long it took to know. */
  readonly ms: number;
}

export interface ProbeTarget {
  readonly backend: Backend;
  readonly tls: BackendTls;
  readonly check: HealthCheck;
  /** How names become addresses. */
  readonly lookup: LookupFunction;
  /** How a program that does not speak HTTP is asked. */
  readonly gateway?: GatewaySettings | undefined;
  /** Containers whose sockets backends are. */
  readonly guests?: Guests | undefined;
}

/** Read of one answer at most: a check has to fit into memory by the thousand. */
export const maxAnswerBytes = 64 * 1024;

/** An orderly goodbye is worth so much, ms: some never close what we have closed. */
const goodbyeMs = 250;

export class Attempt {
  readonly target: ProbeTarget;
  /** Said when the time is up: `no ${waitsFor} within 5s`. */
  waitsFor = "connection";
  readonly #begin = performance.now();
  readonly #resolve: (verdict: Verdict) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal;
  readonly #closers: (() => void)[] = [];
  #verdict: Verdict | undefined;
  #isOver = false;

  constructor(target: ProbeTarget, signal: AbortSignal, resolve: (verdict: Verdict) => void) {
    this.target = target;
    this.#resolve = resolve;
    this.#signal = signal;
    const { timeout } = target.check;
    this.#timer = setTimeout(() => this.bad(this.#late), timeout);
    signal.addEventListener("abort", this.#onAbort);
    if (signal.aborted) this.#onAbort();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get #late(): string {
    return `no ${this.waitsFor} within ${formatDuration(this.target.check.timeout)}`;
  }

  get #ms(): number {
    return performance.now() - this.#begin;
  }

  readonly #onAbort = (): void => this.bad("cancelled");

  /** Called at the end, whatever it is; at once when that was before. */
  onEnd(close: () => void): void {
    if (this.#isOver) close();
    else this.#closers.push(close);
  }

  /** @param text for example the status; how long it took is added */
  good(text: string): void {
    this.decide(text);
    this.#end();
  }

  /** After `decide` it ends the check, and no more. */
  bad(text: string): void {
    this.#verdict ??= { isGood: false, text, ms: this.#ms };
    this.#end();
  }

  /** It is good; what comes after is an orderly end of the connection, which changes nothing. */
  decide(text: string): void {
    const ms = this.#ms;
    this.#verdict ??= { isGood: true, text: `${text} in ${Math.round(ms)} ms`, ms };
    if (this.#isOver) return;
    const timer = setTimeout(() => this.#end(), goodbyeMs);
    this.onEnd(() => clearTimeout(timer));
  }

  #end(): void {
    if (this.#isOver || this.#verdict === undefined) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#onAbort);
    for (const close of this.#closers) close();
    this.#resolve(this.#verdict);
  }
}
