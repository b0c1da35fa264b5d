// Middlewares that ask where a client is, as the snapshot holds them.

import type { DocumentWish } from "../../documents.ts";

/** Networks, and documents that hold more of them. */
export interface NetworksUse {
  readonly networks: readonly string[];
  /** `builtIn`: until the document could be had. */
  readonly lists: readonly { readonly document: string; readonly builtIn: readonly string[] }[];
}

export interface IpRulesUse {
  readonly kind: "ipRules";
  /** Nobody else may come; undefined = all may. */
  readonly allow: NetworksUse | undefined;
  /** These may not, whatever `allow` says. */
  readonly deny: NetworksUse | undefined;
  /** For these `deny` does not count. */
  readonly except: NetworksUse | undefined;
  /** Whose address: the client's, or that of the other end of the connection. */
  readonly of: "client" | "peer";
  /** 0 = the connection is closed without an answer. */
  readonly status: 403 | 404 | 0;
  /** What becomes of requests while a list of `deny` could never be had. */
  readonly missing: "allow" | "deny";
  readonly documents: readonly DocumentWish[];
}

/** Places and networks; one of them is enough. */
export interface GeoRule {
  /** ISO 3166-1, two upper-case letters. */
  readonly countries: readonly string[];
  /** AF, AN, AS, EU, NA, OC, SA. */
  readonly continents: readonly string[];
  /** Numbers of autonomous systems. */
  readonly asns: readonly number[];
}

/** What a backend may be told. */
export type GeoFact = "country" | "continent" | "region" | "city" | "asn" | "organization";

export interface GeoipUse {
  readonly kind: "geoip";
  /** Paths of MMDB files; who serves opens them. */
  readonly databases: readonly string[];
  readonly allow: GeoRule | undefined;
  readonly deny: GeoRule | undefined;
  /** They may always come. */
  readonly except: NetworksUse | undefined;
  /** Where the databases know nothing that the rules ask for. */
  readonly unknown: "allow" | "deny";
  readonly of: "client" | "peer";
  /** 0 = the connection is closed without an answer. */
  readonly status: 403 | 404 | 0;
  /** Header for the backend, by what it tells. */
  readonly headers: Readonly<Partial<Record<GeoFact, string>>>;
  readonly documents: readonly DocumentWish[];
}
