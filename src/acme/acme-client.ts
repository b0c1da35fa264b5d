// A client of one certificate authority (ACME, RFC 8555; IP addresses RFC 8738; renewal windows RFC 9773). It knows
// how to ask and what may be believed; who wants which names, when, and where that is kept, others know.
//
// Nothing is kept here that a kill could lose: the account goes to `keep`, the address of an order to `keep` of the
// order, both before anything else is asked. An order is found again by its address (`resume`).

import { createPrivateKey, X509Certificate } from "node:crypto";
import { Account, type AccountOptions } from "./account.ts";
import { AcmeError } from "./acme-error.ts";
import type { Directory } from "./directory.ts";
import { alpnDigest, dnsValue, keyAuthorization } from "./jws.ts";
import { Orders } from "./orders.ts";
import { readRenewalInfo, type RenewalInfo } from "./renewal-info.ts";
import { Wire, type WireOptions } from "./wire.ts";

export interface AcmeClientOptions extends WireOptions {
  readonly account: Omit<AccountOptions, "place">;
}

export class AcmeClient {
  readonly who: string;
  readonly orders: Orders;
  readonly #wire: Wire;
  readonly #account: Account;

  constructor({ account, ...options }: AcmeClientOptions) {
    this.who = options.who;
    this.#wire = new Wire(options);
    this.#account = new Account(this.#wire, { ...account, place: options.place });
    this.orders = new Orders(this.#wire, this.#account);
  }

  /** What the authority offers: terms, profiles, renewal windows. */
  directory(signal: AbortSignal): Promise<Directory> {
    return this.#wire.directory(signal);
  }

  /** Finds or makes our account. @returns its address */
  account(signal: AbortSignal): Promise<string> {
    return this.#account.open(signal);
  }

  /** @see Account.rollOver */
  rollOver(newKeyPem: string, signal: AbortSignal): Promise<void> {
    return this.#account.rollOver(newKeyPem, signal);
  }

  deactivate(signal: AbortSignal): Promise<void> {
    return this.#account.deactivate(signal);
  }

  /** What http-01 shows at `/.well-known/acme-challenge/TOKEN`. The account is open by then. */
  keyAuthorization(token: string): string {
    return keyAuthorization(token, this.#account.key);
  }

  /** What dns-01 shows in the TXT record of `_acme-challenge.NAME`. */
  dnsValue(token: string): string {
    return dnsValue(token, this.#account.key);
  }

  /** What tls-alpn-01 shows (`alpnCertificate`). */
  alpnDigest(token: string): Buffer {
    return alpnDigest(token, this.#account.key);
  }

  /**
   * @param reason of RFC 5280 section 5.3.1
   * @param key of the certificate, when it was ordered by another account
   */
  async revoke(
    pem: string,
    { reason, key }: { readonly reason?: number; readonly key?: string },
    signal: AbortSignal,
  ): Promise<void> {
    const certificate = new X509Certificate(pem).raw.toString("base64url");
    const payload = JSON.stringify({ certificate, ...(reason === undefined ? {} : { reason }) });
    const target = { service: "revokeCert" } as const;
    try {
      if (key === undefined) await this.#account.post(target, payload, signal);
      else {
        const signer = { key: createPrivateKey(key), accountUrl: undefined };
        await this.#wire.post(target, payload, signer, signal);
      }
    } catch (error) {
      if (!(error instanceof AcmeError) || error.type !== "alreadyRevoked") throw error;
    }
  }

  /** undefined: the authority says nothing about it, or nothing that can be used. */
  async renewalInfo(ariId: string, signal: AbortSignal): Promise<RenewalInfo | undefined> {
    const { renewalInfo } = await this.#wire.directory(signal);
    if (renewalInfo === undefined) return undefined;
    const base = renewalInfo.replace(/\/$/, "");
    const answer = await this.#wire.get(`${base}/${ariId}`, signal);
    return readRenewalInfo(this.#wire.json(answer), answer.wait);
  }
}
