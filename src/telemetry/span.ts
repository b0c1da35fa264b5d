// One span: a stretch of time in a trace, as it is sent to a collector.

export type Attribute = readonly [name: string, value: string | number | boolean];

export interface Span {
  /** 32 digits. */
  readonly trace: string;
  /** 16 digits. */
  readonly id: string;
  /** 16 digits; "" = the trace begins with it. */
  readonly parent: string;
  /** What a client did of other programs' doing; "" = nothing. */
  readonly state: string;
  readonly name: string;
  readonly kind: "server" | "client" | "internal";
  /** Both as `performance.now()` has it. */
  readonly begin: number;
  readonly end: number;
  readonly attributes: readonly Attribute[];
  /** Why it failed; undefined = it did not. */
  readonly failure: string | undefined;
}
