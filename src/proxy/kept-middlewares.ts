// Middlewares outlive snapshots: what they count and remember is kept as long as their settings and whose they are stay
// the same.

import type { MiddlewareUse, Snapshot } from "../config/snapshot.ts";
import type { Wheel } from "../lib/wheel.ts";
import { Warning } from "../lib/warning.ts";
import type { Middleware, MiddlewareApi } from "../middlewares/middleware.ts";
import { createMiddleware } from "../middlewares/registry.ts";
import type { Peers } from "../peers/peers.ts";
import type { Link, OnProblem } from "./chain.ts";

export interface KeptOptions {
  readonly wheel: Wheel;
  readonly peers: Peers;
  readonly page: MiddlewareApi["page"];
  /** Of the snapshot that they are made for. */
  readonly facts: Facts;
  readonly onProblem: OnProblem;
}

/** What middlewares may ask of a snapshot. */
export type Facts = Pick<Snapshot, "secret" | "documents">;

/** Those that are kept are told by what is live, those that are new by what they are made for until it is. */
interface Known {
  own: Facts | undefined;
  readonly live: { facts: Facts };
}

export class KeptMiddlewares {
  readonly #options: Omit<KeptOptions, "facts">;
  /** Until this one is live. */
  #before: KeptMiddlewares | undefined;
  readonly #known: Known;
  /** By owner and what was asked for; null = it is no moment of an exchange. */
  readonly #made = new Map<string, Middleware | null>();
  readonly #shared = new Map<string, readonly Link[]>();

  constructor(before: KeptMiddlewares | undefined, options: KeptOptions) {
    const { facts, ...others } = options;
    this.#before = before;
    this.#options = others;
    this.#known = { own: facts, live: before === undefined ? { facts } : before.#known.live };
  }

  /** Its snapshot goes live. */
  commit(): void {
    const { own, live } = this.#known;
    if (own !== undefined) live.facts = own;
    this.#known.own = undefined;
    this.#before = undefined;
  }

  /** @param owner `route a.example` @throws when one cannot be made */
  links(owner: string, uses: readonly MiddlewareUse[]): readonly Link[] {
    return uses.flatMap((use, at) => {
      const middleware = this.#of(owner, use, at);
      return middleware === null ? [] : [{ kind: use.kind, middleware }];
    });
  }

  /** Of an owner that many lead to: the same ones for all of them. @throws as `links` */
  shared(owner: string, uses: readonly MiddlewareUse[]): readonly Link[] {
    let links = this.#shared.get(owner);
    if (links === undefined) this.#shared.set(owner, (links = this.links(owner, uses)));
    return links;
  }

  #of(owner: string, use: MiddlewareUse, at: number): Middleware | null {
    // Its place counts only where there are several of the same.
    const settings = JSON.stringify(use);
    let key = `${owner}\n${settings}`;
    if (this.#made.has(key)) key += `\n${at}`;
    const kept = this.#before === undefined ? undefined : this.#before.#made.get(key);
    const made = kept === undefined ? (this.#create(owner, use) ?? null) : kept;
    this.#made.set(key, made);
    return made;
  }

  #create(owner: string, use: MiddlewareUse): Middleware | undefined {
    try {
      return createMiddleware(use, this.#apiFor(owner, use.kind));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const what = `the middleware ${use.kind} of the ${owner} cannot be made: ${why}`;
      throw new Error(what, { cause: error });
    }
  }

  #apiFor(owner: string, kind: string): MiddlewareApi {
    const { wheel, peers, page, onProblem } = this.#options;
    const known = this.#known;
    const warnings = new Map<string, Warning>();
    return {
      owner,
      wheel,
      peers,
      page,
      secret: () => (known.own ?? known.live.facts).secret,
      document: (name) => (known.own ?? known.live.facts).documents.get(name),
      warn(message, fields = {}) {
        let warning = warnings.get(message);
        if (warning === undefined) {
          warning = new Warning(message, { middleware: kind, of: owner }, onProblem);
          warnings.set(message, warning);
        }
        warning.raise(fields);
      },
    };
  }

  /** Closes those that the other one does not have. */
  closeUnused(other: KeptMiddlewares | undefined): void {
    for (const [key, middleware] of this.#made) {
      if (other === undefined || other.#made.get(key) !== middleware) middleware?.close?.();
    }
  }
}
