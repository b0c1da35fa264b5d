// The middle of a shared tally (`tally.ts`): knows the counts of keys that somebody uses much of, and shares
// their limits out. A party that dies is forgotten, its counts with it.
//
// Safe without clocks: a grant that was lowered counts in full until its party has confirmed the new one, and
// a party has at most one unconfirmed offer for a key.

import { equalShare, maxTallyEntries } from "./tally.ts";
import type { TallyEntry, TallyNews, TallyOffer, TallyReport } from "./tally.ts";

interface Party {
  readonly offers: Map<string, TallyOffer>;
  /** The number of parties it was told; 0 = nothing yet. */
  toldParties: number;
  lastReport: number;
}

interface Share {
  count: number;
  /** The limit as this party last saw it. */
  limit: number;
  /** undefined = the equal share. */
  grant: number | undefined;
  /** The unconfirmed offer. */
  offered: { readonly grant: number; readonly offer: number } | undefined;
}

interface Ledger {
  readonly key: string;
  limit: number;
  readonly shares: Map<number, Share>;
}

export class TallyHub {
  #offers = 0;
  readonly #parties = new Map<number, Party>();
  readonly #ledgers = new Map<string, Ledger>();

  /**
   * One more party, by whatever number its owner gives it. The sooner before it begins to count, the
   * better: by then the others should have made room.
   */
  join(party: number): void {
    if (this.#parties.has(party)) return;
    this.#parties.set(party, { offers: new Map(), toldParties: 0, lastReport: 0 });
    for (const ledger of this.#ledgers.values()) this.#settle(ledger);
  }

  /** The party is gone, and what it counted too. */
  forget(party: number): void {
    if (!this.#parties.delete(party)) return;
    for (const ledger of this.#ledgers.values()) {
      ledger.shares.delete(party);
      this.#settle(ledger);
    }
  }

  /** How many keys are followed. */
  get size(): number {
    return this.#ledgers.size;
  }

  take(party: number, report: TallyReport): void {
    const from = this.#parties.get(party);
    if (from === undefined) return;
    from.lastReport = report.number;
    const touched = new Set<Ledger>();
    for (const entry of report.entries) touched.add(this.#record(party, entry));
    for (const ledger of touched) this.#settle(ledger);
  }

  /** What this party must know by now; undefined = nothing. Ask for all parties after every change. */
  news(party: number, max = maxTallyEntries): TallyNews | undefined {
    const to = this.#parties.get(party);
    if (to === undefined) return undefined;
    const parties = this.#parties.size;
    if (to.offers.size === 0 && to.toldParties === parties) return undefined;
    to.toldParties = parties;
    const offers = [...to.offers.values()].slice(0, max);
    for (const { key } of offers) to.offers.delete(key);
    return { parties, offers };
  }

  #record(party: number, entry: TallyEntry): Ledger {
    const { key, count, limit, offer } = entry;
    const ledger = this.#ledgers.get(key) ?? { key, limit, shares: new Map<number, Share>() };
    this.#ledgers.set(key, ledger);
    const share = ledger.shares.get(party);
    if (share === undefined) {
      ledger.shares.set(party, { count, limit, grant: undefined, offered: undefined });
      ledger.limit = limit;
      return ledger;
    }
    // A limit that a party repeats is older than one that another says for the first time.
    if (share.limit !== limit) ledger.limit = limit;
    share.limit = limit;
    share.count = count;
    if (share.offered?.offer === offer) {
      share.grant = share.offered.grant;
      share.offered = undefined;
    }
    return ledger;
  }

  #settle(ledger: Ledger): void {
    for (const party of this.#parties.keys()) {
      if (ledger.shares.has(party)) continue;
      const { limit } = ledger;
      ledger.shares.set(party, { count: 0, limit, grant: undefined, offered: undefined });
    }
    const equal = equalShare(ledger.limit, this.#parties.size);
    const shares = [...ledger.shares];
    // Less than what makes a party speak up, so that a key does not come and go.
    const isQuiet = shares.every(([, { count }]) => count * 4 <= equal);
    if (ledger.limit === 0 || isQuiet) this.#release(ledger, equal);
    else this.#shareOut(ledger, equal);
  }

  /** Back to equal shares. Who has more gives it up first; when all have, the key is forgotten. */
  #release(ledger: Ledger, equal: number): void {
    if (ledger.limit > 0) {
      for (const [party, share] of ledger.shares) {
        if (share.offered === undefined && (share.grant ?? 0) > equal) {
          this.#offer(ledger, party, share, equal);
        }
      }
      for (const { offered } of ledger.shares.values()) if (offered !== undefined) return;
    }
    const { key } = ledger;
    this.#ledgers.delete(key);
    for (const { offers, lastReport } of this.#parties.values()) {
      offers.set(key, { kind: "release", key, report: lastReport });
    }
  }

  /** Gives everyone who is short of room a part of what is left, as far as others have given it up. */
  #shareOut(ledger: Ledger, equal: number): void {
    const { limit, shares } = ledger;
    const parties = this.#parties.size;
    let counted = 0;
    for (const { count } of shares.values()) counted += count;
    const part = Math.ceil(Math.max(0, limit - counted) / parties);
    const free = () => {
      let held = 0;
      for (const share of shares.values()) held += heldBy(share, equal);
      return limit + parties - 1 - held;
    };
    // Half a part is room enough: else every single change would move everyone's grant.
    const needy = [...shares].filter(([, { grant, count, offered }]) => {
      return offered === undefined && (grant ?? equal) - count < Math.ceil(part / 2);
    });
    if (needy.length === 0 && free() >= 0) return;
    for (const [party, share] of needy) {
      const grant = share.grant ?? equal;
      const more = Math.min(share.count + part - grant, free());
      if (more > 0) this.#offer(ledger, party, share, grant + more);
    }
    for (const [party, share] of shares) {
      const enough = share.count + part;
      if (share.offered !== undefined || (share.grant ?? equal) <= enough) continue;
      this.#offer(ledger, party, share, enough);
    }
  }

  #offer(ledger: Ledger, party: number, share: Share, grant: number): void {
    const { key, limit } = ledger;
    const offer = ++this.#offers;
    share.offered = { grant, offer };
    this.#parties.get(party)?.offers.set(key, { kind: "grant", key, limit, offer, grant });
  }
}

/** The most a party may be using now. */
function heldBy({ count, grant, offered }: Share, equal: number): number {
  return Math.max(count, grant ?? equal, offered?.grant ?? 0);
}
