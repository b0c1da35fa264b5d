// What nodes tell each other of dead backends is advice: each one knows only its own way there. What others found
// is obeyed while somebody well remains in the same service, and what was found here stays with us when it looks
// as if we were the ones who are cut off.

import { OwnFindings } from "../fleet/own-findings.ts";
import type { SharedMark, ShownMark } from "../fleet/mark-book.ts";
import type { Mark } from "../upstream/state.ts";
import { DeadBackends } from "./dead-backends.ts";

export interface SharedMarksOptions {
  /** false: no such backend is served, which may come yet. */
  take(mark: Mark): boolean;
  /** All of the service; none when there is none. */
  backendsOf(service: string): readonly string[];
  /** Those of them that can do the work. */
  wellOf(service: string): readonly string[];
  readonly now?: () => number;
}

/** What the others are to be told. */
export type Verdict = "tell" | "keep" | "take all back";

export class SharedMarks {
  readonly #options: SharedMarksOptions;
  readonly #own: OwnFindings;
  readonly #obeyed: DeadBackends;
  /** Of other nodes that are there, by service. */
  #heard: ReadonlyMap<string, readonly SharedMark[]> = new Map();
  /** Services in which they are obeyed. */
  #obeying: ReadonlySet<string> = new Set();
  #isTaking = false;

  constructor(options: SharedMarksOptions) {
    const { now = Date.now } = options;
    this.#options = options;
    this.#own = new OwnFindings((service) => options.backendsOf(service), now);
    this.#obeyed = new DeadBackends({ take: (mark) => this.#take(mark), now });
  }

  /** What happens now comes from here, and is nothing to tell anybody. */
  get isTaking(): boolean {
    return this.#isTaking;
  }

  /** Traffic or a check here showed it. */
  shown(mark: ShownMark): Verdict {
    this.#own.note(mark);
    if (mark.kind === "alive") return "tell";
    if (this.#own.isDoubtful()) return "take all back";
    return this.#own.isDisputed(mark.service, mark.backend) ? "keep" : "tell";
  }

  /** @param marks all that other nodes found */
  heard(marks: readonly SharedMark[]): void {
    this.#heard = Map.groupBy(marks, ({ service }) => service);
    this.weigh();
  }

  /** Somebody found that it lives, before its time was over. */
  takenBack(service: string, backend: string): void {
    if (this.#own.dispute(service, backend)) this.#take({ kind: "alive", service, backend });
  }

  /** Something about these services may be otherwise now. */
  settle(services: Iterable<string>): void {
    for (const each of services) {
      if (this.#isObeyed(each) !== this.#obeying.has(each)) return this.weigh();
    }
  }

  /** What is served may be something else now. */
  weigh(): void {
    if (this.#isTaking) return;
    this.#obeying = new Set([...this.#heard.keys()].filter((each) => this.#isObeyed(each)));
    const obeyed = [...this.#obeying].flatMap((each) => this.#heard.get(each) ?? []);
    this.#obeyed.update("", obeyed);
  }

  /** Somebody well remains, of whom nobody says the contrary. */
  #isObeyed(service: string): boolean {
    const marks = this.#heard.get(service);
    if (marks === undefined) return false;
    const dead = new Set(marks.map(({ backend }) => backend));
    return this.#options.wellOf(service).some((each) => !dead.has(each));
  }

  #take(mark: Mark): boolean {
    const { service, backend, kind } = mark;
    // That advice is not followed any longer does not make what was found here less true.
    if (kind === "alive" && this.#own.isInForce(service, backend)) return true;
    this.#isTaking = true;
    try {
      return this.#options.take(mark);
    } finally {
      this.#isTaking = false;
    }
  }
}
