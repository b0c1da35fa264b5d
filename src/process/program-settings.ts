// What the command line says about a running program; undefined = what the configuration says.

export interface ProgramSettings {
  /** Configuration file; undefined = the embedded defaults. */
  readonly config: string | undefined;
  /** Whose format the file has; undefined = ours. */
  readonly format?: "hipache";
  /** Port of the embedded defaults. */
  readonly port: number;
  /** Where to write, as JSON, the addresses that were opened: for scripts that let the system choose. */
  readonly portsFile: string | undefined;
  /** Path of the control socket. */
  readonly control: string | undefined;
  readonly workers: number | "auto" | undefined;
  readonly user: string | undefined;
  readonly group: string | undefined;
  readonly pidFile: string | undefined;
}
