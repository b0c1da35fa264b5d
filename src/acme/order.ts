// Orders, authorizations and challenges (RFC 8555 section 7.1), as the authority tells of them: read with
// suspicion, since a token becomes the name of a file, and names decide which certificate serves whom.

import { acmeClientLimits as limits } from "../config/acme-limits.ts";
import { isRecord, listAt, recordAt, textAt } from "../lib/json.ts";
import { certificateName } from "../x509/names.ts";
import { readProblem, type Problem } from "./problem.ts";

const orderStatuses = ["pending", "ready", "processing", "valid", "invalid"] as const;
export type OrderStatus = (typeof orderStatuses)[number];

/** Plain data. */
export interface Order {
  readonly url: string;
  readonly status: OrderStatus;
  /** In the spelling of certificates; wildcards too. */
  readonly names: readonly string[];
  /** Addresses. */
  readonly authorizations: readonly string[];
  readonly finalize: string;
  /** Where the certificate is, once it is `valid`. */
  readonly certificate: string | undefined;
  /** Milliseconds since 1970, when the authority forgets it. */
  readonly expires: number | undefined;
  /** Why it became `invalid`. */
  readonly problem: Problem | undefined;
}

export interface Challenge {
  /** `http-01`, `tls-alpn-01`, `dns-01`, or what we do not know. */
  readonly type: string;
  readonly url: string;
  readonly status: string;
  /** Letters, digits, "-" and "_" alone. */
  readonly token: string;
  readonly problem: Problem | undefined;
}

export interface Authorization {
  readonly url: string;
  /** What is to be shown; of a wildcard, without its `*.`. */
  readonly name: string;
  readonly isWildcard: boolean;
  /** `valid`: nothing is to be shown. `pending`: one of the challenges is. */
  readonly status: string;
  readonly challenges: readonly Challenge[];
}

/** How a text becomes an address that may be asked, and a lie an error. */
export interface Reader {
  url(text: string, what: string): string;
  lie(what: string): Error;
}

export function readOrder(value: unknown, url: string, reader: Reader): Order {
  const said = textAt(value, "status");
  const status = orderStatuses.find((each) => each === said);
  if (status === undefined) throw reader.lie("its order is in no state that there is");
  const names = listAt(value, "identifiers").map((each) => nameIn(each, reader));
  const authorizations = listAt(value, "authorizations");
  if (names.length === 0 || authorizations.length === 0 || authorizations.length > limits.names) {
    throw reader.lie("its order has no names, no authorizations, or too many");
  }
  const certificate = textAt(value, "certificate");
  if (status === "valid" && certificate === "")
    throw reader.lie("its order is done, without a certificate");
  const expires = Date.parse(textAt(value, "expires"));
  return {
    url,
    status,
    names: [...new Set(names)].toSorted(),
    authorizations: authorizations.map((each) => reader.url(String(each), "authorization")),
    finalize: reader.url(textAt(value, "finalize"), "finalize"),
    certificate: certificate === "" ? undefined : reader.url(certificate, "certificate"),
    expires: Number.isNaN(expires) ? undefined : expires,
    problem: problemIn(value),
  };
}

export function readAuthorization(value: unknown, url: string, reader: Reader): Authorization {
  const name = nameIn(recordAt(value, "identifier"), reader);
  const challenges = listAt(value, "challenges").slice(0, limits.challenges);
  return {
    url,
    name: name.replace(/^\*\./, ""),
    isWildcard: name.startsWith("*.") || (isRecord(value) && value["wildcard"] === true),
    status: textAt(value, "status"),
    challenges: challenges.flatMap((each) => {
      const challenge = readChallenge(each, reader);
      return challenge === undefined ? [] : [challenge];
    }),
  };
}

/** Kinds that we do not know may look however they like. */
function readChallenge(value: unknown, reader: Reader): Challenge | undefined {
  const type = textAt(value, "type");
  const token = textAt(value, "token");
  if (!known.has(type)) return undefined;
  const isToken = /^[A-Za-z0-9_-]+$/.test(token) && token.length <= limits.token;
  if (!isToken) throw reader.lie(`the token of its ${type} challenge is none`);
  return {
    type,
    token,
    url: reader.url(textAt(value, "url"), "challenge"),
    status: textAt(value, "status"),
    problem: problemIn(value),
  };
}

const known = new Set(["http-01", "tls-alpn-01", "dns-01"]);

export function identifierOf(text: string): {
  readonly type: "dns" | "ip";
  readonly value: string;
} {
  const name = certificateName(text);
  if (name === undefined)
    throw new TypeError(`${JSON.stringify(text)} is no name for a certificate`);
  return { type: name.kind, value: name.value };
}

function nameIn(identifier: unknown, reader: Reader): string {
  const name = certificateName(textAt(identifier, "value"));
  const isOfItsKind = name !== undefined && name.kind === textAt(identifier, "type");
  if (!isOfItsKind) throw reader.lie("an identifier of its is no name");
  return name.value;
}

function problemIn(value: unknown): Problem | undefined {
  return isRecord(value) && isRecord(value["error"]) ? readProblem(value["error"]) : undefined;
}

/** As it stands in the order. */
export function wantedName({ name, isWildcard }: Authorization): string {
  return isWildcard ? `*.${name}` : name;
}

/** For messages. */
export function list(names: readonly string[]): string {
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return `${names.slice(0, 3).join(", ")}${more}`;
}
