// The configuration of a program that embeds this one: said when it starts, and again whenever it likes.

import type { Catalog } from "../config/snapshot.ts";
import type { Problem } from "../config/problem.ts";
import type { FileProvider } from "../providers/file.ts";
import type { Update } from "../providers/provider.ts";

export class EmbeddedProvider implements FileProvider {
  readonly name = "embedded";
  #next: Update;
  #isNews = true;
  #wake: (() => void) | undefined;

  constructor(catalog: Catalog, warnings: readonly Problem[]) {
    this.#next = { kind: "catalog", catalog, warnings };
  }

  /** From now on; nobody is told before `reload`. */
  take(catalog: Catalog, warnings: readonly Problem[]): void {
    this.#next = { kind: "catalog", catalog, warnings };
  }

  reload(): void {
    this.#isNews = true;
    this.#wake?.();
  }

  async *catalogs(signal: AbortSignal): AsyncIterable<Update> {
    this.#isNews = true;
    while (!signal.aborted) {
      if (this.#isNews) {
        this.#isNews = false;
        const next = this.#next;
        yield next;
        continue;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
    }
  }
}
