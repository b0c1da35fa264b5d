// The contract of a workload: it guards one claim, and gives a table, the raw figures, and a verdict.

export interface Context {
  /** Length of one measured run. */
  readonly seconds: number;
  /** Measured runs of ours and of nginx; the others get at most three. */
  readonly rounds: number;
  /** Names of the proxies to compare; empty = all. */
  readonly only: readonly string[];
  /** Tells the person who waits what happens. */
  say(line: string): void;
}

export interface Result {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Claims with what was measured, and what was skipped. */
  readonly notes: readonly string[];
  /** What went wrong; anything here makes the bench exit with 1. */
  readonly failures: readonly string[];
  /** Everything measured, for the JSON file. */
  readonly data: unknown;
}

export interface Workload {
  readonly name: string;
  /** One sentence; printed above the table. */
  readonly claim: string;
  /** Hard bound of the whole workload. */
  limitMs(context: Context): number;
  run(context: Context): Promise<Result>;
}
