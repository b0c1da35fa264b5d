// One rule of `rewriteBody` at work on one body.

/** What a stage gives its bytes to. */
export type Give = (buffer: Buffer, start: number, end: number) => void;

export interface Stage {
  /** The bytes are only valid during the call. */
  write(buffer: Buffer, start: number, end: number): void;
  /** Nothing more comes: what was kept back goes out. */
  end(): void;
}
