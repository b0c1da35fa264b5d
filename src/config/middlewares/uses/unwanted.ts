// Middlewares that keep robots and scanners out, as the snapshot holds them.

export interface RobotsUse {
  readonly kind: "robots";
  /** What /robots.txt says; undefined = the backend's is given. */
  readonly text: string | undefined;
  /** Value of X-Robots-Tag; "" = none. */
  readonly tag: string;
  /** In lower case: crawlers with one of these in their name get nothing. */
  readonly refused: readonly string[];
}

/** What is looked for in a text. */
export type Wanted =
  | { readonly is: "exactly" | "begins" | "ends" | "holds"; readonly text: string }
  | { readonly is: "like"; readonly pattern: string; readonly flags: string };

export interface BlocklistUse {
  readonly kind: "blocklist";
  /** In lower case. */
  readonly userAgents: readonly Wanted[];
  /** `holds` is a host and all below it. */
  readonly referers: readonly Wanted[];
  readonly paths: readonly Wanted[];
  readonly scanners: boolean;
  /** Paths that are never refused. */
  readonly except: readonly Wanted[];
  readonly noUserAgent: boolean;
  /** null = the connection is closed without one. */
  readonly status: number | null;
}
