// Lets clients in, or keeps them out, by the place that databases have for their address, and tells backends where they are. What
// clients say of that themselves never gets there.

import type { GeoFact, GeoipUse, GeoRule } from "../config/middlewares/uses/address.ts";
import { geoLimits as limits } from "../config/geo-limits.ts";
import type { Exchange } from "../http/exchange.ts";
import { embeddedV4 } from "../lib/embedded-address.ts";
import { isAddress, plainAddress } from "../lib/ip.ts";
import { AddressBook } from "./address-book.ts";
import { refusedAddress } from "./address-refusal.ts";
import { GeoDatabase, type OnTrouble } from "./geo-database.ts";
import { allFacts, type GeoFacts, nowhere } from "./geo-facts.ts";
import type { Middleware, MiddlewareApi, Verdict } from "./middleware.ts";

export function geoip(use: GeoipUse, api: MiddlewareApi): Middleware {
  const atlas = new Atlas(use.databases, api);
  const border = new Border(use, api);
  const headers = allFacts.flatMap((fact) => {
    const name = use.headers[fact];
    return name === undefined ? [] : [new GeoHeader(fact, name)];
  });
  const decide = (exchange: Exchange): Verdict => {
    const address = plainAddress(use.of === "client" ? exchange.clientIp : exchange.origin.peerIp);
    const facts = isAddress(address) ? atlas.factsOf(address) : nowhere;
    if (!border.isOpenTo(address, facts, atlas)) return refusedAddress(exchange, use.status);
    for (const header of headers) header.put(exchange, facts);
    return undefined;
  };
  return {
    onRequest(exchange) {
      const { loading } = atlas;
      if (loading === undefined) return decide(exchange);
      // Its head may be that of the next request by then.
      return loading.then(() => (exchange.isDone ? undefined : decide(exchange)));
    },
    close: () => atlas.close(),
  };
}

/** All databases together: what the first does not say the next one may. */
class Atlas {
  readonly #databases: readonly (readonly [GeoDatabase, OnTrouble])[];

  constructor(paths: readonly string[], api: MiddlewareApi) {
    this.#databases = paths.map((path) => {
      const onTrouble = (why: string) =>
        api.warn("a database of places cannot be used", { path, why });
      return [GeoDatabase.of(path, onTrouble), onTrouble] as const;
    });
  }

  /** undefined = all are there, or cannot be had. */
  get loading(): Promise<unknown> | undefined {
    const waits = this.#databases.flatMap(([database]) => database.loading ?? []);
    return waits.length === 0 ? undefined : Promise.all(waits);
  }

  factsOf(address: string): GeoFacts {
    let facts: GeoFacts | undefined;
    for (const [database] of this.#databases) {
      const more = database.factsOf(address);
      facts = facts === undefined ? more : { ...more, ...facts };
    }
    return facts ?? nowhere;
  }

  close(): void {
    for (const [database, onTrouble] of this.#databases) database.release(onTrouble);
  }
}

class Border {
  readonly #allow: Region | undefined;
  readonly #deny: Region | undefined;
  readonly #except: AddressBook | undefined;
  readonly #isUnknownWelcome: boolean;

  constructor({ allow, deny, except, unknown }: GeoipUse, api: MiddlewareApi) {
    this.#allow = allow === undefined ? undefined : new Region(allow);
    this.#deny = deny === undefined ? undefined : new Region(deny);
    this.#except = except === undefined ? undefined : new AddressBook(except, api);
    this.#isUnknownWelcome = unknown === "allow";
  }

  isOpenTo(address: string, facts: GeoFacts, atlas: Atlas): boolean {
    const [allow, deny] = [this.#allow, this.#deny];
    if (allow === undefined && deny === undefined) return true;
    if (!isAddress(address)) return false;
    if (this.#except?.has(address) === true) return true;
    if (deny !== undefined) {
      if (deny.has(facts)) return false;
      const inside = embeddedV4(address);
      if (inside !== undefined && deny.has(atlas.factsOf(inside))) return false;
    }
    if (allow?.has(facts) === true) return true;
    const isKnown = (allow ?? deny)?.knows(facts) === true;
    return isKnown ? allow === undefined : this.#isUnknownWelcome;
  }
}

class Region {
  readonly #countries: ReadonlySet<string>;
  readonly #continents: ReadonlySet<string>;
  readonly #asns: ReadonlySet<string>;

  constructor({ countries, continents, asns }: GeoRule) {
    this.#countries = new Set(countries);
    this.#continents = new Set(continents);
    this.#asns = new Set(asns.map(String));
  }

  has({ country, continent, asn }: GeoFacts): boolean {
    if (country !== undefined && this.#countries.has(country)) return true;
    if (continent !== undefined && this.#continents.has(continent)) return true;
    return asn !== undefined && this.#asns.has(asn);
  }

  /** Whether it could have been among them: something that was asked for is known. */
  knows({ country, continent, asn }: GeoFacts): boolean {
    if (country !== undefined && this.#countries.size > 0) return true;
    if (continent !== undefined && this.#continents.size > 0) return true;
    return asn !== undefined && this.#asns.size > 0;
  }
}

class GeoHeader {
  readonly #fact: GeoFact;
  readonly #name: string;
  readonly #isForged: (name: string) => boolean;

  constructor(fact: GeoFact, name: string) {
    this.#fact = fact;
    this.#name = name;
    const plain = name.toLowerCase().replaceAll("_", "-");
    // Some backends do not tell - and _ apart.
    this.#isForged = (each) => each.replaceAll("_", "-") === plain;
  }

  put({ request: { fields } }: Exchange, facts: GeoFacts): void {
    fields.dropWhere(this.#isForged);
    const value = facts[this.#fact];
    if (value !== undefined) fields.add(this.#name, inAscii(value));
  }
}

/** A city may be called anything, and a field holds no line break. */
function inAscii(text: string): string {
  const whole = text.toWellFormed().slice(0, limits.name).toWellFormed();
  return whole.replaceAll(/[^\x20-\x7e]|%/gu, (each) => encodeURIComponent(each));
}
