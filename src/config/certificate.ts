// A certificate with its key, as it is shown to clients, whoever it came from. Plain data, like all of the snapshot.

import type { Origin } from "./snapshot.ts";

export interface Certificate {
  /** SHA-256 of the first certificate of the chain, hex: two with one id are the same. */
  readonly id: string;
  readonly origin: Origin;
  /** Lower case; `*.example.com` stands for one label. Addresses are without brackets. */
  readonly names: readonly string[];
  /** PEM, the server's own first. */
  readonly chain: string;
  /** PEM, not encrypted. */
  readonly key: string;
  readonly kind: "ec" | "rsa";
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
  /** What the authority says of it now (OCSP, RFC 6960), base64; undefined = nothing is stapled. */
  readonly staple: string | undefined;
}

/** Where authorities ask for a proof in plain HTTP (RFC 8555 section 8.3), before the token. */
export const httpProofPath = "/.well-known/acme-challenge/";

/** The ALPN protocol by which an authority is told from browsers (RFC 8737). */
export const alpnProofProtocol = "acme-tls/1";

/** What proves to an authority that a name leads here. */
export interface Challenges {
  /** Key authorisations by token (RFC 8555 section 8.3). */
  readonly http: Readonly<Record<string, string>>;
  /** Certificates by name (RFC 8737). */
  readonly alpn: Readonly<Record<string, { readonly chain: string; readonly key: string }>>;
}

/** What the primary adds to what is configured: it is in no file, or in one that is watched by itself. */
export interface Credentials {
  /** Of two that are for one name and of one kind, the first that is valid is shown. */
  readonly certificates: readonly Certificate[];
  /** Shown when none fits; undefined = no listener ends TLS. */
  readonly fallback: Certificate | undefined;
  readonly challenges: Challenges;
  /** What session tickets are sealed with, hex; another one every day. "" = no listener ends TLS. */
  readonly ticketSecret: string;
}

export const noCredentials: Credentials = {
  certificates: [],
  fallback: undefined,
  challenges: { http: {}, alpn: {} },
  ticketSecret: "",
};
