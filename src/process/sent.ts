// The form in which a snapshot travels to the workers: publication.ts writes it, assembly.ts reads it.

import type { Certificate, Credentials } from "../config/certificate.ts";
import type { LiveDocument } from "../config/documents.ts";
import type { BackendService, Service } from "../config/service.ts";
import type { ExchangeTimeouts, Origin, Route, Snapshot } from "../config/snapshot.ts";

export interface Publication {
  readonly version: number;
  /** The version it is the difference to; undefined = it is complete. */
  readonly base: number | undefined;
  readonly text: string;
}

/** Stands for a value by its place among the common ones, or is the value itself. */
export type Reference<T> = number | T;

export type SentRoute = Omit<Route, "origin" | "timeouts"> & {
  readonly origin: undefined;
  readonly timeouts: Reference<ExchangeTimeouts>;
};

/** What distinguishes a service from others; the rest is how it treats its backends. */
type OwnKey = "name" | "origin" | "kind" | "backends" | "absent" | "maintenance";

/** Everything else: the same for most services. */
export type BackendSettings = Omit<BackendService, OwnKey>;

interface SentBackends {
  readonly name: string;
  readonly backends: BackendService["backends"];
  readonly absent: BackendService["absent"];
  readonly maintenance: BackendService["maintenance"];
  readonly settings: Reference<BackendSettings>;
}

type SentCompound = Exclude<Service, BackendService>;

export type SentService = SentBackends | SentCompound;

export interface Common {
  readonly timeouts: readonly ExchangeTimeouts[];
  readonly settings: readonly BackendSettings[];
}

/** First and number of routes that are as in the base. */
export type Run = readonly [from: number, count: number];

export type SentCertificate = Omit<Certificate, "origin">;

/** What listeners with TLS show, beside certificates. */
type OtherCredentials = Omit<Credentials, "certificates">;

export interface Sent {
  readonly common: Common;
  readonly rest: Omit<Snapshot, "routes" | "services" | "credentials" | "documents">;
  readonly certificates: readonly (SentCertificate | Run)[];
  /** null = as in the base. */
  readonly credentials: OtherCredentials | null;
  /** By name; null = as in the base. */
  readonly documents: readonly (readonly [name: string, document: LiveDocument | null])[];
  readonly routes: readonly (SentRoute | Run)[];
  /** New and changed ones. */
  readonly services: readonly SentService[];
  /** Names of services the base has and this one has not. */
  readonly removed: readonly string[];
}

/** Where everything was written, as workers know it. */
export const elsewhere: Origin = { provider: "primary", place: "" };
