// Middlewares that look at who asks, as the snapshot holds them.

import type { DocumentWish } from "../../documents.ts";

/** An entry of a list of users as `readEntry` reads it: what it is found by, and what is found. */
export type UserHash = readonly [key: string, value: string];

export interface BasicAuthUse {
  readonly kind: "basicAuth";
  readonly users: readonly UserHash[];
  /** The file with more of them, if there is one. */
  readonly documents: readonly DocumentWish[];
  readonly realm: string;
  /** Tells the backend the user's name; "" = nothing does. */
  readonly header: string;
  /** The backend does not see the password. */
  readonly removeHeader: boolean;
}

export interface DigestAuthUse {
  readonly kind: "digestAuth";
  readonly users: readonly UserHash[];
  /** The file with more of them, if there is one. */
  readonly documents: readonly DocumentWish[];
  readonly realm: string;
  readonly header: string;
  readonly removeHeader: boolean;
}

/** Where a key or a token is looked for. */
export interface CredentialPlace {
  /** `bearer` is the Authorization field with that scheme. */
  readonly from: "bearer" | "header" | "query" | "cookie";
  /** Of a header in lower case; "" for bearer. */
  readonly name: string;
}

export interface ApiKeyUse {
  readonly kind: "apiKey";
  readonly keys: readonly UserHash[];
  /** The file with more of them, if there is one. */
  readonly documents: readonly DocumentWish[];
  readonly from: readonly CredentialPlace[];
  readonly header: string;
  /** The backend sees the key. */
  readonly forwardKey: boolean;
}

export interface ForwardAuthUse {
  readonly kind: "forwardAuth";
  readonly address: string;
  /** ms */
  readonly timeout: number;
  /** Lower-case names of fields of the request that are passed on; undefined = all. */
  readonly requestHeaders: readonly string[] | undefined;
  /** Fields of its answer that the backend gets. */
  readonly responseHeaders: readonly string[];
  /** The same by a pattern for lower-case names; "" = none. */
  readonly responseHeadersPattern: string;
  /** Cookies of a friendly answer that the client gets: all, or those of these names. */
  readonly cookies: boolean | readonly string[];
  /** Which of those fields names the user, for the log; "" = none. */
  readonly userHeader: string;
  /** What a client says in X-Forwarded fields is passed on, whoever it is. */
  readonly trustForwardHeader: boolean;
  readonly preserveMethod: boolean;
  /** A Location without a host is passed on as it is, not made one of the server that was asked. */
  readonly preserveLocation: boolean;
  /** Of an answer, bytes. */
  readonly maxBody: number;
  /** Authorities to trust, PEM; undefined = the system's. */
  readonly ca: string | undefined;
}

/** A claim by its name, or by the way to it: `realm_access.roles`. */
export interface ClaimRule {
  readonly claim: string;
  /** It has to be one of them, or a list with one of them. */
  readonly values: readonly string[];
}

export interface JwtUse {
  readonly kind: "jwt";
  /** Address of a set of keys; "" = there is none. */
  readonly jwks: string;
  /** Public keys: sets as JSON, or PEM. */
  readonly keys: readonly string[];
  /** The file with more of them, if there is one. */
  readonly documents: readonly DocumentWish[];
  /** For HS256 and the like; "" = there is none. */
  readonly secret: string;
  /** undefined = all that the keys are good for. */
  readonly algorithms: readonly string[] | undefined;
  readonly issuer: readonly string[];
  /** undefined = whoever it is for. */
  readonly audience: readonly string[] | undefined;
  readonly types: readonly string[];
  /** ms */
  readonly leeway: number;
  readonly from: readonly CredentialPlace[];
  readonly require: readonly ClaimRule[];
  /** Fields for the backend, and the claim in each. */
  readonly headers: readonly (readonly [name: string, claim: string])[];
  /** Names the user, for the log. */
  readonly userClaim: string;
  readonly removeToken: boolean;
  readonly realm: string;
  /** Authorities to trust for the set of keys, PEM; undefined = the system's. */
  readonly ca: string | undefined;
  /** Between two looks at it, ms. */
  readonly refresh: number;
}

export type AuthUse = BasicAuthUse | DigestAuthUse | ApiKeyUse | ForwardAuthUse | JwtUse;
