// Has one certificate after the other made by an authority, each within its time.

import { acmeLimits as limits } from "../config/acme-limits.ts";
import type { AcmeSettings, AuthoritySettings, ChallengeType } from "../config/acme-settings.ts";
import type { Log } from "../lib/log.ts";
import type { Clients } from "./clients.ts";
import type { DnsProvider } from "./dns/provider.ts";
import { dnsProviderOf } from "./dns/registry.ts";
import { Issuance } from "./issuance.ts";
import type { Group } from "./plan.ts";
import type { Proofs } from "./proofs.ts";
import type { KeptCertificate, Vault } from "./vault.ts";

export interface IssuerOptions {
  readonly log: Log;
  readonly vault: Vault;
  readonly proofs: Proofs;
  readonly clients: Clients;
  /** The program ends. */
  readonly ending: AbortSignal;
}

export interface Errand {
  readonly group: Group;
  readonly settings: AcmeSettings;
  readonly authority: AuthoritySettings;
  /** What can be proven here, the likeliest first. */
  readonly challenges: readonly ChallengeType[];
  /** The certificate whose place it takes. */
  readonly replaced: KeptCertificate | undefined;
  /** How often it went wrong with this authority. */
  readonly failures: number;
  /** What is being done, for people. */
  onStep(doing: string): void;
}

export class Issuer {
  readonly #options: IssuerOptions;
  /** What the hook of some settings does is done one by one, by whichever order. */
  #dns: { readonly key: string; readonly provider: DnsProvider } | undefined;

  constructor(options: IssuerOptions) {
    this.#options = options;
  }

  async issue({ group, settings, authority, onStep, ...errand }: Errand): Promise<KeptCertificate> {
    const { vault, proofs, clients, log, ending } = this.#options;
    const { challenges, replaced, failures } = errand;
    let doing = `asks ${authority.who}`;
    const step = (next: string) => {
      doing = next;
      onStep(next);
    };
    step(doing);
    const late = AbortSignal.timeout(limits.order);
    const client = await clients.of(authority, settings.contact);
    const options = {
      ...{ vault, proofs, client, authority, challenges, failures, onStep: step },
      keyType: settings.keyType,
      dns: this.#dnsOf(settings),
      replaces: replaced?.directory === authority.directory ? replaced.ariId : undefined,
      onTrouble: (cause: string) => log.warn("of a certificate's proof", { cause }),
    };
    try {
      return await new Issuance(group, options, AbortSignal.any([ending, late])).run();
    } catch (error) {
      if (!late.aborted) throw error;
      const minutes = limits.order / 60_000;
      throw new Error(`it was given up after ${minutes} min, at: ${doing}`, { cause: error });
    }
  }

  #dnsOf({ dns: settings }: AcmeSettings) {
    if (settings === undefined) return undefined;
    const key = JSON.stringify(settings.provider);
    if (this.#dns?.key !== key) this.#dns = { key, provider: dnsProviderOf(settings.provider) };
    return { settings, provider: this.#dns.provider };
  }
}
