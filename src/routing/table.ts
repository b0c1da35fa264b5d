// A snapshot's routes, filed so that finding the one for a request searches nothing one by one, with one host
// or ten thousand. Looking up host and path allocates nothing; some further conditions do.
//
// The order, most specific first: exact host, longest `*.` wildcard (of any depth), HostRegexp, any host;
// within a host: exact path, longest prefix, PathRegexp, any path; then the route with more further
// conditions; then the one configured first. When none of a host's paths fits, the next less specific
// host is tried: what `*.example.com/static` promises also holds for a.example.com, unless that says
// otherwise. Routes with an explicit priority come before all others, highest first, and by the same
// order among equals.

import type { Route } from "../config/snapshot.ts";
import { compareEntries } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { fileAll } from "./filing.ts";
import type { Filing, PlanMaker } from "./filing.ts";
import { bestOfHosts, firstOfHosts, hostIndexOf } from "./host-index.ts";
import type { HostIndex } from "./host-index.ts";
import type { Subject } from "./subject.ts";

export type { Subject } from "./subject.ts";

// Hot: bench/routing.ts
export class Table<T> {
  readonly size: number;
  readonly #filing: Filing<T>;
  readonly #plain: HostIndex<T>;
  /** undefined when no route has a priority, so that nobody pays for the search. */
  readonly #ranked: HostIndex<T> | undefined;

  private constructor(filing: Filing<T>, plain: HostIndex<T>, ranked: HostIndex<T> | undefined) {
    this.size = filing.routes.length;
    this.#filing = filing;
    this.#plain = plain;
    this.#ranked = ranked;
  }

  /** `planOf` is asked once for every route. What is the same in `before` is taken over from it. */
  static compile<T>(routes: readonly Route[], planOf: PlanMaker<T>, before?: Table<T>): Table<T> {
    const known = before === undefined ? nothing : before.#filing;
    const { filing, changed } = fileAll(routes, planOf, known);
    const entries = filing.entries.flat();
    const plain = entries.filter(hasNoPriority);
    if (before === undefined) {
      return new Table(filing, hostIndexOf(plain, undefined), rankedIndexOf(entries));
    }
    const basis = { index: before.#plain, changed: changed.filter(hasNoPriority) };
    // A rank says where an entry stands among all, so that index is taken over whole or made anew.
    const isSame = basis.changed.length === changed.length;
    const ranked = isSame ? before.#ranked : rankedIndexOf(entries);
    return new Table(filing, hostIndexOf(plain, basis), ranked);
  }

  /** For who explains what `match` does. */
  get indexes(): { readonly ranked: HostIndex<T> | undefined; readonly plain: HostIndex<T> } {
    return { ranked: this.#ranked, plain: this.#plain };
  }

  /** `host` is normalised; "" when the request has none. */
  match(host: string, subject: Subject): T | undefined {
    if (this.#ranked !== undefined) {
      const best = bestOfHosts(this.#ranked, host, subject);
      if (best !== undefined) return best.plan;
    }
    const exact = this.#plain.exact.get(host);
    if (exact?.only !== undefined) return exact.only.plan;
    return firstOfHosts(this.#plain, exact, host, subject)?.plan;
  }
}

const nothing = { routes: [], entries: [] };

function hasNoPriority<T>({ route }: Entry<T>): boolean {
  return route.priority === undefined;
}

function rankedIndexOf<T>(entries: readonly Entry<T>[]): HostIndex<T> | undefined {
  const withPriority = entries.filter((entry) => !hasNoPriority(entry));
  if (withPriority.length === 0) return undefined;
  const ranked = withPriority.toSorted(compareEntries).map((entry, rank) => ({ ...entry, rank }));
  return hostIndexOf(ranked, undefined);
}
