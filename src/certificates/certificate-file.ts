// What one file with its key holds, or held: when what is there now cannot be used, what was there before is kept, and
// it is said. Read again only when something of it changed. Synchronously: a read that waits for a thread costs ten times
// as much, and there may be ten thousand of them. Whoever calls makes pauses.

import { readFileSync, statSync } from "node:fs";
import type { Certificate } from "../config/certificate.ts";
import { certificateOf, unusable } from "../config/certificate-pair.ts";
import { certificateLimits } from "../config/tls-limits.ts";
import { type BundlePair, damageOf, readBundle, readChain } from "../x509/bundle.ts";
import { type Candidate, troubleOf } from "./candidates.ts";

export interface HeldCertificate {
  readonly certificate: Certificate;
  /** For people. */
  readonly issuer: string;
  /** What is odd about it and does no harm: sentences. */
  readonly remarks: readonly string[];
  /** Why clients refuse it, whatever its file and its time say: a sentence. */
  readonly refused?: string;
}

/** A file that changed so short a time before it was read may have changed again without looking any different. */
const settledAfter = 1000;

export class CertificateFile {
  readonly path: string;
  held: readonly HeldCertificate[] = [];
  /** Why what is there now cannot be used: a sentence; "" = it can. */
  trouble = "";
  /** Since when it can be used, or cannot; ms since 1970. */
  since = Date.now();
  /** "" = it has to be read. */
  #seen = "";
  /** `check` is still to be done. */
  #isHasty = false;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * @param isHasty signatures, which take longer than all the rest, are left to `check`
   * @returns whether what it holds, or what is wrong, is other than before
   */
  look(candidate: Candidate, isHasty: boolean): boolean {
    return this.#tell(() => {
      try {
        this.#read(candidate, isHasty);
      } catch (error) {
        this.#seen = "";
        this.trouble = this.#sentence(error);
      }
    });
  }

  /** Looks at the signatures of what was read in haste. @returns as `look` */
  check(): boolean {
    if (!this.#isHasty) return false;
    this.#isHasty = false;
    return this.#tell(() => {
      const damages = this.held.map(({ certificate }) => damageOf(certificate.chain));
      this.#hold(this.held.filter((_, at) => damages[at] === undefined));
      const found = damages.filter((each) => each !== undefined);
      this.trouble = [this.trouble, ...found].filter((each) => each !== "").join("; ");
    });
  }

  /** It is told with this path. */
  #sentence(error: unknown): string {
    if (error instanceof Fault && error.path === this.path) return error.why;
    return error instanceof Error ? error.message : String(error);
  }

  #tell(work: () => void): boolean {
    const { held, trouble } = this;
    work();
    if ((trouble === "") !== (this.trouble === "")) this.since = Date.now();
    return held !== this.held || trouble !== this.trouble;
  }

  #read(candidate: Candidate, isHasty: boolean): void {
    const files = [candidate.cert, ...candidate.keys.slice(0, 1)];
    const seen = files.map(signatureOf);
    const signature = seen.map(({ text }) => text).join(" ");
    if (signature === this.#seen) return;
    this.#isHasty = isHasty;
    this.#take(files.map(textOf).join("\n"), candidate);
    const isSettled = seen.every(({ changed }) => Math.abs(Date.now() - changed) > settledAfter);
    this.#seen = isSettled ? signature : "";
  }

  #take(text: string, candidate: Candidate): void {
    const isKeyless = !text.includes("PRIVATE KEY-----");
    if (isKeyless && this.held.length === 0 && isNone(text, candidate)) {
      this.trouble = "";
      return;
    }
    const { pairs, problems, remarks } = readBundle(text, Date.now(), {
      isHasty: this.#isHasty,
    });
    const usable = pairs.filter((each) => unusable(each) === undefined);
    const faults = [
      ...pairs.map(unusable).filter((each) => each !== undefined),
      ...problems.map((each) => (each.startsWith("no key is in it") ? keyless(candidate) : each)),
    ];
    const now = usable.map((pair) => this.#heldOf(pair, remarks));
    const kinds = new Set(now.map(({ certificate }) => certificate.kind));
    // Half of what was there is worse than all of it.
    const kept =
      faults.length === 0 ? [] : this.held.filter((each) => !kinds.has(each.certificate.kind));
    this.#hold([...now, ...kept]);
    this.trouble = faults.join("; ");
  }

  /** The same object for what is the same. */
  #heldOf(pair: BundlePair, remarks: readonly string[]): HeldCertificate {
    const { facts, cert, key } = pair;
    const { issuer } = facts;
    const before = this.held.find(
      ({ certificate }) =>
        certificate.id === facts.fingerprint &&
        certificate.chain === cert &&
        certificate.key === key,
    );
    if (before?.remarks.join() === remarks.join()) return before;
    const certificate: Certificate =
      before?.certificate ?? certificateOf(pair, { provider: "file", place: this.path });
    return { certificate, issuer, remarks };
  }

  #hold(held: readonly HeldCertificate[]): void {
    const { length } = this.held;
    if (held.length === length && held.every((each, at) => each === this.held[at])) return;
    this.held = held;
  }
}

function keyless({ keys, cert }: Candidate): string {
  if (keys.length > 0) return `no key is in ${keys[0]}`;
  const stem = cert.replace(/\.[^./]*$/, "");
  return `no key is in it, and none beside it: put it at ${stem}.key`;
}

/** Part of somebody's chain, and nothing to be shown by itself. */
function isNone(text: string, { role }: Candidate): boolean {
  if (role !== "found") return role === "part";
  const chain = readChain(text);
  return chain !== undefined && chain.every((each) => each.ca);
}

function signatureOf(path: string): { text: string; changed: number } {
  const found = of(path, () => statSync(path));
  const { dev, ino, size, mtimeMs, ctimeMs } = found;
  if (!found.isFile()) throw new Fault(path, new Error("it is no file"));
  if (size > certificateLimits.fileBytes) {
    throw new Fault(path, new Error(`it is larger than ${certificateLimits.fileBytes / 1024} KiB`));
  }
  return { text: `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`, changed: ctimeMs };
}

function textOf(path: string): string {
  return of(path, () => readFileSync(path, "utf8"));
}

function of<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Fault(path, error);
  }
}

class Fault extends Error {
  readonly path: string;
  readonly why: string;

  constructor(path: string, cause: unknown) {
    const why = troubleOf(cause);
    super(`${path}: ${why}`, { cause });
    this.path = path;
    this.why = why;
  }
}
