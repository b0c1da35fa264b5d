// Which certificates are due, by what their authorities say (`RenewalWindow`) and by their age; and which nobody needs any more.

import { isEarly, renewalOf } from "./schedule.ts";
import type { KeptCertificate, Vault } from "./vault.ts";

/** What nobody wants is kept until it ended so long ago: the clock may be wrong for a while. */
const keptAfterEnd = 86_400_000;

export class Renewals {
  readonly #vault: Vault;
  /** By name and by star; made when the list is another one. */
  #index: {
    readonly of: readonly KeptCertificate[];
    readonly byName: Map<string, KeptCertificate>;
  } = {
    of: [],
    byName: new Map(),
  };

  constructor(vault: Vault) {
    this.#vault = vault;
  }

  /** ms since 1970; 0 = at once */
  dueAt({ certificate }: KeptCertificate, now: number): number {
    if (isEarly(certificate, now)) return 0;
    return renewalOf(certificate, this.#vault.window(certificate.id));
  }

  /**
   * Of the latest certificate for it; 0 = there is none, or at once.
   * @param makers who may have made it: whoever goes over from tests to a real authority wants others
   */
  dueFor(
    name: string,
    kept: readonly KeptCertificate[],
    now: number,
    makers: readonly string[],
  ): number {
    const { byName } = this.#indexOf(kept);
    const found = byName.get(name) ?? byName.get(starOf(name));
    if (found === undefined || !makers.includes(found.directory)) return 0;
    return this.dueAt(found, now);
  }

  #indexOf(kept: readonly KeptCertificate[]) {
    if (this.#index.of === kept) return this.#index;
    const byName = new Map<string, KeptCertificate>();
    for (const each of kept) {
      for (const name of each.certificate.names) if (!byName.has(name)) byName.set(name, each);
    }
    this.#index = { of: kept, byName };
    return this.#index;
  }

  /** The certificate whose place one for these names takes. */
  replaced(
    names: readonly string[],
    kept: readonly KeptCertificate[],
  ): KeptCertificate | undefined {
    const { byName } = this.#indexOf(kept);
    const known = names.find((each) => byName.has(each));
    return known === undefined ? undefined : byName.get(known);
  }

  /** Another one has taken their place, or they ended and nobody wants them. */
  superfluous(
    kept: readonly KeptCertificate[],
    wanted: readonly string[],
    now: number,
  ): readonly KeptCertificate[] {
    const names = new Set(wanted);
    const later = new Set<string>();
    // The list begins with the latest.
    return kept.filter(({ certificate: { names: own, notAfter } }) => {
      const isOver = now > notAfter + keptAfterEnd;
      if (isOver && !own.some((each) => names.has(each))) return true;
      if (own.every((name) => later.has(name) || later.has(starOf(name)))) return true;
      for (const name of own) later.add(name);
      return false;
    });
  }
}

/** The wildcard that is for it; "" = none can be. */
function starOf(name: string): string {
  const dot = name.indexOf(".");
  return name.startsWith("*.") || dot <= 0 ? "" : `*${name.slice(dot)}`;
}
