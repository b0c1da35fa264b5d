// Lets in who has a token signed by somebody who is trusted (RFC 7519), for us, and of now. What it is signed with is
// said by the keys, never by the token alone.

import { createHash } from "node:crypto";
import { tokens as limits } from "../config/auth-limits.ts";
import type { JwtUse } from "../config/middlewares/uses/auth.ts";
import type { Exchange } from "../http/exchange.ts";
import { hasNameTwice } from "../lib/json-names.ts";
import { isRecord, type JsonRecord, textAt } from "../lib/json.ts";
import {
  type Credential,
  credentialIn,
  removeCredential,
  removeOthers,
} from "./auth-credential.ts";
import { IdentityFields, tellUser } from "./auth-identity.ts";
import { RecentMap } from "./auth-recent.ts";
import type { Middleware, MiddlewareApi, Refusal, Verdict } from "./middleware.ts";
import { claimAt, claimText, holdsRule } from "./token-claims.ts";
import { TokenKeys } from "./token-keys.ts";

/** What became of a token: whom it is of and what the backend is told, or why not. */
type Found =
  | { readonly refusal: Refusal }
  | { readonly user: string; readonly fields: readonly (readonly [string, string])[] };

export function jwt(use: JwtUse, api: MiddlewareApi): Middleware {
  const keys = new TokenKeys(use, api);
  const checks = new TokenChecks(use, keys);
  const identity = new IdentityFields(use.headers.map(([name]) => name));
  const nothing = unauthenticated(use.realm);
  const twice = unauthenticated(use.realm, "invalid_request", "there is more than one token");
  const apply = (exchange: Exchange, { place: taken }: Credential, found: Found): Verdict => {
    if ("refusal" in found) return found.refusal;
    // Its head may be that of the next request by now.
    if (exchange.isDone) return undefined;
    if (!use.removeToken) removeOthers(exchange, use.from, taken);
    else for (const place of use.from) removeCredential(exchange, place);
    for (const [name, value] of found.fields) exchange.request.fields.add(name, value);
    tellUser(exchange, "", found.user);
    return undefined;
  };
  return {
    onRequest(exchange) {
      identity.dropClaims(exchange.request);
      const given = credentialIn(exchange, use.from);
      if (given === undefined) return nothing;
      if (given === false) return twice;
      if (!keys.refreshFile()) return { failure: "AUTH_UNAVAILABLE" };
      const known = checks.remembered(given.value);
      if (known !== undefined) return apply(exchange, given, known);
      return checks.check(given.value).then((found) => apply(exchange, given, found));
    },
    close: () => keys.close(),
  };
}

class TokenChecks {
  readonly #use: JwtUse;
  readonly #keys: TokenKeys;
  readonly #recent = new RecentMap<Found>(limits.remembered, limits.mostRemembered);
  /** Of the keys that those were found with. */
  #generation = 0;

  constructor(use: JwtUse, keys: TokenKeys) {
    this.#use = use;
    this.#keys = keys;
  }

  remembered(token: string): Found | undefined {
    if (this.#generation !== this.#keys.generation) {
      this.#recent.clear();
      this.#generation = this.#keys.generation;
    }
    return this.#recent.get(hashOf(token));
  }

  async check(token: string): Promise<Found> {
    const header = headerOf(token);
    if (header === undefined) return this.#invalid("the token is malformed");
    const { algorithms, types } = this.#use;
    const algorithm = textAt(header, "alg");
    const isAllowed = algorithms === undefined || algorithms.includes(algorithm);
    if (!isAllowed || !hasType(header, types)) return this.#invalid("the token is of another kind");
    const { generation } = this.#keys;
    const found = await this.#keys.find(textAt(header, "kid"), algorithm);
    if (found === undefined) return { refusal: { failure: "AUTH_UNAVAILABLE" } };
    // Only who checks tokens pays for what checks them.
    const { jwtVerify, errors } = await import("jose");
    for (const { key } of found) {
      try {
        const { payload } = await jwtVerify(token, key, {
          ...this.#claims(),
          algorithms: [algorithm],
        });
        return this.#take(token, payload, generation);
      } catch (error) {
        if (error instanceof errors.JWSSignatureVerificationFailed) continue;
        return this.#invalid(reasonOf(error, errors));
      }
    }
    return this.#invalid("nobody who is trusted has signed the token");
  }

  #claims() {
    const { issuer, audience, leeway } = this.#use;
    return {
      clockTolerance: leeway / 1000,
      requiredClaims: ["exp"],
      ...(issuer.length === 0 ? {} : { issuer: [...issuer] }),
      ...(audience === undefined ? {} : { audience: [...audience] }),
    };
  }

  #take(token: string, claims: JsonRecord, generation: number): Found {
    if (hasNameTwice(partOf(token, 1))) return this.#invalid("the token says something twice");
    const found = this.#judge(claims);
    const left = Number(claims["exp"]) * 1000 + this.#use.leeway - Date.now();
    if (generation === this.#keys.generation) this.#recent.set(hashOf(token), found, left);
    return found;
  }

  #judge(claims: JsonRecord): Found {
    const { require, headers, userClaim, realm } = this.#use;
    if (!require.every((rule) => holdsRule(claims, rule))) {
      return { refusal: { failure: "FORBIDDEN", fields: challenge(realm, "insufficient_scope") } };
    }
    const user = claimAt(claims, userClaim);
    const fields = headers.flatMap(([name, claim]) => {
      const value = claimText(claims, claim);
      return value === undefined || value === "" ? [] : [[name, value] as const];
    });
    return { user: typeof user === "string" ? user : "", fields };
  }

  #invalid(why: string): Found {
    return { refusal: unauthenticated(this.#use.realm, "invalid_token", why) };
  }
}

/** RFC 6750 section 3. */
function challenge(realm: string, error = "", why = ""): NonNullable<Refusal["fields"]> {
  const said = error === "" ? "" : `, error="${error}"`;
  const reason = why === "" ? "" : `, error_description="${why}"`;
  return [["WWW-Authenticate", `Bearer realm="${realm}"${said}${reason}`]];
}

function unauthenticated(realm: string, error = "", why = ""): Refusal {
  return { failure: "UNAUTHENTICATED", fields: challenge(realm, error, why) };
}

/** undefined = it is no signed token, or one that two readers could read differently. */
function headerOf(token: string): JsonRecord | undefined {
  if (token.length > limits.bytes || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return undefined;
  try {
    const text = partOf(token, 0);
    const header: unknown = JSON.parse(text);
    return isRecord(header) && !hasNameTwice(text) ? header : undefined;
  } catch {
    return undefined;
  }
}

function partOf(token: string, at: number): string {
  return Buffer.from(token.split(".")[at] ?? "", "base64url").toString();
}

/** RFC 8725 section 3.11: a token made for something else says so. */
function hasType(header: JsonRecord, types: readonly string[]): boolean {
  const type = textAt(header, "typ")
    .toLowerCase()
    .replace(/^application\//, "");
  return types.length > 0 ? types.includes(type) : ["", "jwt", "at+jwt"].includes(type);
}

type Errors = (typeof import("jose"))["errors"];

/** Nothing of what the token says goes into it. */
function reasonOf(error: unknown, errors: Errors): string {
  if (error instanceof errors.JWTExpired) return "the token has expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    const known = ["iss", "aud", "nbf", "exp", "iat"].includes(error.claim);
    return known ? `the token is not for here and now: ${error.claim}` : "a claim is wrong";
  }
  return "the token is malformed";
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}
