// What becomes of an order that came to its end: who is asked again when, and what operators read of it.

import { acmeLimits as limits } from "../config/acme-limits.ts";
import type { Log } from "../lib/log.ts";
import { AcmeError } from "./acme-error.ts";
import { list } from "./order.ts";
import { type Group, groupId } from "./plan.ts";
import type { Renewals } from "./renewals.ts";
import { authorityId, type KeptCertificate } from "./vault.ts";
import type { WaitBook } from "./wait-book.ts";

export interface Ended {
  readonly group: Group;
  /** Of whom it was ordered. */
  readonly directory: string;
}

export interface Had extends Ended {
  readonly kept: KeptCertificate;
  /** Whose place it takes, unless a person wanted that. */
  readonly replaced: KeptCertificate | undefined;
  /** What there is now. */
  readonly all: readonly KeptCertificate[];
}

export class Outcomes {
  readonly #log: Log;
  readonly #waits: WaitBook;
  readonly #renewals: Renewals;

  constructor(log: Log, waits: WaitBook, renewals: Renewals) {
    this.#log = log;
    this.#waits = waits;
    this.#renewals = renewals;
  }

  /** @returns whether names are to be ordered together otherwise than before */
  async succeeded({ group, directory, kept, replaced, all }: Had): Promise<boolean> {
    const { certificate } = kept;
    const now = Date.now();
    const soonest = group.names.map((each) => this.#renewals.dueFor(each, all, now, [directory]));
    const names = list(group.names);
    const until = new Date(certificate.notAfter).toISOString();
    let why = "";
    if (Math.min(...soonest) <= now + limits.atOnce) {
      const from = new Date(certificate.notBefore).toISOString();
      why = `its certificate, from ${from} until ${until}, would have to be renewed at once: is the clock of this machine right?`;
    } else if (isAgain(kept, replaced)) {
      why = "its authority wants it to be renewed again and again";
    }
    if (why === "") {
      await this.#waits.succeeded(group.id, directory);
      for (const each of group.wholes) await this.#waits.mended(each, group.names);
      this.#log.info("a certificate was had", { names, until, from: certificate.origin.place });
      return group.wholes.length > 0;
    }
    await this.#waits.failed(group.id, directory, { why });
    this.#log.warn("a certificate was had, and may be no good", { names, why });
    return false;
  }

  /** @returns as `succeeded` */
  async failed({ group, directory }: Ended, error: unknown): Promise<boolean> {
    const why = error instanceof Error ? error.message : String(error);
    this.#log.warn("a certificate could not be had", { names: list(group.names), cause: why });
    if (!(error instanceof AcmeError)) {
      await this.#waits.failed(group.id, directory, { why });
      return false;
    }
    const { kind, retryAt, status } = error;
    const refused = refusedOf(group, error);
    // Whoever says when they may be asked again is not asked before, and others are meanwhile.
    const failure = { why, retryAt, isLimit: retryAt !== undefined, refused };
    // What is no fault of the names is asked for once, and not by each of them.
    const isOfAll = kind === "unreachable" || kind === "account" || status === 503;
    await this.#waits.failed(isOfAll ? authorityId(directory) : group.id, directory, failure);
    // These have been asked for already.
    if (refused.length > 0) await this.#waits.failed(groupId(refused), directory, { why });
    return refused.length > 0;
  }
}

/** An authority that is out of its mind would have us order for ever. */
function isAgain({ certificate, madeAt }: KeptCertificate, replaced: KeptCertificate | undefined) {
  const isSame = replaced?.certificate.names.join() === certificate.names.join();
  if (replaced === undefined || !isSame) return false;
  const life = certificate.notAfter - certificate.notBefore;
  return madeAt - replaced.madeAt < Math.min(life / 12, limits.renewedAgain);
}

/** Names that it refused while it has nothing against others. */
function refusedOf({ names }: Group, { kind, failures }: AcmeError): readonly string[] {
  const said = new Set(failures.map(({ name }) => name));
  const refused = kind === "rejected" ? names.filter((each) => said.has(each)) : [];
  return refused.length < names.length ? refused : [];
}
