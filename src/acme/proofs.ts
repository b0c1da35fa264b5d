// What authorities are shown while they look whether names lead here. Those who prove something at the same time share one
// publication: fifty orders are not fifty snapshots.

import type { Challenges } from "../config/certificate.ts";

export interface Proof {
  readonly http?: { readonly token: string; readonly answer: string };
  readonly alpn?: { readonly name: string; readonly chain: string; readonly key: string };
}

export class Proofs {
  readonly #shown = new Set<Proof>();
  readonly #publish: () => Promise<void>;
  #publishing: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #value: Challenges | undefined;

  /** @param publish resolves when everybody who serves has `value` as it was when it was called */
  constructor(publish: () => Promise<void>) {
    this.#publish = publish;
  }

  /** The same object until something changes. */
  get value(): Challenges {
    this.#value ??= valueOf(this.#shown);
    return this.#value;
  }

  /** Resolves when everybody shows them. Whoever showed them takes them away. */
  async show(proofs: readonly Proof[]): Promise<void> {
    if (proofs.length === 0) return;
    for (const each of proofs) this.#shown.add(each);
    this.#value = undefined;
    await this.#published();
  }

  /** Nobody waits for it: a proof that is shown for longer tells nobody anything. */
  hide(proofs: readonly Proof[]): void {
    for (const each of proofs) this.#shown.delete(each);
    this.#value = undefined;
    if (proofs.length > 0) this.#published().catch(() => {}); // the next one that goes live is without them
  }

  #published(): Promise<void> {
    if (this.#publishing === undefined) return this.#begin();
    // What goes out now may have been made before.
    this.#next ??= this.#publishing.catch(() => {}).then(() => this.#begin());
    return this.#next;
  }

  #begin(): Promise<void> {
    this.#next = undefined;
    const publishing = this.#publish().finally(() => {
      if (this.#publishing === publishing) this.#publishing = undefined;
    });
    this.#publishing = publishing;
    return publishing;
  }
}

function valueOf(shown: Iterable<Proof>): Challenges {
  const http: [string, string][] = [];
  const alpn: [string, { readonly chain: string; readonly key: string }][] = [];
  for (const each of shown) {
    if (each.http !== undefined) http.push([each.http.token, each.http.answer]);
    if (each.alpn !== undefined) {
      alpn.push([each.alpn.name, { chain: each.alpn.chain, key: each.alpn.key }]);
    }
  }
  return { http: Object.fromEntries(http), alpn: Object.fromEntries(alpn) };
}
