// Asks authorities what they say of our certificates (OCSP), so that clients need not: what is good is stapled to handshakes.
// It is asked for again at half its life, and what was had before is shown until it ends: a responder that is down, slow
// or lying takes nothing away. Certificates that name no responder, as those of Let's Encrypt, cost nothing here.

import { setTimeout as pause } from "node:timers/promises";
import type { Certificate } from "../config/certificate.ts";
import { staplingLimits as limits } from "../config/tls-limits.ts";
import { oid } from "../x509/der.ts";
import { readDer } from "../x509/der-reader.ts";
import { extensionIds } from "../x509/extensions.ts";
import { readOcsp } from "../x509/ocsp.ts";
import { answerFor, obstacle, type Subject, subjectOf } from "./ocsp-subject.ts";

export interface StaplerOptions {
  /** `stapled` gives something else now, or `troubleOf` says something else. */
  onChange(): void;
  /** ms since 1970; by default the clock's */
  now?(): number;
}

/** What is wrong with what an authority says of a certificate. */
export interface StapleTrouble {
  /** A sentence. */
  readonly why: string;
  /** Clients refuse it. */
  readonly isBad: boolean;
}

interface Entry {
  certificate: Certificate;
  /** With its staple; another object when that is another one. */
  shown: Certificate;
  readonly subject: Subject;
  /** ms since 1970, both */
  dueAt: number;
  endsAt: number;
  failures: number;
  isRevoked: boolean;
  why: string;
}

/** What stands in certificates that name a responder, and in those that are no good without an answer. */
const method = readDer(oid("1.3.6.1.5.5.7.48.1"))?.content ?? Buffer.alloc(0);
const feature = readDer(oid(extensionIds.tlsFeature))?.content ?? Buffer.alloc(0);

export class Stapler implements Disposable {
  readonly #options: StaplerOptions;
  readonly #now: () => number;
  readonly #stopping = new AbortController();
  /** By certificate. */
  #entries = new Map<string, Entry>();
  /** Ten thousand certificates are looked at once. */
  readonly #concerned = new WeakMap<Certificate, boolean>();
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;
  #isUntold = false;
  #toldAt = 0;

  constructor(options: StaplerOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** As given, with what their authorities say. Those of the last call are looked after. */
  stapled(certificates: readonly Certificate[]): readonly Certificate[] {
    const { entries, all } = this.#entriesOf(certificates);
    this.#entries = entries;
    this.#plan();
    return all;
  }

  #entriesOf(certificates: readonly Certificate[]) {
    const entries = new Map<string, Entry>();
    const now = this.#now();
    const all = certificates.map((certificate) => {
      // Of one that has run out authorities say nothing any more.
      if (certificate.notAfter <= now || !this.#isConcerned(certificate)) return certificate;
      const { id } = certificate;
      const entry = entries.get(id) ?? this.#entryOf(certificate);
      if (entry === undefined) return certificate;
      entries.set(id, entry);
      return entry.shown;
    });
    return { entries, all };
  }

  /** Those that are no good without an answer get one before anybody is shown them, if it comes soon. */
  async prepare(certificates: readonly Certificate[]): Promise<void> {
    const { entries } = this.#entriesOf(certificates);
    // Perhaps they never go live: what is shown now is looked after on.
    this.#entries = new Map([...this.#entries, ...entries]);
    this.#plan();
    const urgent = [...entries.values()].filter(
      ({ subject, dueAt, shown }) =>
        subject.mustStaple && dueAt === 0 && shown.staple === undefined,
    );
    if (urgent.length === 0) return;
    const late = new AbortController();
    const waited = pause(limits.first, true, { signal: late.signal }).catch(() => false);
    const asked = Promise.all(urgent.map((each) => this.#ask(each)));
    const isLate = await Promise.race([asked.then(() => false), waited]);
    late.abort();
    void asked.then(() => {
      this.#isUntold ||= isLate;
      this.#plan();
    });
  }

  /** @param id of a certificate */
  troubleOf(id: string): StapleTrouble | undefined {
    const { isRevoked, why, subject, shown } = this.#entries.get(id) ?? {};
    if (isRevoked === true) return { why: "its authority has revoked it", isBad: true };
    if (why === undefined || why === "") return undefined;
    const hasStaple = shown?.staple !== undefined;
    if (hasStaple) return { why: `its OCSP answer cannot be renewed: ${why}`, isBad: false };
    return subject?.mustStaple === true
      ? { why: `it is no good without an OCSP answer, and there is none: ${why}`, isBad: true }
      : { why: `no OCSP answer is stapled: ${why}`, isBad: false };
  }

  #isConcerned(certificate: Certificate): boolean {
    let isConcerned = this.#concerned.get(certificate);
    if (isConcerned === undefined) {
      const [body = ""] = certificate.chain.split("-----END", 1);
      const der = Buffer.from(body.slice(body.lastIndexOf("-----") + 5), "base64");
      // The parts of it are looked at only where these bytes are somewhere in it.
      isConcerned = der.includes(method) || der.includes(feature);
      this.#concerned.set(certificate, isConcerned);
    }
    return isConcerned;
  }

  #entryOf(certificate: Certificate): Entry | undefined {
    const known = this.#entries.get(certificate.id);
    if (known?.certificate === certificate) return known;
    const shown = { ...certificate, staple: known?.shown.staple };
    if (known !== undefined && known.certificate.chain === certificate.chain) {
      known.certificate = certificate;
      known.shown = shown;
      return known;
    }
    const subject = subjectOf(certificate);
    if (subject === undefined) return undefined;
    const why = obstacle(subject);
    return {
      ...{ certificate, shown, subject, why, failures: 0, isRevoked: false },
      ...{ dueAt: why === "" ? 0 : Infinity, endsAt: known?.endsAt ?? Infinity },
    };
  }

  #plan(): void {
    clearTimeout(this.#timer);
    if (this.#isAsking || this.#stopping.signal.aborted) return;
    let next = Infinity;
    for (const { dueAt, endsAt } of this.#entries.values()) next = Math.min(next, dueAt, endsAt);
    if (this.#isUntold) next = 0;
    if (next === Infinity) return;
    const wait = Math.min(Math.max(next - this.#now(), 0), limits.look);
    this.#timer = setTimeout(() => void this.#work(), wait).unref();
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    this.#isAsking = true;
    const now = this.#now();
    const entries = [...this.#entries.values()];
    for (const each of entries) {
      if (each.endsAt > now) continue;
      this.#isUntold = true;
      each.endsAt = Infinity;
      show(each, undefined);
    }
    const due = entries.filter(({ dueAt }) => dueAt <= now).slice(0, limits.atOnce);
    const changes = await Promise.all(due.map((each) => this.#ask(each)));
    this.#isAsking = false;
    if (this.#stopping.signal.aborted) return;
    this.#isUntold ||= changes.includes(true);
    const isDone = !entries.some(({ dueAt }) => dueAt <= now);
    if (this.#isUntold && (isDone || Math.abs(this.#now() - this.#toldAt) > limits.told)) {
      this.#isUntold = false;
      this.#toldAt = this.#now();
      this.#options.onChange();
    }
    this.#plan();
  }

  /** @returns whether anything is other than before */
  async #ask(entry: Entry): Promise<boolean> {
    const { why, isRevoked } = entry;
    const staple = entry.shown.staple;
    // Not by two at a time.
    entry.dueAt = Infinity;
    try {
      this.#take(entry, await answerFor(entry.subject, this.#stopping.signal));
      entry.failures = 0;
      entry.why = "";
    } catch (error) {
      entry.failures++;
      entry.why = error instanceof Error ? error.message : String(error);
      const wait = Math.min(limits.firstRetry * 2 ** (entry.failures - 1), limits.longestRetry);
      entry.dueAt = this.#now() + wait;
    }
    return why !== entry.why || isRevoked !== entry.isRevoked || staple !== entry.shown.staple;
  }

  /** Throws what is wrong with the answer. */
  #take(entry: Entry, answer: Buffer): void {
    const now = this.#now();
    const { leaf, issuer } = entry.subject;
    if (issuer === undefined) return;
    const reading = readOcsp(answer, leaf, issuer, now);
    if (reading.kind === "bad")
      throw new Error(`the answer of its authority is no good: ${reading.why}`);
    entry.isRevoked = reading.kind === "revoked";
    if (reading.kind === "revoked") {
      show(entry, undefined);
      entry.endsAt = Infinity;
      entry.dueAt = now + limits.longestRetry;
      return;
    }
    const { from, until = now + limits.unlimited } = reading;
    show(entry, answer.toString("base64"));
    entry.endsAt = until;
    // Whatever the clocks: neither a flood of questions nor none.
    const soonest = Math.max(limits.soonest, Math.min(limits.least, (until - now) / 2));
    entry.dueAt = Math.min(Math.max((from + until) / 2, now + soonest), now + limits.longest);
  }

  [Symbol.dispose](): void {
    this.#stopping.abort();
    clearTimeout(this.#timer);
  }
}

/** What did not change stays the same object: workers are not sent it again. */
function show(entry: Entry, staple: string | undefined): void {
  if (entry.shown.staple !== staple) entry.shown = { ...entry.certificate, staple };
}
