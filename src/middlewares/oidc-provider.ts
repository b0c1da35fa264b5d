// A provider of OpenID Connect, as we ask it: what it says of itself, the exchange of a code for a token, and what that token
// says (OpenID Connect Core 1.0, sections 3.1.3 and 5.3; RFC 6749; RFC 7636).

import { oidcLimits as limits } from "../config/oidc-limits.ts";
import type { OidcUse } from "../config/middlewares/uses/oidc.ts";
import { isRecord, type JsonRecord, jsonTrouble, textAt } from "../lib/json.ts";
import { webAnswer } from "../lib/web-call.ts";
import type { MiddlewareApi } from "./middleware.ts";
import { TokenKeys } from "./token-keys.ts";

/** What it says of itself (OpenID Connect Discovery 1.0, section 3). */
export interface Endpoints {
  /** As it calls itself, and as its tokens have to. */
  readonly issuer: string;
  readonly authorization: string;
  readonly token: string;
  /** "" = it has none. */
  readonly userinfo: string;
  readonly endSession: string;
  readonly jwks: string;
  readonly authentication: readonly string[];
  /** It says who it is when browsers come back (RFC 9207). */
  readonly namesItself: boolean;
}

/** How a login ended. */
export type LoginResult =
  | { readonly kind: "claims"; readonly claims: JsonRecord }
  /** The provider does not answer, or says what it should not. */
  | { readonly kind: "away"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string };

export interface Code {
  readonly code: string;
  readonly verifier: string;
  readonly nonce: string;
  readonly redirectUri: string;
}

/** Signed with a key that only the provider has: a secret that both have would let us make tokens. */
const algorithms = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];

export class OidcProvider {
  readonly #use: OidcUse;
  readonly #api: MiddlewareApi;
  readonly #ending = new AbortController();
  #endpoints: Endpoints | undefined;
  #keys: TokenKeys | undefined;
  #asking: Promise<void> | undefined;
  #askedAt = -Infinity;
  #redeeming = 0;

  constructor(use: OidcUse, api: MiddlewareApi) {
    this.#use = use;
    this.#api = api;
    void this.#ask();
  }

  /** Perhaps what was said a while ago; undefined = it was never heard of. */
  async endpoints(): Promise<Endpoints | undefined> {
    const age = performance.now() - this.#askedAt;
    if (this.#endpoints === undefined && age > limits.leastBetween) void this.#ask();
    else if (age > limits.refresh) void this.#ask();
    if (this.#endpoints === undefined) await this.#asking;
    return this.#endpoints;
  }

  close(): void {
    this.#ending.abort();
    this.#keys?.close();
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askOnce(): Promise<void> {
    this.#askedAt = performance.now();
    const { issuer } = this.#use;
    try {
      const url = new URL(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
      const said = await this.#json(url, { method: "GET" });
      if (said.status !== 200) throw new Error(`${url.href} is answered with ${said.status}`);
      this.#take(said.body);
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      const cause = error instanceof Error ? error.message : String(error);
      this.#api.warn("the provider of logins does not say where people may log in", {
        issuer,
        cause,
      });
    }
  }

  #take(said: JsonRecord): void {
    const { issuer, ca } = this.#use;
    // Section 4.3: another one would be believed in the name of this one. With a slash at the end it is the same: what it says
    // of itself stands at the same place.
    const own = textAt(said, "issuer");
    if (own.replace(/\/$/, "") !== issuer.replace(/\/$/, "")) {
      throw new Error(`it calls itself ${JSON.stringify(own)}, not ${issuer}`);
    }
    const methods = said["token_endpoint_auth_methods_supported"];
    const next: Endpoints = {
      issuer: own,
      authorization: urlIn(said, "authorization_endpoint", issuer),
      token: urlIn(said, "token_endpoint", issuer),
      userinfo: urlIn(said, "userinfo_endpoint", issuer, true),
      endSession: urlIn(said, "end_session_endpoint", issuer, true),
      jwks: urlIn(said, "jwks_uri", issuer),
      authentication: Array.isArray(methods) ? methods.map(String) : ["client_secret_basic"],
      namesItself: said["authorization_response_iss_parameter_supported"] === true,
    };
    if (next.jwks !== this.#endpoints?.jwks) {
      this.#keys?.close();
      const source = { jwks: next.jwks, keys: [], secret: "", documents: [], ca };
      this.#keys = new TokenKeys({ ...source, refresh: limits.refresh }, this.#api);
    }
    this.#endpoints = next;
  }

  /** Exchanges a code for what the provider knows of whoever brought it. */
  async redeem(code: Code): Promise<LoginResult> {
    const endpoints = await this.endpoints();
    if (endpoints === undefined) return { kind: "away", why: "the provider was never heard of" };
    if (this.#redeeming >= limits.mostRedeeming) {
      return { kind: "away", why: "too many logins wait for the provider" };
    }
    this.#redeeming++;
    try {
      const answer = await this.#tokens(endpoints, code);
      if (answer.status !== 200) {
        // Its words are known ones (RFC 6749 section 5.2); its description may be anything.
        const error = textAt(answer.body, "error").replaceAll(/[^\w]/g, "").slice(0, 60);
        return { kind: "refused", why: `the code was answered with ${answer.status} ${error}` };
      }
      const token = textAt(answer.body, "id_token");
      const checked = await this.#checked(token, code.nonce, endpoints.issuer);
      if (checked.kind !== "claims" || !this.#use.userinfo || endpoints.userinfo === "")
        return checked;
      return await this.#enriched(checked.claims, endpoints, textAt(answer.body, "access_token"));
    } catch (error) {
      return { kind: "away", why: error instanceof Error ? error.message : String(error) };
    } finally {
      this.#redeeming--;
    }
  }

  #tokens({ token, authentication }: Endpoints, { code, verifier, redirectUri }: Code) {
    const { clientId, clientSecret } = this.#use;
    const form = new URLSearchParams({
      grant_type: "authorization_code",
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    });
    const headers: Record<string, string> = {};
    if (clientSecret === "") form.set("client_id", clientId);
    else if (authentication.includes("client_secret_basic")) {
      // RFC 6749 section 2.3.1: each is encoded as in a form first.
      const encoded = (text: string) => new URLSearchParams([["", text]]).toString().slice(1);
      const pair = `${encoded(clientId)}:${encoded(clientSecret)}`;
      headers["Authorization"] = `Basic ${Buffer.from(pair).toString("base64")}`;
    } else {
      form.set("client_id", clientId);
      form.set("client_secret", clientSecret);
    }
    headers["Content-Type"] = "application/x-www-form-urlencoded";
    return this.#json(new URL(token), { method: "POST", headers, body: form.toString() });
  }

  /** OpenID Connect Core 1.0 section 3.1.3.7. */
  async #checked(token: string, nonce: string, issuer: string): Promise<LoginResult> {
    const refused = (why: string): LoginResult => ({ kind: "refused", why });
    if (token === "" || token.length > limits.tokenBytes) return refused("there is no id_token");
    const { jwtVerify, decodeProtectedHeader } = await import("jose");
    const { clientId } = this.#use;
    let why = "nobody who is known has signed the token";
    try {
      const { kid = "", alg = "" } = decodeProtectedHeader(token);
      if (!algorithms.includes(alg))
        return refused("the token is signed in a way that is not believed");
      const keys = await this.#keys?.find(kid, alg);
      if (keys === undefined)
        return { kind: "away", why: "the keys of the provider cannot be had" };
      for (const { key } of keys) {
        try {
          const { payload } = await jwtVerify(token, key, {
            ...{ issuer, audience: clientId, algorithms: [alg] },
            clockTolerance: limits.leeway / 1000,
            requiredClaims: ["exp", "iat", "sub", "nonce"],
          });
          const isForUs =
            !Array.isArray(payload.aud) || payload.aud.length === 1 || payload["azp"] === clientId;
          if (payload["nonce"] !== nonce) why = "the token is of another login";
          else if (isForUs) return { kind: "claims", claims: payload };
          else why = "the token is for somebody else";
        } catch (error) {
          why = error instanceof Error ? error.message : String(error);
        }
      }
    } catch {
      why = "the token is malformed";
    }
    return refused(why);
  }

  /** Section 5.3.2: what it says is of the same person, or nobody. */
  async #enriched(
    claims: JsonRecord,
    { userinfo }: Endpoints,
    token: string,
  ): Promise<LoginResult> {
    const headers = { Authorization: `Bearer ${token}` };
    const more = await this.#json(new URL(userinfo), { method: "GET", headers });
    if (more.status !== 200)
      return { kind: "away", why: `userinfo is answered with ${more.status}` };
    if (more.body["sub"] !== claims["sub"])
      return { kind: "refused", why: "userinfo is of somebody else" };
    return { kind: "claims", claims: { ...more.body, ...claims } };
  }

  async #json(
    url: URL,
    {
      headers = {},
      ...asked
    }: { method: "GET" | "POST"; headers?: Record<string, string>; body?: string },
  ): Promise<{ status: number; body: JsonRecord }> {
    const { ca } = this.#use;
    const who = `the provider at ${url.origin}${url.pathname}`;
    const answer = await webAnswer(
      {
        ...asked,
        url,
        headers: { Accept: "application/json", ...headers },
        tls: ca === undefined ? undefined : { ca, certificate: undefined, key: undefined },
        who,
        place: `oidc of the ${this.#api.owner}`,
        signal: this.#ending.signal,
        timeout: limits.timeout,
      },
      limits.answerBytes,
    );
    const body = parsed(answer.body.toString(), who);
    if (!isRecord(body)) throw new Error(`${who} answers with something else than an object`);
    return { status: answer.status, body };
  }
}

/** @throws an Error without what the text says: that may be somebody's token */
function parsed(text: string, who: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${who} answers with something else than JSON: ${jsonTrouble(error)}`, {
      cause: error,
    });
  }
}

/** What a provider that speaks TLS calls its own is spoken TLS to. */
function urlIn(said: JsonRecord, name: string, issuer: string, mayBeMissing = false): string {
  const written = textAt(said, name);
  if (written === "" && mayBeMissing) return "";
  const url = URL.parse(written);
  const isFine =
    url?.protocol === "https:" || (url?.protocol === "http:" && issuer.startsWith("http:"));
  if (url === null || !isFine) throw new Error(`its ${name} is not a URL that can be used`);
  return url.href;
}
