// Login by OpenID Connect, as the snapshot holds it.

import type { ClaimRule } from "./auth.ts";

export interface OidcUse {
  readonly kind: "oidc";
  /** As its tokens say it, without a slash at the end unless they have it. */
  readonly issuer: string;
  readonly clientId: string;
  /** "" = a public client. */
  readonly clientSecret: string;
  readonly scopes: readonly string[];
  /** Path that the provider sends browsers back to. */
  readonly callback: string;
  /** Path that ends a session. */
  readonly logout: string;
  /** Where browsers go after that; "" = they are shown a sentence. */
  readonly afterLogout: string;
  /** Scheme, host and port that browsers come to, for the provider; "" = as they ask. */
  readonly origin: string;
  /** Name of the session's cookie. */
  readonly cookie: string;
  /** Domain of it; "" = this host alone. */
  readonly domain: string;
  /** How long a login is believed, ms. */
  readonly session: number;
  readonly require: readonly ClaimRule[];
  /** Fields for the backend, and the claim in each. */
  readonly headers: readonly (readonly [name: string, claim: string])[];
  readonly userClaim: string;
  /** Claims are also asked for at the provider's userinfo. */
  readonly userinfo: boolean;
  /** Further parameters of the request for a login. */
  readonly parameters: readonly (readonly [string, string])[];
  /** Authorities to trust for the provider, PEM; undefined = the system's. */
  readonly ca: string | undefined;
}
