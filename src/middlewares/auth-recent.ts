// What was found out lately: kept for a time, and no more than so much of it.

/** The oldest goes first. */
export class RecentMap<T> {
  readonly #life: number;
  readonly #most: number;
  readonly #entries = new Map<string, { readonly until: number; readonly value: T }>();

  /** @param life ms */
  constructor(life: number, most: number) {
    this.#life = life;
    this.#most = most;
  }

  get(key: string): T | undefined {
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    if (found.until > performance.now()) return found.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** @param life ms, when it is shorter than usual */
  set(key: string, value: T, life = this.#life): void {
    this.#entries.delete(key);
    if (this.#entries.size >= this.#most) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(key, { until: performance.now() + Math.min(life, this.#life), value });
  }

  clear(): void {
    this.#entries.clear();
  }
}

export class RecentSet {
  readonly #map: RecentMap<true>;

  /** @param life ms */
  constructor(life: number, most: number) {
    this.#map = new RecentMap(life, most);
  }

  has(key: string): boolean {
    return this.#map.get(key) === true;
  }

  add(key: string): void {
    this.#map.set(key, true);
  }
}
