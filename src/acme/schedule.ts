// When a certificate is renewed, and when somebody who said no is asked again. Plain functions of what the clock says: it may
// be set forwards, which must not make us order in a loop, and backwards, which must not make us wait for years.

import { acmeLimits as limits } from "../config/acme-limits.ts";

export interface Term {
  /** SHA-256, hex; the random part of its renewal is taken from it, so that it is the same after a restart. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** When the authority wants it to be renewed (RFC 9773), ms since 1970. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

/** By our clock, which may be wrong, it is not valid yet. */
export function isEarly({ notBefore }: Pick<Term, "notBefore">, now: number): boolean {
  return notBefore > now + limits.clockError;
}

/** A random moment in the window; without one, after two thirds of its life, or a little before. */
export function renewalOf({ id, notBefore, notAfter }: Term, window: Window | undefined): number {
  const random = Number.parseInt(id.slice(0, 8), 16) / 2 ** 32;
  const life = notAfter - notBefore;
  const usual = notBefore + life * (limits.renewAfter - limits.spread * random);
  if (window === undefined) return usual;
  // An authority that wants it to run out is wrong.
  const latest = notAfter - life / 12;
  return Math.min(window.start + (window.end - window.start) * random, latest);
}

/** Somebody said no, or nothing, so many times in a row. Plain data, which is kept. */
export interface Wait {
  readonly failures: number;
  /** Since when, ms since 1970. */
  readonly at: number;
  /** For how long, ms. */
  readonly wait: number;
  /** It said itself when it may be asked again. */
  readonly isLimit: boolean;
  readonly why: string;
  /** It refused these of several. */
  readonly refused: readonly string[];
}

export interface Failure {
  readonly why: string;
  readonly refused?: readonly string[];
  /** What it said, ms since 1970. */
  readonly retryAt?: number | undefined;
  readonly isLimit?: boolean;
}

export function waitAfter(before: Wait | undefined, failure: Failure, now: number): Wait {
  const { first, longest } = limits.retry;
  const failures = (before?.failures ?? 0) + 1;
  // 2 to the 11th minutes is more than a day.
  const usual = Math.min(first * 2 ** Math.min(failures - 1, 11), longest);
  const { why, retryAt, isLimit = false, refused = [] } = failure;
  const wait = retryAt === undefined ? usual : Math.max(retryAt - now, first);
  return { failures, at: now, wait, isLimit, why, refused };
}

/** ms since 1970; 0 = it need not be waited for. */
export function endOf(wait: Wait | undefined, now: number): number {
  if (wait === undefined) return 0;
  // The clock was set back: nobody knows how long it is ago.
  if (now < wait.at - limits.look) return 0;
  const end = wait.at + wait.wait;
  return end <= now ? 0 : end;
}

/** Of one authority: what it said of these names, and of all. */
export interface Standing {
  readonly own: Wait | undefined;
  readonly all: Wait | undefined;
}

export type Choice =
  | { readonly kind: "go"; readonly index: number }
  | { readonly kind: "wait"; readonly until: number; readonly why: string };

/** The first authority that may be asked; the next ones once it failed often enough, or said when it can be asked again. */
export function choose(standings: readonly Standing[], now: number): Choice {
  const waits: { readonly until: number; readonly why: string }[] = [];
  for (const [index, { own, all }] of standings.entries()) {
    const longer = endOf(own, now) >= endOf(all, now) ? own : all;
    const until = endOf(longer, now);
    if (longer === undefined || until === 0) return { kind: "go", index };
    const { failures, isLimit, why } = longer;
    if (!isLimit && failures < limits.failures) return { kind: "wait", until, why };
    waits.push({ until, why });
  }
  const [first = { until: now + limits.retry.first, why: "there is no authority" }, ...others] =
    waits;
  const soonest = others.reduce((a, b) => (b.until < a.until ? b : a), first);
  return { kind: "wait", ...soonest };
}
