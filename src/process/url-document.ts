// A document that is asked for again and again. What was had last is kept on disk, so that a start does not depend on
// somebody else; what cannot be used, or cannot be had, changes nothing.

import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { documentLimits as limits } from "../config/document-limits.ts";
import { type DocumentWish, shownPlace, type UrlWish } from "../config/documents.ts";
import { Backoff } from "../lib/backoff.ts";
import { isRecord } from "../lib/json.ts";
import { programVersion } from "../lib/version.ts";
import { webAnswer, type WebAnswer } from "../lib/web-call.ts";
import { DocumentState, type KeptDocument } from "./document-state.ts";
import type { StateFiles } from "./state-file.ts";

export interface UrlDocumentOptions {
  readonly files: StateFiles;
  /** Where what was had is kept; undefined = nowhere. */
  folder(): string | undefined;
  onChange(): void;
}

/** What the one who answered wants to be told the next time. */
interface Marks {
  readonly etag: string;
  readonly lastModified: string;
}

const noMarks: Marks = { etag: "", lastModified: "" };

export class UrlDocument implements KeptDocument {
  readonly state: DocumentState;
  readonly #options: UrlDocumentOptions;
  readonly #stopping = new AbortController();
  #backoff = new Backoff(limits.retry);
  #wish: UrlWish;
  #marks = noMarks;
  /** Kept once the first question is answered, or has failed. */
  #first: Promise<void> | undefined;

  constructor(wish: UrlWish, options: UrlDocumentOptions) {
    this.#wish = wish;
    this.#options = options;
    this.state = new DocumentState(wish, options.onChange);
  }

  refresh(): Promise<void> {
    if (this.#stopping.signal.aborted) return Promise.resolve();
    this.#first ??= this.#begin();
    // What was had before the last stop does for now.
    return this.state.live === undefined ? this.#first : Promise.resolve();
  }

  adjust(wish: DocumentWish): void {
    if (wish.from === "url") this.#wish = wish;
  }

  async #begin(): Promise<void> {
    this.#recall();
    const isHad = await this.#ask();
    void this.#goOn(isHad);
  }

  async #goOn(wasHad: boolean): Promise<void> {
    const { signal } = this.#stopping;
    let isHad = wasHad;
    while (!signal.aborted) {
      const { every } = this.#wish;
      // Not all nodes at the same moment.
      const regular = every * (0.9 + Math.random() * 0.2);
      if (isHad) this.#backoff = new Backoff(limits.retry);
      const wait = isHad ? regular : Math.min(regular, this.#backoff.next(0));
      await pause(wait, undefined, { signal, ref: false }).catch(() => {});
      if (!signal.aborted) isHad = await this.#ask();
    }
  }

  /** Never rejects. */
  async #ask(): Promise<boolean> {
    const { signal } = this.#stopping;
    const { url, name } = this.#wish;
    try {
      const answer = await webAnswer(
        {
          ...{ url: new URL(url), method: "GET", headers: this.#headers(), tls: undefined },
          ...{ who: shownPlace(this.#wish), place: `the setting of ${name.split(" ", 1)[0]}` },
          ...{ signal, timeout: limits.answer },
        },
        limits.bytes,
      );
      if (signal.aborted) return false;
      return this.#take(answer);
    } catch (error) {
      if (signal.aborted) return false;
      const why = error instanceof Error ? error.message : String(error);
      this.state.fail(`could not be had: ${why}`);
      return false;
    }
  }

  #headers(): Record<string, string> {
    const { etag, lastModified } = this.state.live === undefined ? noMarks : this.#marks;
    return {
      "User-Agent": `tidegate/${programVersion()}`,
      Accept: "*/*",
      "Accept-Encoding": "identity",
      ...(etag === "" ? {} : { "If-None-Match": etag }),
      ...(etag !== "" || lastModified === "" ? {} : { "If-Modified-Since": lastModified }),
    };
  }

  #take({ status, headers, body }: WebAnswer): boolean {
    if (status === 304 && this.state.live !== undefined) {
      this.state.confirm();
      return true;
    }
    if (status >= 300 && status < 400) {
      const to = URL.parse(headers.location ?? "", this.#wish.url);
      const where = to === null ? "somewhere else" : `${to.origin}${to.pathname}`;
      this.state.fail(`is answered with ${status}, and has moved to ${where}; write that URL`);
      return false;
    }
    if (status !== 200) {
      this.state.fail(`is answered with ${status}`);
      return false;
    }
    if ((headers["content-encoding"] ?? "identity") !== "identity") {
      this.state.fail("is sent compressed, which was not asked for");
      return false;
    }
    const text = body.toString();
    const before = this.state.live;
    if (!this.state.take(text)) return false;
    this.#marks = { etag: headers.etag ?? "", lastModified: headers["last-modified"] ?? "" };
    if (this.state.live !== before) this.#keep(text);
    return true;
  }

  // --- on disk ---------------------------------------------------------------------------------------

  #path(): string | undefined {
    const folder = this.#options.folder();
    const name = createHash("sha256").update(this.#wish.name).digest("hex").slice(0, 40);
    return folder === undefined ? undefined : join(folder, "documents", `${name}.json`);
  }

  #keep(text: string): void {
    const path = this.#path();
    if (path === undefined) return;
    const { name } = this.#wish;
    this.#options.files.write(path, JSON.stringify({ name, ...this.#marks, text }));
  }

  forget(): void {
    const path = this.#path();
    if (path === undefined) return;
    try {
      rmSync(path, { force: true });
    } catch {
      // It is in nobody's way.
    }
  }

  #recall(): void {
    const path = this.#path();
    if (path === undefined) return;
    try {
      const kept: unknown = JSON.parse(readFileSync(path, "utf8"));
      if (!isRecord(kept) || kept["name"] !== this.#wish.name) return;
      const { text, etag, lastModified } = kept;
      if (typeof text !== "string" || text.length > limits.bytes || !this.state.take(text)) return;
      if (typeof etag === "string" && typeof lastModified === "string")
        this.#marks = { etag, lastModified };
    } catch {
      // Nothing was kept, or not whole: it is asked for.
    }
  }

  [Symbol.dispose](): void {
    this.#stopping.abort();
  }
}
