// How TLS is spoken with clients, as the snapshot holds it.

import type { AcmeSettings } from "./acme-settings.ts";

/**
 * Versions, suites and curves: `modern` is TLS 1.3 alone, `intermediate` is what every browser of the last ten years
 * speaks, `old` reaches back to TLS 1.0.
 */
export type TlsProfile = "modern" | "intermediate" | "old";

export const tlsProfiles: readonly TlsProfile[] = ["modern", "intermediate", "old"];

/** Certificates that clients show. */
export interface ClientAuth {
  /** `require`: who has none is refused; `request`: backends are told. One that is no good is refused either way. */
  readonly mode: "require" | "request";
  /** PEM: authorities that may have signed them. */
  readonly authorities: string;
  /** PEM, one list each: what these have revoked; undefined = nobody says. */
  readonly revoked: readonly string[] | undefined;
}

export interface TlsOptions {
  readonly profile: TlsProfile;
  /** Who asks for a name that no certificate is for is refused, instead of being shown the default one. */
  readonly strict: boolean;
  readonly clientAuth: ClientAuth | undefined;
}

export interface TlsHost {
  /** `example.com`, or `*.example.com` for every name below. */
  readonly name: string;
  /** The rest is as it is around it: see `HostOptions`. */
  readonly said: Partial<TlsOptions>;
}

/** Where certificates lie; each is watched. */
export type CertificatePlace =
  /** Every `.pem`, `.crt` and `.cer` in it, each with its key in it or beside it. */
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "files"; readonly cert: string; readonly key: string };

export interface TlsSettings {
  /** Stays in the primary. */
  readonly places: readonly CertificatePlace[];
  /** Whose certificate is shown when none fits; undefined = one that nobody signed. */
  readonly defaultName: string | undefined;
  /** What holds where nothing else is said. */
  readonly options: TlsOptions;
  readonly hosts: readonly TlsHost[];
  /** Names for which certificates are made on demand, `*` = any: whoever serves tells when one is asked for. */
  readonly demanded: readonly string[];
  /** Stays in the primary. */
  readonly acme: AcmeSettings | undefined;
}
