// Counts by key with limits that hold over several processes, without asking anybody on the way: the part of
// one party. `tally-hub.ts` is the part in the middle.
//
// Each party may use a grant of every limit. By default that is an equal share, ceil(limit / parties), which
// needs no message at all. Who uses more than half of its grant tells the hub, and from then on the key is
// followed: the hub takes unused room from some parties and, when they have said that they gave it up, grants
// it to those who need it. So all parties together never pass limit + parties - 1, however late messages
// come; and once they have come, no party turns anyone away while the sum is below the limit. Only while
// parties join, or a limit is being lowered, can there be more for a moment.

export interface TallyEntry {
  readonly key: string;
  readonly count: number;
  readonly limit: number;
  /** Number of the last offer for this key that is in force; 0 = none, the equal share is. */
  readonly offer: number;
}

/** From a party to the hub. Reports of one party must arrive whole and in order. */
export interface TallyReport {
  /** Counts up by one. */
  readonly number: number;
  readonly entries: readonly TallyEntry[];
}

export type TallyOffer =
  /** From now on this party may count to `grant`. To be confirmed by an entry. */
  | {
      readonly kind: "grant";
      readonly key: string;
      readonly limit: number;
      readonly offer: number;
      readonly grant: number;
    }
  /** The equal share is enough again and nobody follows this key, unless told of it after `report`. */
  | { readonly kind: "release"; readonly key: string; readonly report: number };

/** From the hub to a party, whole and in order too. */
export interface TallyNews {
  readonly parties: number;
  readonly offers: readonly TallyOffer[];
}

interface Followed {
  limit: number;
  /** undefined = the equal share. */
  grant: number | undefined;
  offer: number;
  /** Number of the last report that told of the key. */
  report: number;
}

/** Entries of one message, so that thousands of busy keys hold nobody up; the rest goes with the next. */
export const maxTallyEntries = 500;

export class Tally {
  #parties = 1;
  #reports = 0;
  readonly #counts = new Map<string, number>();
  readonly #followed = new Map<string, Followed>();
  readonly #changed = new Set<string>();

  /** How many share the limits, this one included. Alone, nothing is followed or told. */
  get parties(): number {
    return this.#parties;
  }

  /** Others may be short of what is used here: the hub follows the key. */
  isFollowed(key: string): boolean {
    return this.#followed.has(key);
  }

  countOf(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /** Counts one more, unless that would be too many. Limit 0 = no limit. */
  enter(key: string, limit: number): boolean {
    const count = this.#counts.get(key) ?? 0;
    if (limit > 0 && count >= limit) return false;
    if (this.#parties > 1 && !this.#mayEnter(key, count, limit)) return false;
    this.#counts.set(key, count + 1);
    return true;
  }

  leave(key: string): void {
    const count = this.#counts.get(key) ?? 0;
    if (count <= 1) this.#counts.delete(key);
    else this.#counts.set(key, count - 1);
    if (this.#followed.has(key)) this.#changed.add(key);
  }

  #mayEnter(key: string, count: number, limit: number): boolean {
    const followed = this.#followed.get(key);
    if (followed === undefined) {
      if (limit === 0) return true;
      const share = equalShare(limit, this.#parties);
      if (isPressing(count + 1, share)) this.#follow(key, limit);
      return count < share;
    }
    const isRoom = limit === 0 || count < (followed.grant ?? equalShare(limit, this.#parties));
    if (isRoom || followed.limit !== limit) this.#changed.add(key);
    followed.limit = limit;
    return isRoom;
  }

  #follow(key: string, limit: number): void {
    this.#followed.set(key, { limit, grant: undefined, offer: 0, report: 0 });
    this.#changed.add(key);
  }

  /** What the hub must know by now; undefined = nothing. With `max` too small, ask again for the rest. */
  changes(max = maxTallyEntries): TallyReport | undefined {
    if (this.#changed.size === 0) return undefined;
    this.#reports++;
    const entries: TallyEntry[] = [];
    for (const key of this.#firstToTell(max)) {
      this.#changed.delete(key);
      const followed = this.#followed.get(key);
      if (followed === undefined) continue;
      followed.report = this.#reports;
      const { limit, offer } = followed;
      entries.push({ key, count: this.countOf(key), limit, offer });
    }
    return { number: this.#reports, entries };
  }

  /** Those with the least room left come first. */
  #firstToTell(max: number): readonly string[] {
    if (this.#changed.size <= max) return [...this.#changed];
    const roomOf = (key: string) => {
      const followed = this.#followed.get(key);
      if (followed === undefined) return Infinity;
      return (followed.grant ?? equalShare(followed.limit, this.#parties)) - this.countOf(key);
    };
    const byRoom = [...this.#changed].map((key): [string, number] => [key, roomOf(key)]);
    return byRoom
      .toSorted(([, a], [, b]) => a - b)
      .slice(0, max)
      .map(([key]) => key);
  }

  /** Takes over what the hub says. Most of it wants an answer: send `changes()` soon, best at once. */
  learn(news: TallyNews, limitOf: (key: string) => number): void {
    if (news.parties !== this.#parties) this.#takeParties(news.parties, limitOf);
    for (const each of news.offers) {
      if (each.kind === "release") this.#release(each.key, each.report);
      else this.#takeGrant(each.key, each);
    }
  }

  #takeParties(parties: number, limitOf: (key: string) => number): void {
    this.#parties = parties;
    for (const key of this.#followed.keys()) this.#changed.add(key);
    for (const [key, count] of this.#counts) {
      const limit = limitOf(key);
      if (limit === 0 || this.#followed.has(key)) continue;
      if (isPressing(count, equalShare(limit, parties))) this.#follow(key, limit);
    }
  }

  #takeGrant(key: string, { grant, offer, limit }: TallyOffer & { kind: "grant" }): void {
    const followed = this.#followed.get(key);
    if (followed === undefined) this.#followed.set(key, { limit, grant, offer, report: 0 });
    else {
      followed.grant = grant;
      followed.offer = offer;
    }
    this.#changed.add(key);
  }

  #release(key: string, report: number): void {
    const followed = this.#followed.get(key);
    if (followed === undefined) return;
    followed.grant = undefined;
    followed.offer = 0;
    // The hub has yet to read, or has just read, an entry of ours that makes it follow the key again.
    if (followed.report > report) return;
    this.#followed.delete(key);
    this.#changed.delete(key);
    const count = this.countOf(key);
    const { limit } = followed;
    if (limit > 0 && isPressing(count, equalShare(limit, this.#parties))) this.#follow(key, limit);
  }
}

export function equalShare(limit: number, parties: number): number {
  return Math.ceil(limit / parties);
}

/** Whether so many of a share are worth telling. */
function isPressing(count: number, share: number): boolean {
  return count * 2 > share;
}
