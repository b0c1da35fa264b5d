// Single requests, for operators: asks those who serve, and hands on what they say to whoever watches. While nobody does
// nothing is asked, and a worker that is not asked stops to watch.

import type { ItemChange } from "../admin/configuration.ts";
import type { Outcome } from "../admin/operations.ts";
import type { RehearsalOutcome, SeenTraffic, Traffic } from "../admin/traffic.ts";
import { watching } from "../config/traffic-limits.ts";
import type { OpenEntry, TrafficEntry } from "../traffic/entry.ts";
import { type Judged, testOf, type TrafficFilter } from "../traffic/filter.ts";
import type { ProgramConfiguration } from "./configuration.ts";
import type { Primary } from "./primary.ts";
import { rehearsalOf } from "./traffic-rehearsal.ts";
import { RecordBook } from "./traffic-records.ts";

interface Follower {
  readonly filter: TrafficFilter;
  test(entry: Judged): boolean;
  take(seen: SeenTraffic): void;
}

export class TrafficDesk implements Traffic {
  readonly #primary: () => Primary;
  readonly #configuration: ProgramConfiguration;
  readonly #followers = new Set<Follower>();
  readonly records: RecordBook;
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;

  constructor(primary: () => Primary, configuration: ProgramConfiguration) {
    this.#primary = primary;
    this.#configuration = configuration;
    this.records = new RecordBook({
      ask: async (orders) =>
        (await this.#serving?.ask("recorded", { kind: "recorded", orders })) ?? [],
      routes: () => primary().snapshot?.routes.map(({ name }) => name) ?? [],
    });
  }

  get #serving() {
    return this.#primary().serving;
  }

  async follow(
    filter: TrafficFilter,
    take: (seen: SeenTraffic) => void,
  ): Promise<(() => void) | undefined> {
    if (this.#followers.size >= watching.followers) return undefined;
    const follower = { filter, test: testOf(filter), take };
    this.#followers.add(follower);
    // What is being asked may not have its filter yet.
    await this.#asking;
    await this.#look();
    this.#timer ??= setInterval(() => void this.#look(), watching.every).unref();
    return () => {
      this.#followers.delete(follower);
      if (this.#followers.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
      void this.#look();
    };
  }

  /** Who is slow to answer is not asked again before. */
  #look(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #ask(): Promise<void> {
    const filters = [...this.#followers].map(({ filter }) => filter);
    const answers = (await this.#serving?.ask("traffic", { kind: "traffic", filters })) ?? [];
    const entries = answers
      .flatMap((each) => each?.entries ?? [])
      .toSorted((one, other) => one.time - other.time);
    const dropped = answers.reduce((sum, each) => sum + (each?.dropped ?? 0), 0);
    if (entries.length === 0 && dropped === 0) return;
    for (const follower of this.#followers) {
      const own = entries.filter((each) => follower.test(each));
      if (own.length > 0 || dropped > 0) follower.take({ entries: own, dropped });
    }
  }

  async standouts(filter: TrafficFilter): Promise<readonly TrafficEntry[]> {
    const answers = (await this.#serving?.ask("standouts", { kind: "standouts" })) ?? [];
    const test = testOf(filter);
    return answers
      .flatMap((each) => each?.entries ?? [])
      .filter((each) => test(each))
      .toSorted((one, other) => one.time - other.time);
  }

  async open(): Promise<readonly OpenEntry[]> {
    const answers = (await this.#serving?.ask("open", { kind: "open" })) ?? [];
    return answers
      .flatMap((each) => each?.entries ?? [])
      .toSorted((one, other) => one.since - other.since);
  }

  async close(id: string): Promise<Outcome> {
    const answers = (await this.#serving?.ask("close", { kind: "close", id })) ?? [];
    if (answers.some((each) => each?.isClosed === true)) {
      return { ok: true, message: `${id} is closed` };
    }
    const message = `nothing is open that is called ${id}; \`tidegate traffic --open\` shows what is`;
    return { ok: false, message };
  }

  async rehearse(changes: readonly ItemChange[]): Promise<RehearsalOutcome> {
    const { outcome, next } = await this.#configuration.proposed(changes);
    if (outcome.kind !== "done") return outcome;
    const live = this.#primary().snapshot;
    if (live === undefined || next === undefined) {
      return { kind: "failed", message: "nothing is served yet" };
    }
    const answers = (await this.#serving?.ask("samples", { kind: "samples" })) ?? [];
    const samples = answers.flatMap((each) => each?.samples ?? []);
    const rehearsed = await rehearsalOf(live, next, samples);
    return { kind: "rehearsed", rehearsed, notes: outcome.notes };
  }
}
