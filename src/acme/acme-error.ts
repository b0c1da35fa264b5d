// What went wrong with a certificate authority, named so that whoever orders knows what to do about it, and
// said so that people do. Nothing secret is in it: not the account's key, not that of an external binding.

import { acmeClientLimits as limits } from "../config/acme-limits.ts";
import type { Problem } from "./problem.ts";

/**
 * - `unreachable`: nobody answers, or not in time, or it is out of order. Later.
 * - `rateLimited`: not before `retryAt`.
 * - `unfinished`: it does not come to an end with these names. Later.
 * - `rejected`: it does not want to certify some of the names (`failures`): a challenge failed, or a policy.
 * - `malformed`: what it says cannot be true, or is no ACME.
 * - `account`: our account, its terms of service, its external binding.
 * - `order`: this order is of no use any more; a new one may be.
 * - `refused`: it refuses what we ask for, for another reason.
 */
export type AcmeErrorKind =
  | "unreachable"
  | "rateLimited"
  | "unfinished"
  | "rejected"
  | "malformed"
  | "account"
  | "order"
  | "refused";

export interface NameFailure {
  /** undefined: it does not say which. */
  readonly name: string | undefined;
  readonly type: string;
  readonly detail: string;
}

export interface AcmeErrorFacts extends ErrorOptions {
  /** Milliseconds since 1970. */
  readonly retryAt?: number | undefined;
  readonly problem?: Problem | undefined;
  readonly failures?: readonly NameFailure[];
  readonly status?: number;
}

export class AcmeError extends Error {
  readonly kind: AcmeErrorKind;
  readonly retryAt: number | undefined;
  readonly failures: readonly NameFailure[];
  /** Of the authority's own words: `rateLimited`, `badCSR`; "" when it used none. */
  readonly type: string;
  readonly status: number;

  constructor(kind: AcmeErrorKind, message: string, facts: AcmeErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = "AcmeError";
    this.kind = kind;
    this.retryAt = facts.retryAt;
    this.failures = facts.failures ?? [];
    this.type = facts.problem?.type ?? "";
    this.status = facts.status ?? 0;
  }
}

export interface Refusal {
  readonly who: string;
  readonly status: number;
  readonly problem: Problem;
  /** What it says about coming back, ms since 1970. */
  readonly retryAt: number | undefined;
  readonly now: number;
}

const ofNames = new Set(
  "rejectedIdentifier unsupportedIdentifier caa connection dns incorrectResponse tls unauthorized".split(
    " ",
  ),
);
const ofAccount = new Set(
  "accountDoesNotExist externalAccountRequired invalidContact unsupportedContact userActionRequired".split(
    " ",
  ),
);

/** For an answer that is a refusal. */
export function refusal({ who, status, problem, retryAt, now }: Refusal): AcmeError {
  const { type, detail } = problem;
  const said = detail === "" ? `it answered ${status}` : `${status} ${detail}`;
  const failures = failuresOf(problem);
  const facts = { problem, status, failures };
  // 503 is what Let's Encrypt answers when there are too many of us at once.
  if (type === "rateLimited" || status === 429 || (status === 503 && retryAt !== undefined)) {
    const at = retryAt ?? now + limits.rateLimited;
    const when = new Date(at).toISOString();
    const message = `${who} wants fewer orders (${said}); it is asked again at ${when}`;
    return new AcmeError("rateLimited", message, { ...facts, retryAt: at });
  }
  if (status >= 500) {
    const message = `${who} is out of order (${said}); it is asked again later`;
    return new AcmeError("unreachable", message, { ...facts, retryAt });
  }
  if (ofAccount.has(type)) {
    return new AcmeError("account", `${who} refuses our account: ${said}${remedy(problem)}`, facts);
  }
  if (ofNames.has(type) && failures.some(({ name }) => name !== undefined)) {
    return new AcmeError("rejected", rejection(who, failures), facts);
  }
  // Without a name it is about who asks.
  if (type === "unauthorized") {
    return new AcmeError("account", `${who} does not accept our account for this: ${said}`, facts);
  }
  const kind = type === "rejectedIdentifier" || type === "caa" ? "rejected" : "refused";
  return new AcmeError(kind, `${who} refuses: ${said}${remedy(problem)}`, facts);
}

/** For names that it did not certify. */
export function rejected(who: string, failures: readonly NameFailure[]): AcmeError {
  return new AcmeError("rejected", rejection(who, failures), { failures });
}

function rejection(who: string, failures: readonly NameFailure[]): string {
  const shown = failures.slice(0, 3).map(({ name, type, detail }) => {
    const what = `${name ?? "a name"}: ${detail || "it does not say why"}`;
    const hint = hints.get(type);
    return hint === undefined ? what : `${what} (${hint})`;
  });
  const more = failures.length > 3 ? `; and ${failures.length - 3} more` : "";
  return `${who} does not certify ${shown.join("; ")}${more}`;
}

/** What to look at, by the types of RFC 8555 section 6.7. */
const hints: ReadonlyMap<string, string> = new Map([
  ["connection", "does the name lead here, and are ports 80 and 443 open to the world?"],
  ["dns", "does the name exist for the world, with A or AAAA records that lead here?"],
  ["unauthorized", "somebody else answered: does the name lead here, AAAA records included?"],
  ["incorrectResponse", "somebody else answered: does the name lead here, AAAA records included?"],
  ["tls", "does port 443 lead here, with nobody between who ends TLS?"],
  ["caa", "the CAA record of the name, or of one above it, names other authorities"],
  ["rejectedIdentifier", "it certifies no such names: a private name, or one on its list?"],
  ["unsupportedIdentifier", "it certifies no such names, perhaps no IP addresses"],
]);

function remedy({ type, instance }: Problem): string {
  switch (type) {
    case "userActionRequired":
      return `; read and do what ${instance ?? "it"} says`;
    case "externalAccountRequired":
      return "; it wants an external account binding: a key id and an HMAC key, which its web pages give";
    case "invalidContact":
    case "unsupportedContact":
      return "; the contact has to be an email address that it can write to";
    case "badRevocationReason":
      return "; it does not take this reason";
  }
  return "";
}

function failuresOf(problem: Problem): NameFailure[] {
  const inner = problem.subproblems.map(({ identifier, type, detail }) => {
    return { name: identifier, type, detail };
  });
  if (inner.length > 0) return inner.slice(0, limits.failures);
  if (problem.identifier === undefined) return [];
  return [{ name: problem.identifier, type: problem.type, detail: problem.detail }];
}
