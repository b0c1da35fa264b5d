// Who may write how much. One process, the keeper, looks over the disk and shares out what is free; each writes no more than its
// part, so all together stay within the size, whoever comes and goes. What it counts, in bytes.

/** Between processes. */
export type DiskNews =
  /** Somebody has something to write and no room left. */
  | { readonly kind: "wanted" }
  /** The keeper begins to look. */
  | { readonly kind: "sweeping" }
  /** Each may write so much from then on. */
  | { readonly kind: "room"; readonly bytes: number };

export function newsOf(news: unknown): DiskNews | undefined {
  if (typeof news !== "object" || news === null || !("kind" in news)) return undefined;
  const { kind } = news;
  if (kind === "wanted" || kind === "sweeping") return { kind };
  if (kind !== "room" || !("bytes" in news)) return undefined;
  return typeof news.bytes === "number" ? { kind, bytes: news.bytes } : undefined;
}

export class DiskRoom {
  #left = 0;
  /** Infinity = nobody has said. */
  #share = Infinity;
  /** By shelf, since the keeper began to look last. */
  readonly #written = new Map<string, number>();

  has(bytes: number): boolean {
    return bytes <= this.#left;
  }

  /** It would never fit. */
  isTooMuch(bytes: number): boolean {
    return bytes > this.#share;
  }

  take(shelf: string, bytes: number): void {
    this.#left -= bytes;
    this.#written.set(shelf, this.written(shelf) + bytes);
  }

  written(shelf: string): number {
    return this.#written.get(shelf) ?? 0;
  }

  onSweeping(): void {
    this.#written.clear();
  }

  /** What was written while the keeper looked may have been seen, or not. */
  onRoom(bytes: number): void {
    const meanwhile = [...this.#written.values()].reduce((sum, each) => sum + each, 0);
    this.#share = bytes;
    this.#left = bytes - meanwhile;
  }
}
