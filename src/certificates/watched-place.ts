// A folder, or a pair of files, that is read when it begins and whenever something of it changed. What goes wrong keeps what was
// read before: a folder that cannot be read for a while takes nobody's certificate away.

import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import { certificateLimits } from "../config/tls-limits.ts";
import type { CertificatePlace } from "../config/tls-settings.ts";
import { FolderHints } from "../lib/folder-hints.ts";
import { type Candidate, type Candidates, candidatesOf } from "./candidates.ts";
import { CertificateFile, type HeldCertificate } from "./certificate-file.ts";

/** A file or folder that is not as it should be. */
export interface Fault {
  readonly path: string;
  /** A sentence. */
  readonly why: string;
  /** ms since 1970 */
  readonly since: number;
}

export class WatchedPlace implements Disposable {
  readonly #place: CertificatePlace;
  readonly #onChange: () => void;
  readonly #stopping = new AbortController();
  readonly #hints = new FolderHints(this.#stopping.signal, certificateLimits.settle);
  readonly #files = new Map<string, CertificateFile>();
  /** Since when they are not there any more, by path. */
  readonly #gone = new Map<string, number>();
  #trouble = "";
  #since = Date.now();
  #held: readonly HeldCertificate[] = [];
  #isRunning = false;
  /** At a start there is nothing to fall back on, and everybody waits. */
  #isHasty = true;
  /** Some of what was read in haste is still to be checked. */
  #isUnchecked = true;
  /** Those who wait for a reading that begins from now on. */
  #asked: (() => void)[] = [];

  /** @param onChange what is held, or what is wrong, is other than before */
  constructor(place: CertificatePlace, onChange: () => void) {
    this.#place = place;
    this.#onChange = onChange;
  }

  /** Those that last longest first. */
  get held(): readonly HeldCertificate[] {
    return this.#held;
  }

  get faults(): readonly Fault[] {
    const own = { path: pathOf(this.#place), why: this.#trouble, since: this.#since };
    const files = [...this.#files.values()].map(({ path, trouble, since }) => {
      return { path, why: trouble, since };
    });
    return [own, ...files].filter(({ why }) => why !== "");
  }

  /** Reads it, and resolves when that is done; from the first time on it is watched. */
  refresh(): Promise<void> {
    if (this.#stopping.signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#asked.push(resolve);
    this.#hints.raise();
    if (!this.#isRunning) void this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#hints.clear();
      const asked = this.#asked.splice(0);
      const began = performance.now();
      let candidates = await candidatesOf(this.#place);
      // What changed in a folder before it was watched raised no hint.
      if (this.#hints.watch(candidates.folders)) candidates = await candidatesOf(this.#place);
      const isChanged = await this.#readAll(candidates);
      this.#isHasty = false;
      if (isChanged && !signal.aborted) this.#onChange();
      for (const tell of asked) tell();
      const took = performance.now() - began;
      if (this.#isUnchecked && (await this.#checkAll()) && !signal.aborted) this.#onChange();
      const poll = Math.max(certificateLimits.poll, took * certificateLimits.pollShare);
      await this.#hints.next(this.#gone.size > 0 ? certificateLimits.gone : poll);
    }
    for (const tell of this.#asked.splice(0)) tell();
  }

  async #readAll({ all, trouble }: Candidates): Promise<boolean> {
    let isChanged = trouble !== this.#trouble;
    if ((trouble === "") !== (this.#trouble === "")) this.#since = Date.now();
    this.#trouble = trouble;
    let pauseAt = performance.now() + certificateLimits.stretch;
    for (const each of all) {
      if (this.#read(each)) isChanged = true;
      if (performance.now() < pauseAt) continue;
      await nextTurn();
      if (this.#stopping.signal.aborted) return false;
      pauseAt = performance.now() + certificateLimits.stretch;
    }
    // Where not all could be listed nobody is missed.
    if (trouble === "" && this.#forget(all)) isChanged = true;
    if (isChanged) this.#gather();
    return isChanged;
  }

  /** What was left out when all was read for the first time. Others have half of the time, and whoever asks comes first. */
  async #checkAll(): Promise<boolean> {
    let isChanged = false;
    this.#isUnchecked = false;
    let pauseAt = performance.now() + certificateLimits.stretch;
    for (const file of this.#files.values()) {
      if (file.check()) isChanged = true;
      if (performance.now() < pauseAt) continue;
      await pause(certificateLimits.stretch);
      this.#isUnchecked = this.#asked.length > 0;
      if (this.#isUnchecked || this.#stopping.signal.aborted) break;
      pauseAt = performance.now() + certificateLimits.stretch;
    }
    if (isChanged) this.#gather();
    return isChanged;
  }

  #read(candidate: Candidate): boolean {
    const { cert } = candidate;
    let file = this.#files.get(cert);
    if (file === undefined) {
      file = new CertificateFile(cert);
      this.#files.set(cert, file);
    }
    return file.look(candidate, this.#isHasty);
  }

  /** Those that are gone for a while; some programs remove a file and write it anew. */
  #forget(all: readonly Candidate[]): boolean {
    const there = new Set(all.map(({ cert }) => cert));
    let isChanged = false;
    for (const path of this.#files.keys()) {
      const since = this.#gone.get(path);
      if (there.has(path)) {
        this.#gone.delete(path);
      } else if (since === undefined) {
        this.#gone.set(path, performance.now());
      } else if (performance.now() - since >= certificateLimits.gone) {
        this.#gone.delete(path);
        this.#files.delete(path);
        isChanged = true;
      }
    }
    return isChanged;
  }

  #gather(): void {
    this.#held = [...this.#files.values()]
      .flatMap(({ held }) => held)
      .sort(
        (a, b) =>
          b.certificate.notAfter - a.certificate.notAfter ||
          (a.certificate.origin.place < b.certificate.origin.place ? -1 : 1),
      );
  }

  [Symbol.dispose](): void {
    this.#stopping.abort();
    this.#hints[Symbol.dispose]();
  }
}

function pathOf(place: CertificatePlace): string {
  return place.kind === "folder" ? place.path : place.cert;
}
