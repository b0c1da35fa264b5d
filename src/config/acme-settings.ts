// How certificates are had by themselves, as the primary holds it. The key of an external account is in it: workers, the API and
// dumps get none of this.

/** Ways to prove that a name leads here (RFC 8555 section 8, RFC 8737). */
export const challengeTypes = ["http-01", "tls-alpn-01", "dns-01"] as const;

export type ChallengeType = (typeof challengeTypes)[number];

/** What a route may ask for: a certificate of a public authority, or of one that only we know. */
export const routeTlsKinds = ["auto", "internal"] as const;

export type RouteTls = (typeof routeTlsKinds)[number];

export interface AuthoritySettings {
  /** Address of its directory; two with the same one are the same. */
  readonly directory: string;
  /** What it is called in messages: `Let's Encrypt`. */
  readonly who: string;
  /** Where it is written, for messages. */
  readonly place: string;
  /** PEM: who may have signed the certificate of its web server; undefined = whoever the system trusts. */
  readonly ca: string | undefined;
  /** Its customer; undefined = it takes everybody. */
  readonly binding: { readonly keyId: string; readonly hmacKey: string } | undefined;
  /** Of its profiles of certificates; undefined = its usual one. */
  readonly profile: string | undefined;
  /** Common name of the root that chains should lead to. */
  readonly preferredChain: string | undefined;
}

/** Who changes the DNS for us. */
export interface DnsSettings {
  readonly provider: DnsProviderSettings;
  /** `address:port` of those who must show a record before the authority is told; empty = the zone's own. */
  readonly resolvers: readonly string[];
  /** The longest wait until they show it, ms. */
  readonly wait: number;
}

export type DnsProviderSettings = HookSettings | UpdateSettings | DnsApiSettings;

/** A program is called with `set NAME VALUE` and `remove NAME VALUE`. */
export interface HookSettings {
  readonly kind: "hook";
  /** With its arguments. */
  readonly command: readonly string[];
}

/** Those of RFC 8945 section 6 that are not weak. */
export const tsigAlgorithms = ["hmac-sha256", "hmac-sha384", "hmac-sha512"] as const;

export interface TsigKey {
  readonly name: string;
  readonly algorithm: (typeof tsigAlgorithms)[number];
  /** Base64. */
  readonly secret: string;
}

/** A name server that takes changes (RFC 2136). */
export interface UpdateSettings {
  readonly kind: "rfc2136";
  readonly host: string;
  readonly port: number;
  readonly key: TsigKey;
  /** undefined = it is asked. */
  readonly zone: string | undefined;
  /** Where it is written, for messages. */
  readonly place: string;
}

export const dnsApiKinds = ["powerdns", "cloudflare", "hetzner", "digitalocean"] as const;

/** A service that takes changes by an API of its own. */
export interface DnsApiSettings {
  readonly kind: (typeof dnsApiKinds)[number];
  /** Without a slash at its end. */
  readonly url: string;
  readonly token: string;
  /** PEM: who may have signed its certificate; undefined = whoever the system trusts. */
  readonly ca: string | undefined;
  /** Where it is written, for messages. */
  readonly place: string;
}

/** Names that no route names get a certificate when a client asks for them. */
export interface OnDemandSettings {
  /** `example.com`, or `*.example.com` for every name below; empty = any. */
  readonly hosts: readonly string[];
  /** Asked with `?domain=NAME`; 200 = it may. undefined = the hosts say it all. */
  readonly ask: string | undefined;
}

export interface AcmeSettings {
  /** The file says something of it: then labels and sources may ask for certificates, too. */
  readonly isSaid: boolean;
  /** `mailto:` addresses. */
  readonly contact: readonly string[];
  /** In the order in which they are tried. At least one. */
  readonly authorities: readonly AuthoritySettings[];
  /** In the order in which they are tried. */
  readonly challenges: readonly ChallengeType[];
  readonly dns: DnsSettings | undefined;
  readonly keyType: "ec" | "rsa";
  readonly onDemand: OnDemandSettings | undefined;
}
