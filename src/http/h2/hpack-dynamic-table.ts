// The dynamic table of HPACK (RFC 7541 section 2.3.2), for both sides: newest first, and no larger than was agreed.
// A ring that grows with what it holds, since most connections that are open hold little. Hot: bench/hpack.ts

interface Sized {
  /** As RFC 7541 section 4.1 counts, bytes. */
  readonly size: number;
}

/** Places of the first ring: what a client of few fields needs. */
const firstPlaces = 16;

export class DynamicTable<Entry extends Sized> {
  #ring: (Entry | undefined)[] = [];
  /** Places of the ring, a power of two, less one. */
  #mask = 0;
  #bytes = 0;
  #maxBytes: number;
  /** Entries that it holds. */
  count = 0;
  /** Entries that were ever added: the next one's number. Its index is `added` less that number, from 1 on. */
  added = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** @param index 1 = added last */
  at(index: number): Entry | undefined {
    if (index > this.count) return undefined;
    return this.#ring[(this.added - index) & this.#mask];
  }

  /** Whether something would have to leave for it. */
  isFullFor(size: number): boolean {
    return this.#bytes + size > this.#maxBytes;
  }

  oldest(): Entry | undefined {
    return this.at(this.count);
  }

  removeOldest(): Entry | undefined {
    const place = (this.added - this.count) & this.#mask;
    const entry = this.#ring[place];
    if (this.count === 0 || entry === undefined) return undefined;
    this.#ring[place] = undefined;
    this.count--;
    this.#bytes -= entry.size;
    return entry;
  }

  /** What does not fit empties the table, and is not added (RFC 7541 section 4.4). */
  add(entry: Entry): void {
    while (this.#bytes + entry.size > this.#maxBytes) {
      if (this.removeOldest() === undefined) return;
    }
    if (this.count === this.#ring.length) this.#grow();
    this.#ring[this.added++ & this.#mask] = entry;
    this.count++;
    this.#bytes += entry.size;
  }

  /** What is beyond it leaves (RFC 7541 section 4.3); `removed` is told of each. */
  resize(maxBytes: number, removed?: (entry: Entry) => void): void {
    this.#maxBytes = maxBytes;
    while (this.#bytes > maxBytes) {
      const entry = this.removeOldest();
      if (entry === undefined) return;
      removed?.(entry);
    }
  }

  #grow(): void {
    const places = Math.max(firstPlaces, this.#ring.length * 2);
    const ring: (Entry | undefined)[] = Array.from({ length: places });
    for (let index = this.count; index > 0; index--) {
      ring[(this.added - index) & (places - 1)] = this.at(index);
    }
    this.#ring = ring;
    this.#mask = places - 1;
  }
}
