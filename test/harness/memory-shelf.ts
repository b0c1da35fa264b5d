// A shelf without a disk, for what is kept on one.

import type { Shelf, ShelfKind } from "../../src/acme/shelf.ts";

export class MemoryShelf implements Shelf {
  readonly texts = new Map<string, string>();
  /** What every write fails with; undefined = none does. */
  trouble: Error | undefined;
  /** What was put and removed, in order. */
  readonly written: string[] = [];

  put(kind: ShelfKind, id: string, text: string): Promise<void> {
    if (this.trouble !== undefined) return Promise.reject(this.trouble);
    this.texts.set(`${kind}/${id}`, text);
    this.written.push(`${kind}/${id}`);
    return Promise.resolve();
  }

  remove(kind: ShelfKind, id: string): Promise<void> {
    this.texts.delete(`${kind}/${id}`);
    this.written.push(`-${kind}/${id}`);
    return Promise.resolve();
  }
}
