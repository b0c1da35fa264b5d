// Lets clients in, or keeps them out, by their address. What is no address is never let in: `allow` does not have it, and
// nobody could say that `deny` has not.

import type { IpRulesUse, NetworksUse } from "../config/middlewares/uses/address.ts";
import { embeddedV4 } from "../lib/embedded-address.ts";
import { isAddress } from "../lib/ip.ts";
import { refusedAddress } from "./address-refusal.ts";
import { AddressBook } from "./address-book.ts";
import type { Middleware, MiddlewareApi } from "./middleware.ts";

export function ipRules(use: IpRulesUse, api: MiddlewareApi): Middleware {
  const rules = new Rules(use, api);
  const { of, status } = use;
  return {
    onRequest(exchange) {
      const address = of === "client" ? exchange.clientIp : exchange.origin.peerIp;
      return rules.mayCome(address) ? undefined : refusedAddress(exchange, status);
    },
  };
}

/** Verdicts are remembered until there are so many. */
const mostRemembered = 4096;

/** Whatever is longer is none, or has a zone. */
const longestAddress = 45;

class Rules {
  readonly #allow: AddressBook | undefined;
  readonly #deny: AddressBook | undefined;
  readonly #except: AddressBook | undefined;
  readonly #isStrict: boolean;
  readonly #books: readonly AddressBook[];
  /** Verdicts on IPv6 addresses. */
  readonly #remembered = new Map<string, boolean>();
  #changes = 0;
  readonly #api: MiddlewareApi;

  constructor({ allow, deny, except, missing }: IpRulesUse, api: MiddlewareApi) {
    const bookOf = (said: NetworksUse | undefined) =>
      said === undefined ? undefined : new AddressBook(said, api);
    this.#allow = bookOf(allow);
    this.#deny = bookOf(deny);
    this.#except = bookOf(except);
    this.#books = [this.#allow, this.#deny, this.#except].filter((each) => each !== undefined);
    this.#isStrict = missing === "deny";
    this.#api = api;
  }

  mayCome(address: string): boolean {
    // IPv4 is looked up as fast as it would be remembered.
    if (!address.includes(":")) return this.#decide(address);
    const changes = this.#books.reduce((sum, book) => sum + book.changes, 0);
    if (changes !== this.#changes || this.#remembered.size >= mostRemembered) {
      this.#changes = changes;
      this.#remembered.clear();
    }
    let mayCome = this.#remembered.get(address);
    if (mayCome === undefined) {
      mayCome = this.#decide(address);
      if (address.length <= longestAddress) this.#remembered.set(address, mayCome);
    }
    return mayCome;
  }

  #decide(address: string): boolean {
    if (!isAddress(address)) return false;
    if (this.#allow !== undefined && !this.#allow.has(address)) return false;
    const deny = this.#deny;
    if (deny === undefined || this.#except?.has(address) === true) return true;
    if (deny.has(address)) return false;
    const inside = embeddedV4(address);
    if (inside !== undefined && deny.has(inside)) return false;
    if (!deny.isMissing) return true;
    this.#api.warn("a list of those who may not come could never be had", {
      until: this.#isStrict ? "nobody may come" : "it keeps nobody out",
    });
    return !this.#isStrict;
  }
}
