// Which certificate is shown for a name: valid before expired, exact before wildcard, then in the order given. Ten thousand
// cost as much as one.

import { createHash } from "node:crypto";
import type { Certificate } from "../config/certificate.ts";

/** What one name is served with: clients that know no ECDSA get the one of RSA. At least one is there. */
export interface Choice {
  /** Names it among all of one index. */
  readonly key: string;
  readonly certificates: readonly ShownCertificate[];
}

interface Considered extends Choice {
  /** Clients would take it now. */
  readonly isValid: boolean;
}

export type ShownCertificate = Pick<Certificate, "chain" | "key" | "kind" | "staple"> &
  Partial<Pick<Certificate, "names">>;

/** Certificates begin and end by the minute. */
const validFor = 60_000;

export class CertificateIndex {
  readonly #byName = new Map<string, Certificate[]>();
  /** Made when first asked for. */
  readonly #choices = new Map<string, Considered | undefined>();
  readonly #now: () => number;
  /** When what is valid was last thought about. */
  #consideredAt = 0;

  /** @param now milliseconds since 1970 */
  constructor(certificates: readonly Certificate[], now: () => number) {
    this.#now = now;
    for (const certificate of certificates) {
      for (const name of certificate.names) {
        const known = this.#byName.get(name);
        if (known === undefined) this.#byName.set(name, [certificate]);
        else known.push(certificate);
      }
    }
  }

  /**
   * @param name as `normaliseHost` writes it
   * @returns undefined: no certificate is for it
   */
  find(name: string): Choice | undefined {
    const now = this.#now();
    if (Math.abs(now - this.#consideredAt) > validFor) {
      this.#choices.clear();
      this.#consideredAt = now;
    }
    const exact = this.#choiceFor(name);
    if (exact?.isValid === true) return exact;
    const wild = this.#choiceFor(wildcardOf(name));
    return wild?.isValid === true ? wild : (exact ?? wild);
  }

  #choiceFor(name: string): Considered | undefined {
    const all = this.#byName.get(name);
    if (all === undefined) return undefined;
    let choice = this.#choices.get(name);
    if (choice === undefined) {
      choice = choiceOf(all, this.#now());
      this.#choices.set(name, choice);
    }
    return choice;
  }
}

/** Whether a certificate with these names is for the host. */
export function isFor(host: string, names: readonly string[]): boolean {
  return names.includes(host) || names.includes(wildcardOf(host));
}

/** RFC 9525 section 6.3: the star is the whole first label, and stands for one. */
function wildcardOf(name: string): string {
  const dot = name.indexOf(".");
  return dot <= 0 ? "" : `*${name.slice(dot)}`;
}

export function choiceOf(all: readonly Certificate[], now: number): Considered {
  const best = (kind: Certificate["kind"]) => {
    const fitting = all.filter((each) => each.kind === kind);
    return fitting.find((each) => isValid(each, now)) ?? fitting[0];
  };
  const found = [best("ec"), best("rsa")].filter((each) => each !== undefined);
  // One that has expired is better than none, and worse than any other.
  const valid = found.filter((each) => isValid(each, now));
  const isAnyValid = valid.length > 0;
  const certificates = isAnyValid ? valid : found.slice(0, 1);
  return { key: certificates.map(keyOf).join(" "), certificates, isValid: isAnyValid };
}

function isValid({ notBefore, notAfter }: Certificate, now: number): boolean {
  return notBefore <= now && now < notAfter;
}

/** Of one certificate the chain may be mended while it runs. */
function keyOf({ id, chain }: Certificate): string {
  return `${id}:${createHash("sha256").update(chain).digest("base64url")}`;
}
