// Middlewares that change bodies or bound them, as the snapshot holds them.

export type Coding = "zstd" | "br" | "gzip";

export interface CompressUse {
  readonly kind: "compress";
  /** The first is taken where a client likes several equally. */
  readonly encodings: readonly { readonly name: Coding; readonly level: number }[];
  /** Shorter bodies stay as they are, bytes. */
  readonly minSize: number;
  /** `text/html`, `text/*` or `*+json`; in lower case. */
  readonly types: readonly string[];
}

export interface DecompressUse {
  readonly kind: "decompress";
  /** What clients send is unpacked for the backend. */
  readonly requests: boolean;
  /** What backends send is unpacked for clients that do not take it. */
  readonly answers: boolean;
  /** Longest unpacked request, bytes; 0 = the route's own limit is enough. */
  readonly maxSize: number;
}

export interface RewriteBodyUse {
  readonly kind: "rewriteBody";
  readonly rules: readonly RewriteRule[];
  readonly types: readonly string[];
}

export interface RewriteRule {
  /** A text or the source of a regular expression, which stands for bytes. */
  readonly search: string;
  readonly isPattern: boolean;
  readonly flags: string;
  /** With {host} and the like; in that of an expression $1 and $<name>. */
  readonly replace: string;
  /** So many of one body; 0 = all. */
  readonly most: number;
  /** Longest match of an expression, bytes. */
  readonly longest: number;
}

export interface BodyLimitUse {
  readonly kind: "bodyLimit";
  /** Bytes; 0 = no limit. */
  readonly request: number;
  /** Bytes; 0 = no limit. */
  readonly answer: number;
}

export type BodyUse = CompressUse | DecompressUse | RewriteBodyUse | BodyLimitUse;
