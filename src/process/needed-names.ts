// Whether anybody needs a certificate: a route for one of its names, or for names that nobody can tell in advance.

import { hostsOf } from "../config/rule-hosts.ts";
import type { Snapshot } from "../config/snapshot.ts";
import { namesOf } from "../stream/stream-rule.ts";
import { covers } from "../x509/names.ts";

export class NeededNames {
  readonly #exact = new Set<string>();
  /** What is behind `*.`: of routes, for any depth. */
  readonly #below = new Set<string>();
  /** What is behind the first label of exact names: a certificate's star stands for one. */
  readonly #parents = new Set<string>();
  #isAny = false;

  constructor({ routes, streamRoutes, tls }: Pick<Snapshot, "routes" | "streamRoutes" | "tls">) {
    if (tls.defaultName !== undefined) this.#add(tls.defaultName);
    for (const { rule } of routes) {
      const hosts = hostsOf(rule);
      if (hosts === undefined) this.#isAny = true;
      else for (const each of hosts) this.#add(each);
    }
    for (const { rule, tls: ended } of streamRoutes) {
      if (ended === undefined || ended.own !== undefined) continue;
      const names = namesOf(rule);
      if (names === undefined) this.#isAny = true;
      else for (const each of names) this.#add(each);
    }
  }

  #add(host: string): void {
    if (host === "*") this.#isAny = true;
    else if (host.startsWith("*.")) this.#below.add(host.slice(2));
    else {
      this.#exact.add(host);
      this.#parents.add(host.slice(host.indexOf(".") + 1));
    }
  }

  has(names: readonly string[]): boolean {
    return this.#isAny || names.some((each) => this.#hasOne(each));
  }

  /** Of the names of a certificate those that somebody named, and not just takes with all others; a star's are written out. */
  amongst(names: readonly string[]): readonly string[] {
    return names.flatMap((name) => {
      if (!name.startsWith("*.")) return this.#hasOne(name) ? [name] : [];
      const below = [...this.#exact].filter(
        (each) => each.endsWith(name.slice(1)) && covers([name], each),
      );
      return this.#below.has(name.slice(2)) ? [name, ...below] : below;
    });
  }

  #hasOne(name: string): boolean {
    const isStar = name.startsWith("*.");
    const bare = isStar ? name.slice(2) : name;
    if (isStar && (this.#parents.has(bare) || this.#below.has(bare))) return true;
    if (!isStar && this.#exact.has(name)) return true;
    for (let dot = bare.indexOf("."); dot >= 0; dot = bare.indexOf(".", dot + 1)) {
      if (this.#below.has(bare.slice(dot + 1))) return true;
    }
    return false;
  }
}
