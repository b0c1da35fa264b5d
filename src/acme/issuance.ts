// One certificate, from nothing or from where a killed program left it, to the disk. In this order, so that nothing is asked for
// twice and nothing is lost: the key is kept, the order is placed and its address kept, the proofs are shown to everybody, the
// authority looks, the request goes out, the certificate is kept.

import { createPrivateKey } from "node:crypto";
import { acmeLimits as limits } from "../config/acme-limits.ts";
import type { AuthoritySettings, ChallengeType, DnsSettings } from "../config/acme-settings.ts";
import { alpnCertificate } from "../x509/issue-certificate.ts";
import { certificateRequest } from "../x509/certificate-request.ts";
import { keyPem, newKey } from "../x509/signed.ts";
import type { AcmeClient } from "./acme-client.ts";
import { AcmeError } from "./acme-error.ts";
import { alpnServerName, dnsRecordName } from "./challenge-place.ts";
import type { DnsProvider } from "./dns/provider.ts";
import { type DnsRecord, recordFor, setRecords } from "./dns-proof.ts";
import type { Authorization, Challenge, Order } from "./order.ts";
import { list, wantedName } from "./order.ts";
import type { Group } from "./plan.ts";
import type { Proof, Proofs } from "./proofs.ts";
import type { KeptCertificate, OrderRecord, Vault } from "./vault.ts";

export interface IssuanceOptions {
  readonly vault: Vault;
  readonly proofs: Proofs;
  readonly client: AcmeClient;
  readonly authority: AuthoritySettings;
  readonly keyType: "ec" | "rsa";
  /** What can be proven here, the likeliest first. */
  readonly challenges: readonly ChallengeType[];
  readonly dns: { readonly settings: DnsSettings; readonly provider: DnsProvider } | undefined;
  /** The certificate whose place it takes, by its `ariId`. */
  readonly replaces: string | undefined;
  /** How often it went wrong: the next time another proof is tried. */
  readonly failures: number;
  /** What is being done, for people. */
  onStep(doing: string): void;
  /** What could not be undone and does no harm. */
  onTrouble(why: string): void;
}

export class Issuance {
  readonly #group: Group;
  readonly #options: IssuanceOptions;
  readonly #signal: AbortSignal;

  constructor(group: Group, options: IssuanceOptions, signal: AbortSignal) {
    this.#group = group;
    this.#options = options;
    this.#signal = signal;
  }

  /** Rejects with an AcmeError, or with what keeps us from keeping it. */
  async run(): Promise<KeptCertificate> {
    const { vault } = this.#options;
    const record = await this.#record();
    try {
      return await this.#finish(record);
    } catch (error) {
      // Of no use any more: the next one is a new order, with the same key.
      const isOver =
        error instanceof AcmeError && (error.kind === "order" || error.kind === "rejected");
      if (isOver && !this.#signal.aborted) {
        const { url: _url, ...rest } = record;
        await vault.keepOrder(this.#group.id, rest);
      }
      throw error;
    }
  }

  /** What was begun before; else the key, before anybody hears of it. */
  async #record(): Promise<OrderRecord> {
    const { vault, authority, keyType } = this.#options;
    const { id, names } = this.#group;
    const now = Date.now();
    const last = vault.order(id);
    // One that was done, and not forgotten before we were killed, has to do with a former certificate.
    const isYoung = last !== undefined && Math.abs(now - last.begunAt) < limits.orderAge;
    const known = isYoung ? last : undefined;
    if (known?.directory === authority.directory) return known;
    const record = {
      names,
      directory: authority.directory,
      begunAt: now,
      keyPem: known?.keyPem ?? keyPem(newKey(keyType)),
    };
    await vault.keepOrder(id, record);
    return record;
  }

  async #finish(record: OrderRecord): Promise<KeptCertificate> {
    const { vault, client, authority, onStep } = this.#options;
    const { orders, who } = client;
    const signal = this.#signal;
    const order = await this.#order(record);
    const key = createPrivateKey(record.keyPem);
    let ready = order;
    if (order.status !== "valid") {
      if (order.status === "pending") await this.#prove(order);
      onStep(`${who} makes the certificate`);
      ready = await orders.finalize(order, certificateRequest({ key, names: order.names }), signal);
    }
    const wishes = { key, preferred: authority.preferredChain };
    const { chain, isPreferred } = await orders.certificate(ready, wishes, signal);
    if (!isPreferred) {
      this.#options.onTrouble(
        `${who} has no chain to ${authority.preferredChain} (${authority.place}); its usual one is used`,
      );
    }
    const made = { chain, key: record.keyPem, names: order.names };
    const kept = await vault.keepCertificate(authority.directory, made);
    await vault.forgetOrder(this.#group.id);
    return kept;
  }

  async #order(record: OrderRecord): Promise<Order> {
    const { vault, client, authority, replaces, failures, onStep } = this.#options;
    const { id, names } = this.#group;
    // One that went wrong often may be beyond repair.
    if (record.url !== undefined && failures < limits.failures) {
      onStep(`asks ${client.who} how far the order is`);
      try {
        return await client.orders.resume(record.url, names, this.#signal);
      } catch (error) {
        if (!(error instanceof AcmeError) || error.kind !== "order") throw error;
      }
    }
    onStep(`orders it from ${client.who}`);
    const { profile } = authority;
    const keep = (url: string) => vault.keepOrder(id, { ...record, url });
    return client.orders.place(names, { profile, replaces, keep }, this.#signal);
  }

  async #prove(order: Order): Promise<void> {
    const { client, proofs, onStep } = this.#options;
    const signal = this.#signal;
    const authorizations = await client.orders.authorizations(order, signal);
    const pending = authorizations.filter(({ status }) => status === "pending");
    if (pending.length === 0) return;
    await client.account(signal);
    const chosen = pending.map((each) => [each, this.#challengeFor(each)] as const);
    const shown = chosen.flatMap(([each, challenge]) => this.#proofOf(each, challenge) ?? []);
    const records = await this.#records(chosen);
    try {
      onStep("shows what proves the names");
      await proofs.show(shown);
      if (records.length > 0) await this.#setRecords(records);
      onStep(`${client.who} looks at ${list(pending.map(({ name }) => name))}`);
      // One that it looks at already was told of before we were killed.
      for (const [, challenge] of chosen) {
        if (challenge.status === "pending") await client.orders.ready(challenge, signal);
      }
      await client.orders.proven(authorizations, signal);
    } finally {
      proofs.hide(shown);
      await this.#removeRecords(records);
    }
  }

  #challengeFor(authorization: Authorization): Challenge {
    const { challenges } = authorization;
    const { challenges: possible, failures, client } = this.#options;
    const begun = challenges.find(({ status }) => status === "processing");
    const offered = possible.flatMap((type) => challenges.find((each) => each.type === type) ?? []);
    const chosen = begun ?? offered[failures % Math.max(1, offered.length)];
    if (chosen !== undefined) return chosen;
    const types =
      challenges.map(({ type }) => type).join(", ") || "something that is not known here";
    throw new AcmeError(
      "refused",
      `${client.who} wants ${types} as the proof for ${wantedName(authorization)}, and here is only ${possible.join(", ")}`,
    );
  }

  #proofOf({ name }: Authorization, { type, token }: Challenge): Proof | undefined {
    const { client } = this.#options;
    if (type === "http-01") return { http: { token, answer: client.keyAuthorization(token) } };
    if (type !== "tls-alpn-01") return undefined;
    const key = newKey("ec");
    const chain = alpnCertificate(name, client.alpnDigest(token), key);
    return { alpn: { name: alpnServerName(name), chain, key: keyPem(key) } };
  }

  async #records(
    chosen: readonly (readonly [Authorization, Challenge])[],
  ): Promise<readonly DnsRecord[]> {
    const { client, dns } = this.#options;
    if (dns === undefined) return [];
    const wanted = chosen.filter(([, { type }]) => type === "dns-01");
    return Promise.all(
      wanted.map(([{ name }, { token }]) =>
        recordFor(dnsRecordName(name), client.dnsValue(token), dns.settings, this.#signal),
      ),
    );
  }

  async #setRecords(records: readonly DnsRecord[]): Promise<void> {
    const { dns, onStep } = this.#options;
    if (dns === undefined) return;
    onStep(`waits until the DNS shows ${list(records.map(({ name }) => name))}`);
    await setRecords(dns.provider, records, dns.settings, this.#signal);
  }

  /** Also at the end of the program, which waits for it a little. */
  async #removeRecords(records: readonly DnsRecord[]): Promise<void> {
    const { dns, onTrouble } = this.#options;
    const ending = new AbortController();
    const atEnd = () => void setTimeout(() => ending.abort(), limits.hookAtEnd).unref();
    if (this.#signal.aborted) atEnd();
    else this.#signal.addEventListener("abort", atEnd, { once: true });
    for (const { name, value } of records) {
      // Each has its time: there may be a hundred.
      const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(limits.hook)]);
      try {
        await dns?.provider.remove(name, value, signal);
      } catch (error) {
        onTrouble(error instanceof Error ? error.message : String(error));
      }
    }
    this.#signal.removeEventListener("abort", atEnd);
  }
}
