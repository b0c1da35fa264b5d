// Asks authorities when they want certificates to be renewed (RFC 9773), as often as they say. Many say nothing: then the age of a
// certificate decides. An authority may move its windows to now, when it has to revoke.

import type { AcmeSettings } from "../config/acme-settings.ts";
import { acmeClientLimits } from "../config/acme-limits.ts";
import type { Clients } from "./clients.ts";
import type { KeptCertificate, Vault } from "./vault.ts";

const { usual, longest } = acmeClientLimits.renewalInfo;

export interface Asking {
  readonly now: number;
  readonly settings: AcmeSettings;
  readonly clients: Clients;
  readonly signal: AbortSignal;
}

export class Windows {
  readonly #vault: Vault;
  /** Of those who said nothing: when to ask again. */
  readonly #silent = new Map<string, number>();
  #isAsking = false;

  constructor(vault: Vault) {
    this.#vault = vault;
  }

  /** @returns whether there is news */
  async ask(kept: readonly KeptCertificate[], asking: Asking): Promise<boolean> {
    if (this.#isAsking) return false;
    this.#isAsking = true;
    try {
      let isNew = false;
      for (const each of kept) {
        if (asking.signal.aborted) break;
        if (this.#isTime(each, asking.now)) isNew = (await this.#one(each, asking)) || isNew;
      }
      return isNew;
    } finally {
      this.#isAsking = false;
    }
  }

  /** A clock that was set back must not keep us from asking for years. */
  #isTime({ certificate: { id } }: KeptCertificate, now: number): boolean {
    const at = this.#vault.window(id)?.askAgainAt ?? 0;
    const later = Math.max(at, this.#silent.get(id) ?? 0);
    return later <= now || later > now + 2 * longest;
  }

  async #one(
    { certificate: { id }, directory, ariId }: KeptCertificate,
    { now, settings, clients, signal }: Asking,
  ): Promise<boolean> {
    const authority = settings.authorities.find((each) => each.directory === directory);
    this.#silent.set(id, now + usual);
    if (authority === undefined || ariId === undefined) return false;
    try {
      const client = await clients.of(authority, settings.contact);
      const info = await client.renewalInfo(ariId, signal);
      if (info === undefined) return false;
      const before = this.#vault.window(id);
      await this.#vault.keepWindow(id, info);
      this.#silent.delete(id);
      return before?.start !== info.start || before.end !== info.end;
    } catch {
      return false; // it is asked again later; meanwhile what is known holds
    }
  }
}
