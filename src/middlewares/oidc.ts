// Has people log in at a provider of OpenID Connect: who has no session is sent there, comes back with a code, and gets a
// cookie that nobody but us can read. No session is kept here: any worker, and any node with the same secret, knows it.
// The code flow with PKCE, state and nonce (OpenID Connect Core 1.0 section 3.1, RFC 7636, RFC 9700).

import { createHash, randomBytes } from "node:crypto";
import { oidcLimits as limits } from "../config/oidc-limits.ts";
import type { OidcUse } from "../config/middlewares/uses/oidc.ts";
import { cookieOf, cookiesOf } from "../http/cookies.ts";
import type { Exchange } from "../http/exchange.ts";
import { isRecord, type JsonRecord, textAt } from "../lib/json.ts";
import { removeCredential } from "./auth-credential.ts";
import { IdentityFields, tellUser } from "./auth-identity.ts";
import { RecentMap, RecentSet } from "./auth-recent.ts";
import type { Answer, Middleware, MiddlewareApi, Refusal, Verdict } from "./middleware.ts";
import { OidcProvider } from "./oidc-provider.ts";
import { hostWithoutPort, isSecure, pathOf, uriOf } from "./requested-url.ts";
import { SealedText } from "./sealed-text.ts";
import { claimAt, claimText, holdsRule } from "./token-claims.ts";

/** Who is logged in: what is needed of the claims, and no more. */
interface Session {
  /** ms since 1970 */
  readonly until: number;
  /** The one that it was made for; "" = all below the domain. Who got hold of one is let in nowhere else with it. */
  readonly host: string;
  /** By the names that settings have for them; null = it was looked for, and is not there. */
  readonly claims: JsonRecord;
}

/** A login that was begun in this browser. */
interface Begun {
  readonly at: number;
  readonly nonce: string;
  readonly verifier: string;
  /** Path and query to come back to. */
  readonly to: string;
}

type Fields = readonly (readonly [string, string])[];

export function oidc(use: OidcUse, api: MiddlewareApi): Middleware {
  const login = new OidcLogin(use, api);
  const identity = new IdentityFields(use.headers.map(([name]) => name));
  return {
    onRequest(exchange) {
      identity.dropClaims(exchange.request);
      return login.verdictOn(exchange);
    },
    close: () => login.close(),
  };
}

class OidcLogin {
  readonly #use: OidcUse;
  readonly #api: MiddlewareApi;
  readonly #provider: OidcProvider;
  readonly #sessions: SealedText;
  readonly #logins: SealedText;
  readonly #recent = new RecentMap<Session>(limits.remembered, limits.mostRemembered);
  /** Nonces of logins that came back. */
  readonly #ended = new RecentSet(limits.login, limits.mostEnded);
  /** Names of the claims that are needed. */
  readonly #needs: readonly string[];

  constructor(use: OidcUse, api: MiddlewareApi) {
    this.#use = use;
    this.#api = api;
    this.#provider = new OidcProvider(use, api);
    // A session of one provider, client or domain is none of another.
    const about = JSON.stringify([use.issuer, use.clientId, use.domain]);
    this.#sessions = new SealedText(() => api.secret(), `oidc session ${about}`);
    this.#logins = new SealedText(() => api.secret(), `oidc login ${about}`);
    const names = [
      ...use.require.map(({ claim }) => claim),
      ...use.headers.map(([, name]) => name),
    ];
    this.#needs = [...new Set([use.userClaim, ...names])];
  }

  close(): void {
    this.#provider.close();
  }

  verdictOn(exchange: Exchange): Verdict | Promise<Verdict> {
    const path = pathOf(exchange);
    if (path === this.#use.callback) return this.#comeBack(exchange);
    if (path === this.#use.logout) return this.#leave(exchange);
    const cookies = exchange.request.fields.valuesPassedOn("cookie").join("; ");
    const session = this.#sessionIn(cookies, exchange);
    this.#hideCookies(exchange, cookies);
    if (session === undefined) return this.#begin(exchange, cookies);
    const { require, userClaim } = this.#use;
    const { claims } = session;
    if (!require.every((rule) => holdsRule(claims, rule))) return { failure: "FORBIDDEN" };
    for (const [name, claim] of this.#use.headers) {
      const value = claimText(claims, claim);
      if (value !== undefined && value !== "") exchange.request.fields.add(name, value);
    }
    const user = claimAt(claims, userClaim);
    tellUser(exchange, "", typeof user === "string" ? user : "");
    return undefined;
  }

  // --- the session ---------------------------------------------------------------------------------

  #cookieName(isTls: boolean): string {
    const { cookie, domain } = this.#use;
    // Only this host can have set one that is called so (RFC 6265bis section 4.1.3).
    return isTls && domain === "" ? `__Host-${cookie}` : cookie;
  }

  /** One that was made for other claims is none: the login is made again, mostly unseen. */
  #sessionIn(cookies: string, exchange: Exchange): Session | undefined {
    const found = this.#anySessionIn(cookies, isSecure(exchange), this.#hostOf(exchange));
    const isWhole =
      found !== undefined && this.#needs.every((each) => Object.hasOwn(found.claims, each));
    return isWhole ? found : undefined;
  }

  /** Not the first cookie of its name alone: whoever may set one for a path or a domain could keep people out for ever. */
  #anySessionIn(cookies: string, isTls: boolean, host: string): Session | undefined {
    for (const sealed of cookiesOf(cookies, this.#cookieName(isTls)).slice(0, mostSameNamed)) {
      if (sealed.length > limits.cookieBytes) continue;
      const known = this.#recent.get(sealed) ?? this.#unsealed(sealed);
      if (known?.host === host && known.until > Date.now()) return known;
    }
    return undefined;
  }

  #hostOf(exchange: Exchange): string {
    return this.#use.domain === "" ? hostWithoutPort(exchange).toLowerCase() : "";
  }

  #unsealed(sealed: string): Session | undefined {
    const text = this.#sessions.unseal(sealed);
    const read: unknown = text === undefined ? undefined : JSON.parse(text);
    if (!isRecord(read) || !isRecord(read["claims"])) return undefined;
    const { claims } = read;
    const session = { until: Number(read["until"]), host: textAt(read, "host"), claims };
    this.#recent.set(sealed, session);
    return session;
  }

  /** The backend has no use for them, and could give them away. */
  #hideCookies(exchange: Exchange, cookies: string): void {
    if (!cookies.includes(this.#use.cookie)) return;
    for (const name of this.#ownNames(cookies))
      removeCredential(exchange, { from: "cookie", name });
  }

  #ownNames(cookies: string): string[] {
    const names = cookies.split(";").map((each) => each.split("=", 1)[0]?.trim() ?? "");
    const bare = (name: string) => name.replace(/^__Host-/, "");
    const { cookie } = this.#use;
    return names.filter(
      (name) => bare(name) === cookie || bare(name).startsWith(`${cookie}-login-`),
    );
  }

  #setCookie(
    name: string,
    value: string,
    ms: number,
    isTls: boolean,
    domain = "",
  ): readonly [string, string] {
    const attributes = [
      `${name}=${value}`,
      "Path=/",
      `Max-Age=${Math.floor(ms / 1000)}`,
      "HttpOnly",
      "SameSite=Lax",
      ...(isTls ? ["Secure"] : []),
      ...(domain === "" ? [] : [`Domain=${domain}`]),
    ];
    return ["Set-Cookie", attributes.join("; ")];
  }

  // --- there ---------------------------------------------------------------------------------------

  #loginName(state: string, isTls: boolean): string {
    const { cookie } = this.#use;
    return `${isTls ? "__Host-" : ""}${cookie}-login-${hashOf(state).slice(0, 12)}`;
  }

  #redirectUri(exchange: Exchange): string {
    const { origin, callback } = this.#use;
    const own = `${isSecure(exchange) ? "https" : "http"}://${exchange.request.host}`;
    return `${origin === "" ? own : origin}${callback}`;
  }

  /** A browser does not keep a cookie for others, and would be sent to and fro for ever. */
  #isBelowDomain(exchange: Exchange): boolean {
    const { domain } = this.#use;
    return domain === "" || `.${hostWithoutPort(exchange).toLowerCase()}`.endsWith(`.${domain}`);
  }

  async #begin(exchange: Exchange, cookies: string): Promise<Verdict> {
    // A script cannot follow to another host, and a form's content would be lost on the way.
    if (!isNavigation(exchange)) return { failure: "UNAUTHENTICATED" };
    if (!this.#isBelowDomain(exchange)) {
      this.#api.warn("nobody can log in: the host is not below the domain of the cookie", {
        domain: this.#use.domain,
      });
      return { failure: "LOGIN_FAILED", status: 500 };
    }
    const endpoints = await this.#provider.endpoints();
    if (endpoints === undefined) return { failure: "AUTH_UNAVAILABLE" };
    if (exchange.isDone) return undefined;
    const isTls = isSecure(exchange);
    const state = randomBytes(24).toString("base64url");
    const wanted = uriOf(exchange);
    const begun: Begun = {
      at: Date.now(),
      nonce: randomBytes(24).toString("base64url"),
      verifier: randomBytes(48).toString("base64url"),
      to: wanted.length > limits.returnBytes ? "/" : wanted,
    };
    const { clientId, scopes, parameters } = this.#use;
    const url = new URL(endpoints.authorization);
    const said = {
      ...Object.fromEntries(parameters),
      response_type: "code",
      client_id: clientId,
      redirect_uri: this.#redirectUri(exchange),
      scope: scopes.join(" "),
      ...{ state, nonce: begun.nonce },
      code_challenge: hashOf(begun.verifier),
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(said)) url.searchParams.set(name, value);
    const sealed = this.#logins.seal(JSON.stringify(begun));
    const fields = [
      ["Location", url.href] as const,
      this.#setCookie(this.#loginName(state, isTls), sealed, limits.login, isTls),
      ...this.#forgotten(cookies, isTls),
      ...noStore,
    ];
    return { status: 302, fields, body: "" };
  }

  /** Those that were begun and never ended would fill the head of each request. */
  #forgotten(cookies: string, isTls: boolean): Fields {
    const begun = this.#ownNames(cookies).filter((name) => name.includes("-login-"));
    if (begun.length < limits.mostLogins) return [];
    return begun.map((name) => this.#setCookie(name, "", 0, isTls));
  }

  // --- and back ------------------------------------------------------------------------------------

  async #comeBack(exchange: Exchange): Promise<Verdict> {
    const query = new URLSearchParams(exchange.request.query);
    const isTls = isSecure(exchange);
    const state = query.get("state") ?? "";
    const name = this.#loginName(state, isTls);
    const cookies = exchange.request.fields.valuesPassedOn("cookie").join("; ");
    const begun = this.#begunIn(cookieOf(cookies, name));
    // Its head may be that of the next request once somebody has been waited for.
    const redirectUri = this.#redirectUri(exchange);
    const host = this.#hostOf(exchange);
    const gone = this.#setCookie(name, "", 0, isTls);
    const given = ["state", "code", "error", "iss"].some((each) => query.getAll(each).length > 1);
    if (exchange.method !== "GET" || state === "" || begun === undefined || given) {
      return this.#failed("nobody began this login in this browser", gone);
    }
    const endpoints = await this.#provider.endpoints();
    if (exchange.isDone) return undefined;
    if (endpoints === undefined) return { failure: "AUTH_UNAVAILABLE", fields: [gone] };
    const named = query.get("iss");
    // RFC 9207: another provider's code must not be brought to this one.
    if (named === null ? endpoints.namesItself : named !== endpoints.issuer) {
      return this.#failed("the login is of another provider", gone);
    }
    const code = query.get("code") ?? "";
    if (code === "") {
      const error = (query.get("error") ?? "").replaceAll(/[^\w]/g, "").slice(0, 60);
      return this.#failed(`the provider said ${error === "" ? "nothing" : error}`, gone);
    }
    const { verifier, nonce, to } = begun;
    // Each costs a question to the provider, and its cookie could be sent again and again.
    if (this.#ended.has(nonce)) return this.#failed("the login came back before", gone);
    this.#ended.add(nonce);
    const result = await this.#provider.redeem({ code, verifier, nonce, redirectUri });
    if (result.kind === "away") {
      this.#api.warn("a login could not be ended", { cause: result.why });
      return { failure: "AUTH_UNAVAILABLE", fields: [gone] };
    }
    if (result.kind === "refused") return this.#failed(result.why, gone, 502);
    const before = this.#anySessionIn(cookies, isTls, host);
    const sealed = this.#sealedSession(result.claims, host, before);
    if (sealed === undefined) {
      return this.#failed("the claims that are needed do not fit into a cookie", gone, 502);
    }
    return this.#entered(sealed, to, gone, isTls);
  }

  #begunIn(sealed: string): Begun | undefined {
    const text = sealed === "" ? undefined : this.#logins.unseal(sealed);
    const read: unknown = text === undefined ? undefined : JSON.parse(text);
    if (!isRecord(read)) return undefined;
    const at = Number(read["at"]);
    if (!(at > Date.now() - limits.login)) return undefined;
    return {
      at,
      nonce: textAt(read, "nonce"),
      verifier: textAt(read, "verifier"),
      to: textAt(read, "to"),
    };
  }

  #entered(sealed: string, to: string, gone: readonly [string, string], isTls: boolean): Answer {
    const { session, domain } = this.#use;
    const cookie = this.#setCookie(this.#cookieName(isTls), sealed, session, isTls, domain);
    // It was made by us and came back sealed; "//host" in front of it would be another host all the same.
    const place = `/${to.replace(/^[/\\]+/, "")}`;
    return { status: 303, fields: [["Location", place], cookie, gone, ...noStore], body: "" };
  }

  /**
   * With the claims that routes beside this one need, if there is room: or each of them would begin a login when the other
   * has ended one. undefined = there is not even room for those needed here.
   */
  #sealedSession(
    claims: JsonRecord,
    host: string,
    before: Session | undefined,
  ): string | undefined {
    const until = Date.now() + this.#use.session;
    const others = Object.keys(before?.claims ?? {});
    const most = Math.max(limits.mostClaims, this.#needs.length);
    const all = [...new Set([...this.#needs, ...others])].slice(0, most);
    for (const names of [all, this.#needs]) {
      const kept = names.map((name) => [name, claimAt(claims, name) ?? null] as const);
      const session: Session = { until, host, claims: Object.fromEntries(kept) };
      const sealed = this.#sessions.seal(JSON.stringify(session));
      if (sealed.length <= limits.cookieBytes) return sealed;
    }
    return undefined;
  }

  #failed(why: string, gone: readonly [string, string], status?: number): Refusal {
    this.#api.warn("a login failed", { cause: why });
    const refusal: Refusal = { failure: "LOGIN_FAILED", fields: [gone] };
    return status === undefined ? refusal : { ...refusal, status };
  }

  // --- out -----------------------------------------------------------------------------------------

  async #leave(exchange: Exchange): Promise<Answer> {
    const isTls = isSecure(exchange);
    const { afterLogout, clientId, domain } = this.#use;
    const cookie = this.#setCookie(this.#cookieName(isTls), "", 0, isTls, domain);
    const endpoints = await this.#provider.endpoints();
    const endSession = endpoints?.endSession ?? "";
    let place = afterLogout;
    if (endSession !== "") {
      const url = new URL(endSession);
      url.searchParams.set("client_id", clientId);
      if (afterLogout !== "") url.searchParams.set("post_logout_redirect_uri", afterLogout);
      place = url.href;
    }
    if (place !== "") {
      return { status: 303, fields: [["Location", place], cookie, ...noStore], body: "" };
    }
    const type = ["Content-Type", "text/plain; charset=utf-8"] as const;
    return { status: 200, fields: [type, cookie, ...noStore], body: "You are logged out.\n" };
  }
}

/** Cookies of one name that are looked at: each costs some microseconds. */
const mostSameNamed = 8;

const noStore: Fields = [["Cache-Control", "no-store"]];

/** A person opens a page, and can be sent elsewhere. */
function isNavigation({ method, request }: Exchange): boolean {
  if (method !== "GET" && method !== "HEAD") return false;
  const mode = request.fields.get("sec-fetch-mode");
  if (mode !== undefined) return mode === "navigate";
  return /text\/html/i.test(request.fields.get("accept") ?? "");
}

/** SHA-256 in base64url. */
function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
