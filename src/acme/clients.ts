// One client for each authority, with our account there. The account's key is on the disk before the authority sees anything
// that is signed with it.

import type { AuthoritySettings } from "../config/acme-settings.ts";
import type { Log } from "../lib/log.ts";
import { keyPem, newKey } from "../x509/signed.ts";
import { AcmeClient } from "./acme-client.ts";
import type { Vault } from "./vault.ts";

/** Settings change with reloads; what was made for old ones is forgotten then. */
const most = 20;

export class Clients {
  readonly #vault: Vault;
  readonly #log: Log;
  readonly #made = new Map<string, Promise<AcmeClient>>();

  constructor(vault: Vault, log: Log) {
    this.#vault = vault;
    this.#log = log;
  }

  /** @param contact `mailto:` addresses. Rejects when its key cannot be kept */
  of(authority: AuthoritySettings, contact: readonly string[]): Promise<AcmeClient> {
    const key = JSON.stringify([authority, contact]);
    let made = this.#made.get(key);
    if (made === undefined) {
      if (this.#made.size >= most) this.#made.clear();
      made = this.#make(authority, contact);
      this.#made.set(key, made);
      made.catch(() => this.#made.delete(key)); // whoever asked is told
    }
    return made;
  }

  async #make(authority: AuthoritySettings, contact: readonly string[]): Promise<AcmeClient> {
    const { directory, who, place, ca, binding } = authority;
    const keyId = binding?.keyId;
    let state = this.#vault.account(directory, keyId);
    if (state === undefined) {
      state = { keyPem: keyPem(newKey("ec")) };
      await this.#vault.keepAccount(directory, keyId, state);
    }
    let { url } = state;
    return new AcmeClient({
      ...{ directory, who, place },
      trust: ca === undefined ? undefined : { ca, certificate: undefined, key: undefined },
      account: {
        ...{ state, binding, contact, termsAgreed: true },
        keep: async (next) => {
          await this.#vault.keepAccount(directory, keyId, next);
          if (next.url === url) return;
          url = next.url;
          const words = "there is an account with a certificate authority now, under its terms";
          this.#log.info(words, { authority: who, account: url });
        },
      },
    });
  }
}
