// Middlewares of somebody's own, as the snapshot holds them.

import type { DocumentWish } from "../../documents.ts";

/** It runs beside the worker, and is ended when it does not keep to these. */
export interface OwnThreadBounds {
  /** Of its heap; with buffers twice that. Bytes. */
  readonly memory: number;
  /** Longest time without a pause, ms. */
  readonly busy: number;
}

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
  /** undefined = it runs in the worker itself. */
  readonly thread?: OwnThreadBounds;
  /** Its text; none of code that is there already. */
  readonly documents: readonly DocumentWish[];
}
