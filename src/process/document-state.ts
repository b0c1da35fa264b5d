// What is known of a document: what was good last, and what is wrong now. What goes bad keeps what was there before.

import { createHash } from "node:crypto";
import { documentFault } from "../config/document-checks.ts";
import type { DocumentWish, LiveDocument } from "../config/documents.ts";

/** A document that is looked after, from a file or from a URL. */
export interface KeptDocument extends Disposable {
  readonly state: DocumentState;
  /** Resolves when it is known whether it can be had, or has been looked at anew. Never rejects. */
  refresh(): Promise<void>;
  /** Nobody wants it any more: nothing of it is kept for the next start. */
  forget(): void;
  /** As wished from now on. */
  adjust(wish: DocumentWish): void;
}

export class DocumentState {
  readonly wish: DocumentWish;
  readonly #onChange: () => void;
  #live: LiveDocument | undefined;
  #trouble = "";

  /** @param onChange what it is, or what is wrong with it, is other than before */
  constructor(wish: DocumentWish, onChange: () => void) {
    this.wish = wish;
    this.#onChange = onChange;
  }

  /** undefined = it was never there. */
  get live(): LiveDocument | undefined {
    return this.#live;
  }

  /** A sentence without its subject; "" = nothing is wrong. */
  get trouble(): string {
    return this.#trouble;
  }

  /** @returns whether it can be used */
  take(text: string): boolean {
    const fault = documentFault(this.wish, text);
    if (fault !== undefined) {
      this.fail(fault);
      return false;
    }
    const version = createHash("sha256").update(text).digest("base64url").slice(0, 22);
    const isSame = this.#live?.version === version;
    if (isSame && this.#trouble === "") return true;
    if (!isSame) this.#live = { text, version };
    this.#trouble = "";
    this.#onChange();
    return true;
  }

  /** What was there before stays. */
  fail(why: string): void {
    if (this.#trouble === why) return;
    this.#trouble = why;
    this.#onChange();
  }

  /** It was asked for, and is as it was. */
  confirm(): void {
    if (this.#trouble === "") return;
    this.#trouble = "";
    this.#onChange();
  }
}
