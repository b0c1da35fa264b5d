// Where traces are sent, as the snapshot holds it.

export interface TracingSettings {
  /** Of the collector, with its path. */
  readonly url: string;
  /** What lets us in there: secret. */
  readonly headers: Readonly<Record<string, string>>;
  /** PEM text of authorities to trust instead of the system's. */
  readonly ca: string | undefined;
  /** Of traces that begin here, the share that is recorded, 0 to 1. */
  readonly sample: number;
  /** Whose trace is gone on with. */
  readonly trust: "proxies" | "everybody" | "nobody";
  /** What the collector calls this program. */
  readonly service: string;
}
