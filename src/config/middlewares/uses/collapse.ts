// Requests that wait for another one like them, as the snapshot holds it.

export interface CollapseUse {
  readonly kind: "collapse";
  /** Request fields that make two requests different, in lower case. */
  readonly headers: readonly string[];
  /** How long others wait for the one that asks, ms. */
  readonly lockTimeout: number;
}
