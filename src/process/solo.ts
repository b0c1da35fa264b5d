// `workers: 0`: the primary's own process serves. For embedding and development: what would replace a worker
// has nobody to replace here.

import { type Counts, noCounts, type WorkerRow } from "../admin/operations.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";
import type { BoundAddress } from "../listen/listening-socket.ts";
import type { OpenSocket } from "../listen/open-socket.ts";
import type { StateNews } from "../upstream/state.ts";
import { DataPlane } from "./data-plane.ts";
import { HeldSockets, type Inherited } from "./held-sockets.ts";
import { MeasuresClock } from "./measures-clock.ts";
import { type AddressWish, type SocketSource, wishesOf } from "./ports.ts";
import {
  type AnswerOf,
  emptyAnswer,
  isAnswerOf,
  type QuestionKind,
  type QuestionOf,
} from "./questions.ts";
import type { Serving, ServingUser } from "./serving.ts";

/** Services that carry anything are few; more than once a second helps no alert. */
const outcomesMs = 1000;

export interface SoloOptions {
  readonly user: ServingUser;
  readonly log: Log;
  readonly inherited: readonly Inherited[];
}

export class Solo implements Serving, SocketSource {
  readonly #log: Log;
  readonly #sockets: HeldSockets;
  readonly #user: ServingUser;
  #telling: NodeJS.Timeout | undefined;
  #measuring: MeasuresClock | undefined;
  #plane: DataPlane | undefined;

  /** Throws when an inherited socket cannot be used. */
  constructor({ log, inherited, user }: SoloOptions) {
    this.#log = log;
    this.#user = user;
    this.#sockets = new HeldSockets(inherited, { warn: (message) => log.warn(message) });
  }

  /** Opens the first addresses before anybody serves there, so that the rights for it can be given up. */
  async open({ listeners }: Snapshot): Promise<void> {
    await this.#sockets.open(wishesOf(listeners), 1, false);
  }

  async socketsOf(wish: AddressWish): Promise<readonly OpenSocket[]> {
    const held = await this.#sockets.open([wish], 1, false);
    return held.map(({ socket }) => socket);
  }

  async apply(snapshot: Snapshot): Promise<void> {
    try {
      if (this.#plane === undefined) {
        const user = this.#user;
        this.#plane = await DataPlane.start(snapshot, {
          log: this.#log,
          sockets: this,
          states: user.states(),
          onMark: (mark) => user.onMark(mark),
          onWanted: (service) => user.onWanted(service),
          onAskedName: (name) => user.onAskedName(name),
          // There is nobody else who would have to know.
          onSession() {},
        });
        this.#telling = setInterval(() => this.#tellOutcomes(), outcomesMs).unref();
        this.#measuring = new MeasuresClock(0, (lag) => this.#measure(lag));
      } else {
        await this.#plane.apply(snapshot);
      }
    } finally {
      this.#sockets.forget([...(this.#plane?.addressKeys ?? [])]);
    }
  }

  #measure(lag: number): void {
    const report = this.#plane?.measure(lag);
    if (report !== undefined) this.#user.onMeasures(0, 0, report);
  }

  #tellOutcomes(): void {
    const services = this.#plane?.outcomeChanges() ?? [];
    if (services.length > 0) this.#user.onOutcomes(0, services);
  }

  /** undefined = nothing is served yet. */
  get plane(): DataPlane | undefined {
    return this.#plane;
  }

  get bound(): Readonly<Record<string, readonly BoundAddress[]>> {
    return this.#plane?.bound ?? {};
  }

  get rows(): readonly WorkerRow[] {
    return [];
  }

  get wanted(): number {
    return 0;
  }

  get counts(): Counts {
    return this.#plane?.counts ?? noCounts;
  }

  get memory(): number {
    return 0;
  }

  reopenLogs(): void {
    this.#plane?.reopenLogs();
  }

  learn(news: StateNews): void {
    this.#plane?.learnStates(news);
  }

  async ask<Kind extends QuestionKind>(
    kind: Kind,
    question: QuestionOf<Kind>,
  ): Promise<readonly (AnswerOf<Kind> | undefined)[]> {
    const answer = (await this.#plane?.answer(question)) ?? emptyAnswer(question);
    return [isAnswerOf(answer, kind) ? answer : undefined];
  }

  async end(signal: AbortSignal): Promise<void> {
    const plane = this.#plane;
    if (plane === undefined) return;
    clearInterval(this.#telling);
    this.#measuring?.[Symbol.dispose]();
    const { grace, tunnelGrace } = plane.snapshot.shutdown;
    await plane.drain({ grace, tunnelGrace, isPatient: false, signal });
  }

  hurry(): void {}

  retire(signal: AbortSignal): Promise<void> {
    return this.end(signal);
  }
}
