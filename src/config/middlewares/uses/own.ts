// Middlewares of somebody's own, as the snapshot holds them.

import type { DocumentWish } from "../../documents.ts";

export interface OwnUse {
  readonly kind: "own";
  /** Its file, absolute; or `inline:N`, code of the program that embeds this one. */
  readonly path: string;
  /** As they are written: the module reads them itself. */
  readonly settings: unknown;
  /** When it throws, or takes too long, or is switched off: the request is refused, or goes on as if it were not there. */
  readonly onFailure: "refuse" | "pass";
  /** So many failures within a minute switch it off for one; 0 = never. */
  readonly failures: number;
  /** Longest wait for its answer, ms. */
  readonly timeout: number;
  /** Its text; none of code that is there already. */
  readonly documents: readonly DocumentWish[];
}
