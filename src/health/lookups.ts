// Addresses for checks. The system's resolver uses threads that reading files needs as well, and one that
// gets no answer is busy for many seconds: few are asked at once, and what they said is used for a while.

import { lookup } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { Turns } from "./turns.ts";

/** Of the four threads that Node has: the configuration can be read while name servers are dead. */
const lookupsAtOnce = 2;
/** A check every second does not ask each time, and a change is seen soon. */
const keptMs = 5000;

interface Known {
  addresses: readonly string[];
  failure: Error;
  until: number;
  pending: Promise<void> | undefined;
}

export class Lookups {
  readonly #turns = new Turns(lookupsAtOnce);
  readonly #known = new Map<string, Known>();

  /** For `net.connect` and its like. */
  readonly lookup: LookupFunction = (host, { all }, done) => {
    void this.#find(host).then((known) => tell(known, all === true, done));
  };

  /** Forgets all others. */
  keep(hostsOf: () => ReadonlySet<string>): void {
    if (this.#known.size === 0) return;
    const hosts = hostsOf();
    for (const host of this.#known.keys()) if (!hosts.has(host)) this.#known.delete(host);
  }

  async #find(host: string): Promise<Known> {
    let known = this.#known.get(host);
    if (known === undefined) {
      const failure = new Error("not looked up");
      known = { addresses: [], failure, until: 0, pending: undefined };
      this.#known.set(host, known);
    }
    if (performance.now() >= known.until) {
      known.pending ??= this.#turns.run(() => refresh(host, known));
      // What answered before is good enough while the name server is asked, as for requests.
      if (known.addresses.length === 0) await known.pending;
    }
    return known;
  }
}

function tell(
  { addresses, failure }: Known,
  wantsAll: boolean,
  done: Parameters<LookupFunction>[2],
): void {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  const [first] = found;
  if (first === undefined) done(failure, "");
  else if (wantsAll) done(null, found);
  else done(null, first.address, first.family);
}

async function refresh(host: string, known: Known): Promise<void> {
  try {
    const found = await lookup(host, { all: true, verbatim: true });
    known.addresses = found.map((each) => each.address);
  } catch (error) {
    known.failure = error instanceof Error ? error : new Error(String(error));
  }
  known.until = performance.now() + keptMs;
  known.pending = undefined;
}
