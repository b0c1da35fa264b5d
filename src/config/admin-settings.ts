// Where the admin API listens and for whom, as the primary needs it.

export interface AdminSettings {
  readonly host: string;
  /** 0 = any that is free. */
  readonly port: number;
  /** Whether the configuration has the key at all: what is there by itself may be switched off from outside. */
  readonly isSaid: boolean;
  /** PEM texts; undefined = plain. */
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
  /** Names that a Host field may have besides addresses and localhost; lower case. */
  readonly hosts: readonly string[];
  /** Origins whose pages may use it. */
  readonly cors: readonly string[];
}
