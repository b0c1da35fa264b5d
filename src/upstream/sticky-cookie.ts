// A cookie of ours that names the backend a client stays with. Its value says nothing to anybody else: it is
// made of the service and the backend's URL with a secret, and only values made of those of this very service
// mean anything. So a client can choose among its backends at most, and learns no address.
//
// The values are the same in every worker and after a restart, as long as the secret is. Where that is replaced,
// by the one that a fleet shares, cookies made with the one before are believed on, and made anew.

import { createHmac } from "node:crypto";
import type { Address } from "../config/snapshot.ts";
import type { Sticky } from "../config/service.ts";
import { cookieOf } from "../http/cookies.ts";

export type CookieSettings = Extract<Sticky, { kind: "cookie" }>;

/** What a client may stay with. */
export interface Stickable {
  /** Stays the same over restarts, and is unique within the service. */
  readonly url: string;
  /** Where there is one, a legacy cookie may name it. */
  readonly address?: Address;
}

// 96 bits: nobody finds two that are equal, and it costs little in every request.
const tokenLength = 16;

export class StickyCookie<B extends Stickable> {
  readonly #settings: CookieSettings;
  readonly #service: string;
  readonly #secret: () => string;
  /** What the tokens were made with. */
  #made = "";
  readonly #attributes: string;
  #tokens = new Map<string, string>();
  #byToken = new Map<string, B>();
  #byAddress = new Map<string, B>();
  /** Those of secrets before. */
  #byAged = new Map<string, B>();
  #backends: readonly B[] = [];

  /** @param secret hexadecimal; those before it behind it, after a space each. Looked at again each time. */
  constructor(settings: CookieSettings, service: string, secret: () => string) {
    this.#settings = settings;
    this.#service = service;
    this.#secret = secret;
    this.#attributes = attributesOf(settings);
  }

  /** Clients may stay with these and no others from now on. */
  update(backends: readonly B[]): void {
    const secret = this.#secret();
    const [own = "", ...aged] = secret.split(" ").map((each) => Buffer.from(each, "hex"));
    const old = secret === this.#made ? this.#tokens : new Map<string, string>();
    this.#made = secret;
    this.#backends = backends;
    this.#byAged = new Map();
    this.#tokens = new Map();
    this.#byToken = new Map();
    this.#byAddress = new Map();
    for (const backend of backends) {
      const token = old.get(backend.url) ?? this.#tokenOf(backend.url, own);
      this.#tokens.set(backend.url, token);
      this.#byToken.set(token, backend);
      for (const each of aged) this.#byAged.set(this.#tokenOf(backend.url, each), backend);
      if (this.#settings.legacy === undefined || backend.address?.kind !== "tcp") continue;
      const { host, port } = backend.address;
      const key = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
      // Two backends may differ in their paths only; the first one is as good as the other.
      if (!this.#byAddress.has(key)) this.#byAddress.set(key, backend);
    }
  }

  /** The backend that the client of this Cookie field stays with; undefined = it has none. */
  find(cookies: string | undefined): B | undefined {
    if (cookies === undefined) return undefined;
    this.#follow();
    const { name, legacy } = this.#settings;
    const token = cookieOf(cookies, name);
    const found = token === "" ? undefined : (this.#byToken.get(token) ?? this.#byAged.get(token));
    if (found !== undefined || legacy === undefined) return found;
    const address = cookieOf(cookies, legacy);
    return address === "" ? undefined : this.#byAddress.get(address.toLowerCase());
  }

  /** It names this backend, and need not be made anew. */
  names(backend: B, cookies: string | undefined): boolean {
    if (this.find(cookies) !== backend) return false;
    return (
      this.#byAged.size === 0 || !this.#byAged.has(cookieOf(cookies ?? "", this.#settings.name))
    );
  }

  /** The secret may be another one than before. */
  #follow(): void {
    if (this.#secret() !== this.#made) this.update(this.#backends);
  }

  /** The field line with its CR LF that makes a client stay; "" for a backend that is not there any more. */
  lineFor(backend: B, isSecure: boolean): string {
    this.#follow();
    const token = this.#tokens.get(backend.url);
    if (token === undefined) return "";
    const { name, secure, sameSite } = this.#settings;
    // Browsers refuse SameSite=None without Secure.
    const isForced = secure === "always" || sameSite === "none";
    const attribute = isForced || (secure === "auto" && isSecure) ? "; Secure" : "";
    return `Set-Cookie: ${name}=${token}${this.#attributes}${attribute}\r\n`;
  }

  #tokenOf(url: string, secret: Buffer | string): string {
    const hash = createHmac("sha256", secret).update(`${this.#service}\n${url}`);
    return hash.digest("base64url").slice(0, tokenLength);
  }
}

const sameSites = { lax: "Lax", strict: "Strict", none: "None" } as const;

function attributesOf({ path, domain, maxAge, httpOnly, sameSite }: CookieSettings): string {
  let text = `; Path=${path}`;
  if (domain !== undefined) text += `; Domain=${domain}`;
  if (maxAge !== undefined) text += `; Max-Age=${maxAge}`;
  if (httpOnly) text += "; HttpOnly";
  return `${text}; SameSite=${sameSites[sameSite]}`;
}
