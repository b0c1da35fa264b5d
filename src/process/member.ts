// One worker, as the primary sees it.

import { join } from "node:path";

import { type Counts, noCounts, type WorkerRow } from "../admin/operations.ts";
import { supervision } from "../config/limits.ts";
import type { LogRecord } from "../lib/log.ts";
import type { MeasureReport } from "../metrics/layout.ts";
import type { TallyReport } from "../lib/tally.ts";
import type { Mark, ServiceOutcomes, StateNews } from "../upstream/state.ts";
import { Channel } from "./channel.ts";
import { startProcess } from "./entry.ts";
import type { FromWorker, SessionNote, ToWorker } from "./messages.ts";
import {
  type Answer,
  type AnswerOf,
  answerWaits,
  isAnswerOf,
  type QuestionKind,
  type QuestionOf,
} from "./questions.ts";
import type { Publication } from "./sent.ts";
import type { GivenSocket } from "./supervisor-link.ts";

export interface MemberUser {
  onLog(record: LogRecord): void;
  onTally(member: Member, report: TallyReport): void;
  onMark(member: Member, mark: Mark): void;
  onSessions(member: Member, sessions: readonly SessionNote[]): void;
  onOutcomes(member: Member, services: readonly ServiceOutcomes[]): void;
  onMeasures(member: Member, report: MeasureReport): void;
  onWanted(service: string): void;
  onAskedName(name: string): void;
  /** All there is to know of backends and services now. */
  states(): StateNews;
  /** Somebody else told it to end. */
  onLeaving(member: Member): void;
  onExit(member: Member, how: string): void;
  /** What brings a worker that has this version, or none, to the latest one. */
  publicationFor(version: number | undefined): Publication;
}

export type LeaveTimes = Omit<Extract<ToWorker, { kind: "leave" }>, "kind">;

const workerEntry = join(import.meta.dirname, "worker-entry");

/** How long a worker may overstay what it was granted before it is killed, ms. */
const overstayMs = 5000;

export class Member {
  readonly slot: number;
  readonly number: number;
  readonly reason: string | undefined;
  readonly startedAt = performance.now();
  readonly #since = new Date().toISOString();
  readonly #user: MemberUser;
  readonly #child: ReturnType<typeof startProcess>;
  readonly #channel: Channel<FromWorker, ToWorker>;
  readonly #ready = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();
  /** Sockets it accepts on, or will. */
  readonly #sockets = new Set<GivenSocket>();
  readonly #acks = new Map<number, (failure: string | undefined) => void>();
  readonly #asked = new Map<number, (answer: Answer | undefined) => void>();
  #questions = 0;
  /** Version it was sent last. */
  #sent: number | undefined;
  #killing: NodeJS.Timeout | undefined;
  #crash: string | undefined;
  state: WorkerRow["state"] | "gone" = "starting";
  leavingBecause: string | undefined;
  version = 0;
  memory = 0;
  counts: Counts = noCounts;
  /** Looks of the primary since the last sign of life. */
  silence = 0;
  /** `performance.now()` when it went live. */
  liveAt = 0;

  constructor(
    slot: number,
    { number, reason }: { number: number; reason: string | undefined },
    user: MemberUser,
  ) {
    this.slot = slot;
    this.number = number;
    this.reason = reason;
    this.#user = user;
    this.#child = startProcess(workerEntry);
    this.#channel = new Channel<FromWorker, ToWorker>(this.#child, {
      onMessage: (message) => this.#onMessage(message),
      onClosed() {},
    });
    // Awaited by whoever starts it; a worker that ends later has nobody waiting.
    this.#ready.promise.catch(() => {});
    this.#child.once("error", (error) => this.#onExit(error.message));
    this.#child.once("close", (code, signal) =>
      this.#onExit(this.#crash ?? (signal === null ? `code ${code}` : `signal ${signal}`)),
    );
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  #onMessage(message: FromWorker): void {
    this.silence = 0;
    switch (message.kind) {
      case "ready":
        this.#ready.resolve();
        break;
      case "live":
        this.version = message.version;
        this.#answer(message.version, undefined);
        break;
      case "refused":
        this.#answer(message.version, message.cause);
        break;
      case "pulse":
        this.counts = message.counts;
        this.memory = message.memory;
        break;
      case "tally":
        this.#user.onTally(this, message.report);
        break;
      case "mark":
        this.#user.onMark(this, message.mark);
        break;
      case "sessions":
        this.#user.onSessions(this, message.sessions);
        break;
      case "outcomes":
        this.#user.onOutcomes(this, message.services);
        break;
      case "measures":
        this.#user.onMeasures(this, message.report);
        break;
      case "wanted":
        this.#user.onWanted(message.service);
        break;
      case "asked-name":
        this.#user.onAskedName(message.name);
        break;
      case "answer":
        this.#asked.get(message.id)?.(message.answer);
        break;
      case "log":
        this.#user.onLog(message.record);
        break;
      case "leaving":
        this.#user.onLeaving(this);
        break;
      case "crashed":
        this.#crash = message.cause;
        break;
    }
  }

  #answer(version: number, failure: string | undefined): void {
    this.#acks.get(version)?.(failure);
    this.#acks.delete(version);
  }

  #onExit(how: string): void {
    if (this.state === "gone") return;
    clearTimeout(this.#killing);
    const why = `it ended: ${how}`;
    this.#ready.reject(new Error(why));
    for (const ack of this.#acks.values()) ack(why);
    this.#acks.clear();
    for (const answer of this.#asked.values()) answer(undefined);
    this.#user.onExit(this, how);
    this.state = "gone";
    this.#exited.resolve();
  }

  /** Throws when it ends, or does not get there in time. */
  async ready(): Promise<void> {
    const late = setTimeout(() => {
      this.#ready.reject(new Error(`it was not ready within ${supervision.liveWait} ms`));
    }, supervision.liveWait);
    await this.#ready.promise.finally(() => clearTimeout(late));
  }

  /** Sends the latest snapshot. @returns why it did not go live with it; undefined when it did */
  publish(): Promise<string | undefined> {
    // What is known of the backends comes before anybody is sent there.
    if (this.#sent === undefined) this.send({ kind: "states", states: this.#user.states() });
    const publication = this.#user.publicationFor(this.#sent);
    const { version } = publication;
    this.#sent = version;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const { ackWait, ackWaitPerMegabyte } = supervision;
    const wait = Math.round(ackWait + (publication.text.length / 1e6) * ackWaitPerMegabyte);
    const late = setTimeout(() => {
      this.#answer(version, `it did not answer within ${wait} ms`);
    }, wait);
    this.#acks.set(version, (failure) => {
      clearTimeout(late);
      resolve(failure);
    });
    this.send({ kind: "publish", publication, sockets: this.#sockets.size });
    return promise;
  }

  /** @returns undefined when it does not answer in time, or ends */
  ask<Kind extends QuestionKind>(
    kind: Kind,
    question: QuestionOf<Kind>,
  ): Promise<AnswerOf<Kind> | undefined> {
    const { promise, resolve } = Promise.withResolvers<AnswerOf<Kind> | undefined>();
    const id = ++this.#questions;
    const settle = (answer: Answer | undefined) => {
      clearTimeout(late);
      this.#asked.delete(id);
      resolve(answer !== undefined && isAnswerOf(answer, kind) ? answer : undefined);
    };
    const late = setTimeout(settle, answerWaits[kind], undefined);
    this.#asked.set(id, settle);
    this.send({ kind: "ask", id, question });
    return promise;
  }

  /** Makes it accept on these sockets and no others. */
  accept(sockets: readonly GivenSocket[]): void {
    for (const each of sockets) {
      if (this.#sockets.has(each)) continue;
      this.#sockets.add(each);
      this.#channel.send(each.note, each.socket.handle);
    }
    for (const each of this.#sockets) {
      if (sockets.includes(each)) continue;
      this.#sockets.delete(each);
      this.send({ kind: "release", key: each.note.key, index: each.note.index });
    }
  }

  send(message: Exclude<ToWorker, { kind: "socket" }>): void {
    this.#channel.send(message);
  }

  get isRunning(): boolean {
    return this.state !== "gone";
  }

  get isCongested(): boolean {
    return this.#channel.isCongested;
  }

  /** Stops accepting, finishes what it carries, ends. One that does not end in time is killed. */
  leave(times: LeaveTimes, because: string): void {
    this.state = "leaving";
    this.leavingBecause = because;
    this.send({ kind: "leave", ...times });
    this.killAfter(Math.max(times.grace, times.tunnelGrace) + overstayMs);
  }

  /** Ends what is left of it soon. */
  cutAfter(ms: number): void {
    setTimeout(() => this.send({ kind: "cut" }), ms).unref();
    this.killAfter(ms + overstayMs);
  }

  killAfter(ms: number): void {
    clearTimeout(this.#killing);
    this.#killing = setTimeout(() => this.kill(), Math.min(ms, maxTimer)).unref();
  }

  kill(): void {
    if (this.state !== "gone") this.#child.kill("SIGKILL");
  }

  get exited(): Promise<void> {
    return this.#exited.promise;
  }

  get row(): WorkerRow {
    return {
      pid: this.pid,
      slot: this.slot,
      state: this.state === "gone" ? "leaving" : this.state,
      since: this.#since,
      snapshot: this.version,
      memory: this.memory,
      counts: this.counts,
      reason: this.leavingBecause ?? this.reason,
    };
  }
}

/** Longer timers fire at once. */
const maxTimer = 2 ** 31 - 1;
