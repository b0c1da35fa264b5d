// What is shown of what is counted, and where, as the primary needs it.

export interface MetricsSettings {
  /** Where metrics are served to everybody who can connect; undefined = only by the admin API. Port 0 = any. */
  readonly address: { readonly host: string; readonly port: number } | undefined;
  /** Rows of each kind that have names of their own. */
  readonly maxSeries: number;
}
