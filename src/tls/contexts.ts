// Contexts of OpenSSL, made when a client first asks for what is in them: of ten thousand certificates few are asked for
// every day, and each context has some 60 kB. Those not asked for longest go.

import { constants, createHash } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";

import { tlsLimits } from "../config/tls-limits.ts";
import type { TlsOptions } from "../config/tls-settings.ts";
import type { Choice } from "./certificate-index.ts";
import { profiles } from "./profile.ts";
import { ticketKey } from "./ticket-key.ts";

export class Contexts {
  /** By what is in them; the one asked for last is the last. */
  readonly #made = new Map<string, SecureContext>();
  readonly #optionKeys = new WeakMap<TlsOptions, string>();
  readonly #ticketSecret: string;

  /** @param ticketSecret hex */
  constructor(ticketSecret: string) {
    this.#ticketSecret = ticketSecret;
  }

  get ticketSecret(): string {
    return this.#ticketSecret;
  }

  /** Throws what OpenSSL says when it cannot use them. */
  of(choice: Choice, options: TlsOptions): SecureContext {
    const key = `${choice.key} ${this.#keyOf(options)}`;
    let context = this.#made.get(key);
    if (context === undefined) {
      context = this.#make(choice, options);
      if (this.#made.size >= tlsLimits.contexts) this.#forgetOldest();
    } else {
      this.#made.delete(key);
    }
    this.#made.set(key, context);
    return context;
  }

  /** Asked for a few times, and gone within a minute. */
  ofProof({ chain, key }: { readonly chain: string; readonly key: string }): SecureContext {
    return createSecureContext({ cert: chain, key, minVersion: "TLSv1.2" });
  }

  #make({ certificates }: Choice, options: TlsOptions): SecureContext {
    const { minVersion, ciphers, curves } = profiles[options.profile];
    const { clientAuth } = options;
    const about = this.#keyOf(options);
    const settings: SecureContextOptions = {
      cert: certificates.map(({ chain }) => chain),
      key: certificates.map(({ key }) => key),
      minVersion,
      ciphers,
      ecdhCurve: curves,
      honorCipherOrder: true,
      // A client of TLS 1.2 could have us do handshakes on one connection without end.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      // OpenSSL resumes only where this is the same.
      sessionIdContext: about.slice(0, 32),
      sessionTimeout: tlsLimits.sessionLife / 1000,
    };
    return createSecureContext({
      ...settings,
      // Without a secret anybody could make the key: OpenSSL has one of its own then.
      ...(this.#ticketSecret === "" ? {} : { ticketKeys: ticketKey(this.#ticketSecret, about) }),
      ...(clientAuth === undefined ? {} : { ca: clientAuth.authorities }),
      ...(clientAuth?.revoked === undefined ? {} : { crl: [...clientAuth.revoked] }),
    });
  }

  /** Digest of all that is checked of a client. */
  #keyOf(options: TlsOptions): string {
    let key = this.#optionKeys.get(options);
    if (key === undefined) {
      const { profile, clientAuth } = options;
      const text = JSON.stringify([profile, clientAuth ?? null]);
      key = createHash("sha256").update(text).digest("hex");
      this.#optionKeys.set(options, key);
    }
    return key;
  }

  #forgetOldest(): void {
    for (const key of this.#made.keys()) {
      this.#made.delete(key);
      return;
    }
  }
}
