// Middlewares that give requests names, as the snapshot holds them.

export interface RequestIdUse {
  readonly kind: "requestId";
  /** Name of the field, as it is written. */
  readonly header: string;
  /** What trusted proxies sent is passed on. */
  readonly trust: boolean;
}

export interface TraceparentUse {
  readonly kind: "traceparent";
  /** Whose trace is gone on with. */
  readonly trust: "proxies" | "everybody" | "nobody";
  /** Of traces that begin here, the share that is recorded, 0 to 1. */
  readonly sample: number;
}
