// The workers: as many as wanted, each replaced when it dies, hangs, grows too large or is to run newer code.
// A replacement serves before its predecessor stops, on the same sockets; those of a worker that died are
// taken by another one meanwhile. Nobody here ever closes a socket that connections may wait in.

import type { Counts, WorkerRow } from "../admin/operations.ts";
import { supervision } from "../config/limits.ts";
import type { Snapshot, WorkerSettings } from "../config/snapshot.ts";
import { workerCount } from "../config/worker-count.ts";
import { Backoff } from "../lib/backoff.ts";
import type { Log, LogRecord } from "../lib/log.ts";
import { TallyHub } from "../lib/tally-hub.ts";
import type { BoundAddress } from "../listen/listening-socket.ts";
import type { StateNews } from "../upstream/state.ts";
import { assign } from "./assignment.ts";
import { type LeaveTimes, Member, type MemberUser } from "./member.ts";
import { PeerNotes } from "./peer-notes.ts";
import { wishesOf } from "./ports.ts";
import { Publisher } from "./publication.ts";
import type { SessionNote } from "./messages.ts";
import type { AnswerOf, QuestionKind, QuestionOf } from "./questions.ts";
import type { Serving, ServingUser } from "./serving.ts";
import type { SupervisorLink } from "./supervisor-link.ts";
import { Watch } from "./watch.ts";

export interface CrewOptions {
  readonly user: ServingUser;
  readonly link: SupervisorLink;
  readonly log: Log;
  onWorkerLog(record: LogRecord): void;
  /** Somebody of ours, who lost its supervisor, listens on our addresses still. */
  readonly isTakeOver: boolean;
  /** Number of workers asked for at run time. */
  readonly size: number | "auto" | undefined;
  onResized(): void;
  /** Who serves, or finishes what it carries. */
  onWorkers(pids: readonly number[]): void;
  /** Where workers reach each other; undefined = nowhere, and each is alone. */
  readonly peerFolder: string | undefined;
}

export class Crew implements Serving {
  readonly #options: CrewOptions;
  readonly #log: Log;
  readonly #link: SupervisorLink;
  readonly #publisher = new Publisher();
  readonly #hub = new TallyHub();
  /** Those that serve, by slot. */
  readonly #members = new Map<number, Member>();
  readonly #starting = new Set<Member>();
  /** Oldest first. */
  readonly #leaving = new Set<Member>();
  readonly #replacing = new Map<number, Promise<void>>();
  readonly #backoffs = new Map<number, Backoff>();
  readonly #user: MemberUser;
  readonly #watch: Watch;
  readonly #peers: PeerNotes;
  #snapshot: Snapshot | undefined;
  #size: number | "auto" | undefined;
  #numbers = 0;
  /** Number of the worker that marked a backend last. */
  #marker = 0;
  #answeredByGone = 0;
  #isEnding = false;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#link = options.link;
    this.#size = options.size;
    this.#peers = new PeerNotes(options.peerFolder);
    this.#user = {
      onLog: (record) => options.onWorkerLog(record),
      onTally: (member, report) => {
        this.#hub.take(member.number, report);
        this.#tellNews();
      },
      onMark: (member, mark) => {
        this.#marker = member.number;
        options.user.onMark(mark);
      },
      onSessions: (member, sessions) => this.#tellSessions(member, sessions),
      onOutcomes: ({ number }, services) => options.user.onOutcomes(number, services),
      onMeasures: ({ number, slot }, report) => options.user.onMeasures(number, slot, report),
      onWanted: (service) => options.user.onWanted(service),
      onAskedName: (name) => options.user.onAskedName(name),
      states: () => options.user.states(),
      onLeaving: (member) => this.#onLeaving(member),
      onExit: (member, how) => this.#onExit(member, how),
      publicationFor: (version) => this.#publisher.publicationFor(version),
    };
    this.#watch = new Watch({
      log: options.log,
      members: () => [...this.#members.values()],
      leaving: () => [...this.#leaving],
      settings: () => this.#settings,
      isBusy: () => this.#replacing.size > 0,
      replace: (member, reason) => {
        options.user.onReplaced(member.slot, member.pid, `is replaced: ${reason}`);
        this.#replaceSoon(member.slot, reason);
      },
    });
  }

  get #settings(): WorkerSettings {
    if (this.#snapshot === undefined) throw new Error("there is no snapshot yet");
    return this.#snapshot.workers;
  }

  get wanted(): number {
    return this.#snapshot === undefined ? 1 : this.#wantedBy(this.#snapshot, this.#size);
  }

  // --- snapshots ---------------------------------------------------------------------------------

  async apply(snapshot: Snapshot): Promise<void> {
    const before = this.#snapshot;
    const wishes = wishesOf(snapshot.listeners);
    // What was asked for at run time holds until the configuration says something else.
    const isNewCount = before !== undefined && before.workers.count !== snapshot.workers.count;
    const wanted = this.#wantedBy(snapshot, isNewCount ? undefined : this.#size);
    // Somebody of ours may be there only at the start.
    const isTakeOver = this.#options.isTakeOver && before === undefined;
    await this.#link.open(wishes, Math.max(wanted, this.#highest), isTakeOver);
    this.#snapshot = snapshot;
    this.#publisher.take(snapshot);
    if (this.#members.size === 0 && before === undefined) await this.#startAll(wanted);
    else await this.#publish(before);
    if (isNewCount) {
      this.#size = undefined;
      // At once: a successor that is started while workers still are must not be told the old number.
      this.#options.onResized();
    }
    if (before === undefined || wanted === this.#members.size) return;
    // The snapshot is live; that some worker is missing is tried again, and no reason to take it back.
    await this.#fit(wanted).catch((error: unknown) => {
      this.#log.error("not all workers could be started", { cause: textOf(error) });
      for (const slot of this.#missing(wanted)) this.#replaceSoon(slot, "more workers are wanted");
    });
  }

  /** A single process needs a new start (0); until then as many serve as before. */
  #wantedBy({ workers }: Snapshot, size: number | "auto" | undefined): number {
    const count = size ?? workers.count;
    if (count !== 0) return workerCount(count);
    return this.#members.size > 0 ? this.#members.size : workerCount("auto");
  }

  #missing(wanted: number): number[] {
    const slots = Array.from({ length: wanted }, (_, slot) => slot);
    return slots.filter((slot) => !this.#members.has(slot));
  }

  /** Sockets that have been opened for each address, as far as we are concerned. */
  get #highest(): number {
    return Math.max(0, ...[...this.#members.keys()].map((slot) => slot + 1));
  }

  async #publish(before: Snapshot | undefined): Promise<void> {
    this.#assign();
    const members = [...this.#members.values()];
    const failures = await Promise.all(members.map((each) => each.publish()));
    const failed = members.filter((_, index) => failures[index] !== undefined);
    const cause = failures.find((each) => each !== undefined);
    if (cause === undefined) return;
    if (failed.length === members.length && before !== undefined) {
      // Nobody can use it: it is the snapshot's fault.
      this.#snapshot = before;
      this.#publisher.take(before);
      for (const each of members) void each.publish();
      this.#assign();
      await this.#link.keep(this.keys);
      throw new Error(cause);
    }
    for (const { slot, pid } of failed) {
      this.#log.error("a worker did not take over the new configuration", { worker: pid, cause });
      this.#replaceSoon(slot, "it did not take over the configuration");
    }
  }

  // --- who accepts where -------------------------------------------------------------------------

  #assign(): void {
    const { keys } = this;
    const live = [...this.#members.values()];
    for (const member of [...live, ...this.#starting]) {
      const sockets = keys.flatMap((key) => this.#link.socketsOf(key));
      member.accept(sockets.filter(({ note }) => assign(note, member, live)));
    }
  }

  get keys(): string[] {
    return wishesOf(this.#snapshot?.listeners ?? []).map(({ key }) => key);
  }

  get bound(): Record<string, BoundAddress[]> {
    const bound: Record<string, BoundAddress[]> = {};
    for (const { key, listener } of wishesOf(this.#snapshot?.listeners ?? [])) {
      const address = this.#link.boundOf(key);
      if (address !== undefined) (bound[listener] ??= []).push(address);
    }
    return bound;
  }

  // --- starting and replacing --------------------------------------------------------------------

  async #startAll(count: number): Promise<void> {
    const slots = Array.from({ length: count }, (_, slot) => slot);
    await Promise.all(slots.map((slot) => this.replace(slot, undefined)));
  }

  /** Starts a worker in a slot; when it serves, who was there leaves. Throws why it could not start. */
  replace(slot: number, reason: string | undefined): Promise<void> {
    const running = this.#replacing.get(slot);
    if (running !== undefined) return running;
    const replacing = this.#replace(slot, reason).finally(() => this.#replacing.delete(slot));
    this.#replacing.set(slot, replacing);
    return replacing;
  }

  async #replace(slot: number, reason: string | undefined): Promise<void> {
    const fresh = new Member(slot, { number: ++this.#numbers, reason }, this.#user);
    this.#starting.add(fresh);
    this.#hub.join(fresh.number);
    this.#tellNews();
    this.#link.tell({ kind: "worker", pid: fresh.pid, isAlive: true });
    this.#options.onWorkers(this.#all.map(({ pid }) => pid));
    try {
      await fresh.ready();
      this.#peers.tellTo(fresh);
      this.#assign();
      await this.#bringUp(fresh);
    } catch (error) {
      fresh.kill();
      throw error;
    } finally {
      this.#starting.delete(fresh);
    }
    const before = this.#members.get(slot);
    this.#members.set(slot, fresh);
    this.#assign();
    this.#peers.tell(this.#all, this.#members.values());
    if (before !== undefined) this.#dismiss(before, reason ?? "replaced");
    // Fewer may have been asked for meanwhile.
    if (slot >= this.wanted) this.#remove([fresh], "fewer workers are wanted");
    this.#tellNews();
  }

  /** Until it serves with the latest snapshot: another one may have come while it started. */
  async #bringUp(fresh: Member): Promise<void> {
    for (;;) {
      if (this.#snapshot === undefined || this.#isEnding) throw new Error("the program ends");
      const { version } = this.#snapshot;
      const failure = await fresh.publish();
      if (failure === undefined && version === this.#snapshot.version) break;
      // Of a snapshot that is over already, sockets may have been closed on the way.
      const isOver = version !== this.#snapshot.version && fresh.isRunning;
      if (failure !== undefined && !isOver) throw new Error(failure);
    }
    fresh.state = "live";
    fresh.liveAt = performance.now();
  }

  /** Replaces in the background, again and again until it works. */
  #replaceSoon(slot: number, reason: string): void {
    if (this.#isEnding || this.#replacing.has(slot) || slot >= this.wanted) return;
    this.replace(slot, reason).catch((error: unknown) => {
      if (this.#isEnding) return;
      const delay = this.#backoffOf(slot).next(0);
      this.#log.error("a worker could not be started; it is tried again", {
        cause: textOf(error),
        in: `${delay} ms`,
      });
      setTimeout(() => this.#replaceSoon(slot, reason), delay).unref();
    });
  }

  #backoffOf(slot: number): Backoff {
    const known = this.#backoffs.get(slot) ?? new Backoff(supervision.restart);
    this.#backoffs.set(slot, known);
    return known;
  }

  #dismiss(member: Member, because: string, times: LeaveTimes = this.#patience): void {
    if (member.state !== "live" && member.state !== "starting") return;
    member.leave(times, because);
    this.#leaving.add(member);
    const most = supervision.mostLeaving(this.wanted);
    const tooMany = [...this.#leaving].slice(0, Math.max(0, this.#leaving.size - most));
    for (const each of tooMany) each.cutAfter(this.#snapshot?.shutdown.grace ?? 0);
  }

  get #patience(): LeaveTimes {
    const { gracefulWait, tunnelWait } = this.#settings;
    return { grace: gracefulWait, tunnelGrace: tunnelWait, isPatient: true };
  }

  #onLeaving(member: Member): void {
    if (member.state !== "live") return;
    // It drains already, by a signal: whoever sent it knows why.
    member.state = "leaving";
    member.leavingBecause = "told by a signal";
    this.#leaving.add(member);
    this.#vacate(member);
    this.#replaceSoon(member.slot, "its predecessor was told to leave by a signal");
  }

  #onExit(member: Member, how: string): void {
    this.#link.tell({ kind: "worker", pid: member.pid, isAlive: false });
    this.#hub.forget(member.number);
    this.#options.user.onGone(member.number);
    this.#answeredByGone += member.counts.answered;
    this.#leaving.delete(member);
    this.#tellNews();
    if (member.state !== "live" || this.#isEnding) return;
    this.#vacate(member);
    const { slot, pid } = member;
    const delay = this.#delayAfter(member);
    const isWanted = slot < this.wanted;
    this.#options.user.onReplaced(slot, pid, `died: ${firstLine(how)}`);
    const again = !isWanted ? "no more" : delay === 0 ? "at once" : `in ${delay} ms`;
    this.#log.error("a worker died", { worker: pid, how, replaced: again });
    if (delay === 0) this.#replaceSoon(slot, `its predecessor died: ${firstLine(how)}`);
    else
      setTimeout(() => this.#replaceSoon(slot, `its predecessor died: ${firstLine(how)}`), delay);
  }

  /** Others take its sockets over until there is somebody in its place again. */
  #vacate(member: Member): void {
    if (this.#members.get(member.slot) !== member) return;
    this.#members.delete(member.slot);
    this.#assign();
    this.#peers.tell(this.#all, this.#members.values());
  }

  #delayAfter(member: Member): number {
    const lived = performance.now() - member.liveAt;
    if (lived < supervision.restart.forgottenAfter) return this.#backoffOf(member.slot).next(lived);
    this.#backoffs.delete(member.slot);
    return 0;
  }

  // --- size --------------------------------------------------------------------------------------

  /** What was asked for at run time. */
  get size(): number | "auto" | undefined {
    return this.#size;
  }

  /** Goes over to another number of workers, until the configuration says another one. */
  async resize(size: number | "auto" | undefined): Promise<void> {
    const before = this.#size;
    this.#size = size;
    try {
      await this.#fit(this.wanted);
      this.#options.onResized();
    } catch (error) {
      this.#size = before;
      throw error;
    }
  }

  async #fit(wanted: number): Promise<void> {
    const wishes = wishesOf(this.#snapshot?.listeners ?? []);
    await this.#link.open(wishes, Math.max(wanted, this.#highest), false);
    const missing = this.#missing(wanted);
    await Promise.all(missing.map((slot) => this.replace(slot, "more workers are wanted")));
    const extra = [...this.#members.values()].filter(({ slot }) => slot >= wanted);
    this.#remove(extra, "fewer workers are wanted");
  }

  /** Others accept on their sockets first, then they stop. */
  #remove(members: readonly Member[], because: string): void {
    for (const { slot } of members) this.#members.delete(slot);
    this.#assign();
    this.#peers.tell(this.#all, this.#members.values());
    for (const each of members) this.#dismiss(each, because);
  }

  /** Replaces all, one after the other. Throws why one could not be; the rest serve on then. */
  async roll(reason: string): Promise<void> {
    for (let slot = 0; slot < this.wanted; slot++) await this.replace(slot, reason);
  }

  // --- numbers -----------------------------------------------------------------------------------

  #tellNews(): void {
    for (const each of [...this.#members.values(), ...this.#starting, ...this.#leaving]) {
      const news = each.isCongested ? undefined : this.#hub.news(each.number);
      if (news !== undefined) each.send({ kind: "learn", news });
    }
  }

  /**
   * Also those that leave: they may carry requests for a while. Whose mark it may be hears of it last: it tells its client
   * then, who may ask another worker at once.
   */
  learn(news: StateNews): void {
    const isLast = ({ number }: Member) => Number(number === this.#marker);
    for (const each of this.#all.toSorted((one, other) => isLast(one) - isLast(other))) {
      each.send({ kind: "state-news", news });
    }
  }

  #tellSessions(from: Member, sessions: readonly SessionNote[]): void {
    for (const each of this.#all) {
      if (each !== from && !each.isCongested) each.send({ kind: "sessions", sessions });
    }
  }

  ask<Kind extends QuestionKind>(
    kind: Kind,
    question: QuestionOf<Kind>,
  ): Promise<readonly (AnswerOf<Kind> | undefined)[]> {
    return Promise.all(this.#all.map((each) => each.ask(kind, question)));
  }

  get #all(): Member[] {
    return [...this.#members.values(), ...this.#starting, ...this.#leaving];
  }

  get rows(): readonly WorkerRow[] {
    return this.#all.map(({ row }) => row);
  }

  get memory(): number {
    return this.#all.reduce((sum, { memory }) => sum + memory, 0);
  }

  get counts(): Counts {
    const all = this.#all;
    const sum = (name: keyof Counts) => all.reduce((total, each) => total + each.counts[name], 0);
    return {
      connections: sum("connections"),
      exchanges: sum("exchanges"),
      tunnels: sum("tunnels"),
      answered: sum("answered") + this.#answeredByGone,
    };
  }

  reopenLogs(): void {
    for (const each of this.#all) each.send({ kind: "reopen-logs" });
  }

  // --- the end -----------------------------------------------------------------------------------

  end(signal: AbortSignal): Promise<void> {
    const { grace, tunnelGrace } = this.#snapshot?.shutdown ?? { grace: 0, tunnelGrace: 0 };
    return this.#endAll({ grace, tunnelGrace, isPatient: false }, "the program ends", signal);
  }

  hurry(): void {
    const { grace, tunnelGrace } = this.#snapshot?.shutdown ?? { grace: 0, tunnelGrace: 0 };
    for (const each of this.#leaving) each.cutAfter(Math.max(grace, tunnelGrace));
  }

  retire(signal: AbortSignal): Promise<void> {
    // From now on operators talk to the newer program: what waits here would never hear of a `resume`.
    for (const each of this.#all) each.send({ kind: "end-pauses" });
    return this.#endAll(this.#patience, "a newer program serves", signal);
  }

  async #endAll(times: LeaveTimes, because: string, signal: AbortSignal): Promise<void> {
    this.#isEnding = true;
    this.#watch.stop();
    // A copy that nobody accepts on would keep connections waiting for nothing.
    void this.#link.keep([]);
    const all = this.#all;
    for (const each of all) {
      if (each.state === "leaving") each.cutAfter(times.grace);
      else this.#dismiss(each, because, times);
    }
    const cut = () => {
      for (const each of all) each.cutAfter(0);
    };
    if (signal.aborted) cut();
    signal.addEventListener("abort", cut, { once: true });
    await Promise.all(all.map(({ exited }) => exited));
    signal.removeEventListener("abort", cut);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? "";
}
