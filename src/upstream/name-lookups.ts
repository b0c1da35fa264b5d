// IPv6 addresses of host names, asked of DNS and kept for as long as it says. Any client can make us ask, by
// the host it requests, so all of it is bounded: names, questions at once, and the time for one.

import { Resolver } from "node:dns/promises";

import { nameLookups as limits } from "../config/limits.ts";

/** `failed`: nobody could be asked, which says nothing about the name. */
export type NameAnswer =
  | { readonly kind: "known"; readonly addresses: readonly string[] }
  | { readonly kind: "failed"; readonly why: string };

interface Kept {
  readonly answer: NameAnswer;
  /** `performance.now()`. */
  readonly until: number;
}

export class NameLookups {
  readonly #servers: readonly string[];
  /** The one that was asked for longest ago comes first. */
  readonly #kept = new Map<string, Kept>();
  readonly #asking = new Map<string, Promise<NameAnswer>>();

  /** @param servers `IP:PORT` of name servers; none = the system's */
  constructor(servers: readonly string[] = []) {
    this.#servers = servers;
  }

  /** undefined = it has to be asked for. */
  known(name: string): NameAnswer | undefined {
    const kept = this.#kept.get(name);
    return kept !== undefined && performance.now() < kept.until ? kept.answer : undefined;
  }

  /** Never rejects. */
  ask(name: string): Promise<NameAnswer> {
    const asking = this.#asking.get(name);
    if (asking !== undefined) return asking;
    if (this.#asking.size >= limits.atOnce) {
      const why = `${limits.atOnce} other names are being asked for`;
      return Promise.resolve({ kind: "failed", why });
    }
    const asked = this.#ask(name).finally(() => this.#asking.delete(name));
    this.#asking.set(name, asked);
    return asked;
  }

  async #ask(name: string): Promise<NameAnswer> {
    // A new one each time: it reads anew which servers the system has.
    const resolver = new Resolver({ timeout: limits.firstTry, tries: 2 });
    const late = setTimeout(() => resolver.cancel(), limits.timeout);
    try {
      if (this.#servers.length > 0) resolver.setServers(this.#servers);
      const records = await resolver.resolve6(name, { ttl: true });
      const ttl = Math.min(...records.map((each) => each.ttl)) * 1000;
      const addresses = records.map(({ address }) => address);
      const lasting = Math.min(Math.max(ttl, limits.leastTtl), limits.longestTtl);
      return this.#keep(name, { kind: "known", addresses }, lasting);
    } catch (error) {
      if (unknown.has(codeOf(error))) {
        return this.#keep(name, { kind: "known", addresses: [] }, limits.unknownFor);
      }
      const why = error instanceof Error ? error.message : String(error);
      return this.#keep(name, { kind: "failed", why }, limits.failedFor);
    } finally {
      clearTimeout(late);
    }
  }

  #keep(name: string, answer: NameAnswer, ms: number): NameAnswer {
    this.#kept.delete(name);
    this.#kept.set(name, { answer, until: performance.now() + ms });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= limits.names) break;
      this.#kept.delete(oldest);
    }
    return answer;
  }
}

/** DNS answered: there is no such name, or it has no such record. */
const unknown: ReadonlySet<string> = new Set(["ENOTFOUND", "ENODATA"]);

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
