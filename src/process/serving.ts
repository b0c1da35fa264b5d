// Who carries the traffic, as the primary sees it: a crew of workers, or the primary's own process.

import type { Counts, WorkerRow } from "../admin/operations.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { MeasureReport } from "../metrics/layout.ts";
import type { Mark, ServiceLoad, ServiceOutcomes, StateNews } from "../upstream/state.ts";
import type { BoundAddress } from "../listen/listening-socket.ts";
import type { AnswerOf, QuestionKind, QuestionOf } from "./questions.ts";

/** What whoever serves wants to know of the primary, and tells it. */
export interface ServingUser {
  /** All there is to know of backends and services now. */
  states(): StateNews;
  onMark(mark: Mark): void;
  /** @param worker numbers those who serve, each with counts of its own */
  onOutcomes(worker: number, services: readonly ServiceOutcomes[]): void;
  /** What one of those who serve counted; `slot` is its place. */
  onMeasures(worker: number, slot: number, report: MeasureReport): void;
  /** Somebody asks for a service that is started on demand, and nobody is there; told again while it is so. */
  onWanted(service: string): void;
  /** A client asks for a name that gets a certificate on demand; told again while it is so. */
  onAskedName(name: string): void;
  /** One that serves died, or is replaced for a reason of its own. */
  onReplaced(slot: number, pid: number, what: string): void;
  /** One that had counts of its own is gone. */
  onGone(worker: number): void;
}

export interface Serving {
  /** Goes over to a snapshot. Throws, with nothing changed, when it cannot. */
  apply(snapshot: Snapshot): Promise<void>;
  /** Where clients can connect, by listener. */
  readonly bound: Readonly<Record<string, readonly BoundAddress[]>>;
  readonly rows: readonly WorkerRow[];
  readonly wanted: number;
  readonly counts: Counts;
  /** Resident bytes of everything that serves, this process apart. */
  readonly memory: number;
  reopenLogs(): void;
  /** Something changed with backends or services. */
  learn(news: StateNews): void;
  /** Asks each of those who serve. @returns undefined for whoever does not answer in time */
  ask<Kind extends QuestionKind>(
    kind: Kind,
    question: QuestionOf<Kind>,
  ): Promise<readonly (AnswerOf<Kind> | undefined)[]>;
  /** Finishes what runs, as for the end of the program, and ends. Aborted: at once. */
  end(signal: AbortSignal): Promise<void>;
  /** Who retires is given no more time than the end of the program has. */
  hurry(): void;
  /** The same, as patiently as when a worker is replaced: others serve already. */
  retire(signal: AbortSignal): Promise<void>;
}

/** What backends carry now, as each of those who serve sees it; whoever does not answer soon is left out. */
export async function loadsOf(
  serving: Serving | undefined,
): Promise<readonly (readonly ServiceLoad[])[]> {
  const answers = (await serving?.ask("loads", { kind: "loads" })) ?? [];
  return answers.map((each) => each?.services ?? []);
}
