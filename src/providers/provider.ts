// The contract of a provider: a source of configuration. It always tells the whole picture, never a
// difference, so that losing one update, or starting again, loses nothing.

import type { Problem } from "../config/problem.ts";
import type { Catalog } from "../config/snapshot.ts";

export type Update =
  | {
      readonly kind: "catalog";
      readonly catalog: Catalog;
      readonly warnings: readonly Problem[];
    }
  /** What is there now cannot be used; the last catalog stays valid. */
  | { readonly kind: "problems"; readonly problems: readonly Problem[] };

export interface Provider {
  readonly name: string;
  /** Ends when the signal is aborted. */
  catalogs(signal: AbortSignal): AsyncIterable<Update>;
}
