// The process an operator starts. It holds the listening sockets, starts the primary and starts another one
// when it dies; everything that reads foreign bytes happens in others. It stays small, so that it has no
// reason to die, and it never ends before its sockets are of no use to anybody. docs/decisions/0006-processes.md

import type { ChildProcess } from "node:child_process";
import { supervision } from "../config/limits.ts";
import { Backoff } from "../lib/backoff.ts";
import type { Log } from "../lib/log.ts";
import { Channel } from "./channel.ts";
import { startProcess } from "./entry.ts";
import { HeldSockets, type HeldSocket, type Inherited } from "./held-sockets.ts";
import type { Failure, FromPrimary, Legacy, TicketNote, ToPrimary } from "./messages.ts";
import { writePrimaryArguments } from "./primary-arguments.ts";
import type { ProgramSettings } from "./program-settings.ts";
import { Orphans } from "./orphans.ts";
import { identityOf, parentOf, signal as signalProcess } from "./process-identity.ts";

export interface SupervisorOptions {
  readonly settings: ProgramSettings;
  /** The file a primary begins with. */
  readonly primaryEntry: string;
  readonly log: Log;
  readonly inherited: readonly Inherited[];
  /** The first time, and after every change of who serves. */
  onServing(pidFile: string | undefined, status: string): void;
  onReloading(isDone: boolean): void;
  onStopping(): void;
}

/** How the program ended: an exit code, or the wish to go on as a single process. */
export type Ending = number | "single";

/** A primary, as the supervisor sees it. */
interface Primary {
  readonly child: ChildProcess;
  readonly channel: Channel<FromPrimary, ToPrimary>;
  readonly startedAt: number;
  /** Sockets it has been given. */
  readonly given: WeakSet<object>;
  /** Identities of the workers it keeps. */
  readonly workers: Set<string>;
  isServing: boolean;
  whyNotStarted: string | undefined;
  /** Kills it when it does not serve in time. */
  readonly late: NodeJS.Timeout | undefined;
  /** Who asked for this one by `upgrade`, and the number of the question. */
  askedBy: { readonly primary: Primary; readonly id: number } | undefined;
}

/** Beyond what the configuration grants until the end, ms; and after the second call for it. */
const overstayMs = 10_000;
const hurryMs = 3000;
/** Within this, a signal to the whole group has reached all of it, ms. */
const sameCallMs = 500;

export class Supervisor {
  readonly #options: SupervisorOptions;
  /** Made when first asked for: a single process takes the inherited ones itself. */
  #sockets: HeldSockets | undefined;
  readonly #ended = Promise.withResolvers<Ending>();
  /** Every one that lives. */
  readonly #primaries = new Set<Primary>();
  /** The one that serves, or is to. */
  #primary: Primary | undefined;
  /** Started by `upgrade`, not serving yet. */
  #successor: Primary | undefined;
  readonly #orphans = new Orphans();
  #legacy: Legacy = { isDraining: false };
  #ticket: TicketNote | undefined;
  readonly #backoff = new Backoff(supervision.restart);
  #restarting: NodeJS.Timeout | undefined;
  /** Addresses the primary wants. */
  #kept: readonly string[] = [];
  #hasServed = false;
  /** What the first primary said, before it had read a byte from outside: later ones cannot name a file. */
  #pidFile: string | undefined;
  /** How long the end may take, ms. */
  #grace = 0;
  #isStopping = false;
  /** `performance.now()` when a primary passed on a call for the end that no signal to us has followed. */
  #relayedAt = -Infinity;
  #isSingle = false;
  #killing: NodeJS.Timeout | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Serves until it is told to stop, or cannot begin. */
  async run(): Promise<Ending> {
    this.#primary = this.#start();
    const ending = await this.#ended.promise;
    clearTimeout(this.#restarting);
    this.#sockets?.keep([]);
    await this.#orphans.gone();
    clearTimeout(this.#killing);
    return ending;
  }

  #start(): Primary {
    const { settings, primaryEntry } = this.#options;
    const note = {
      ...{ pid: process.pid, isFirst: !this.#hasServed, legacy: this.#legacy },
      hasTicket: this.#ticket !== undefined,
    };
    const args = [writePrimaryArguments({ settings, supervisor: note })];
    const child = startProcess(primaryEntry, { args, isMain: true });
    const primary: Primary = {
      child,
      channel: new Channel<FromPrimary, ToPrimary>(child, {
        onMessage: (message) => this.#onMessage(primary, message),
        onClosed() {},
      }),
      startedAt: performance.now(),
      given: new WeakSet(),
      workers: new Set(),
      isServing: false,
      whyNotStarted: undefined,
      late: note.isFirst
        ? undefined
        : setTimeout(() => this.#onLate(primary), supervision.serveWait),
      askedBy: undefined,
    };
    this.#primaries.add(primary);
    if (this.#ticket !== undefined) {
      primary.channel.send({ kind: "ticket-secret", ticket: this.#ticket });
    }
    child.once("error", (error) =>
      this.#onExit(primary, `it could not be started: ${error.message}`),
    );
    child.once("close", (code, signal) =>
      this.#onExit(primary, signal === null ? `code ${code}` : `signal ${signal}`),
    );
    return primary;
  }

  #onLate(primary: Primary): void {
    primary.whyNotStarted = `the new primary did not serve within ${supervision.serveWait} ms`;
    primary.child.kill("SIGKILL");
  }

  #onMessage(primary: Primary, message: FromPrimary): void {
    switch (message.kind) {
      case "open":
        void this.#open(primary, message);
        break;
      case "keep":
        if (primary === this.#primary) this.#keep(message.keys);
        primary.channel.send({ kind: "done", id: message.id, failure: undefined });
        break;
      case "serving":
        this.#onServing(primary, message);
        break;
      case "not-started":
        primary.whyNotStarted = message.why;
        break;
      case "single":
        this.#isSingle = true;
        break;
      case "worker":
        this.#noteWorker(primary, message.pid, message.isAlive);
        break;
      case "legacy":
        this.#legacy = message.legacy;
        break;
      case "ticket-secret":
        this.#ticket = message.ticket;
        break;
      case "upgrade":
        this.#upgrade(primary, message.id);
        break;
      case "stop":
        // A signal to the whole group reaches us by itself, too, before this or after: that is no second call.
        if (!this.#isStopping || message.isNow) {
          if (!message.isNow) this.#relayedAt = performance.now();
          this.#stop();
        }
        break;
      case "reloading":
        this.#options.onReloading(message.isDone);
        break;
    }
  }

  async #open(primary: Primary, { id, wishes, count, isTakeOver }: Message<"open">): Promise<void> {
    let failure: Failure | undefined;
    try {
      this.#sockets ??= new HeldSockets(this.#options.inherited, {
        warn: (message) => this.#options.log.warn(message),
      });
      for (const held of await this.#sockets.open(wishes, count, isTakeOver)) {
        this.#give(primary, held);
      }
    } catch (error) {
      failure = failureOf(error);
    }
    primary.channel.send({ kind: "done", id, failure });
  }

  #give({ given, channel }: Primary, { note, socket }: HeldSocket): void {
    if (given.has(socket)) return;
    given.add(socket);
    channel.send(note, socket.handle);
  }

  #keep(keys: readonly string[]): void {
    this.#kept = keys;
    // A successor may have opened others already; it says so itself when it serves.
    if (this.#successor === undefined) this.#sockets?.keep(keys);
  }

  #noteWorker(primary: Primary, pid: number, isAlive: boolean): void {
    if (isAlive) {
      const identity = identityOf(pid);
      // Its own child, and nobody else's: whom it names is signalled with our rights.
      if (identity !== undefined && parentOf(pid) === primary.child.pid) {
        primary.workers.add(identity);
      }
      return;
    }
    for (const each of primary.workers)
      if (each.startsWith(`${pid} `)) primary.workers.delete(each);
  }

  #onServing(primary: Primary, { pidFile, status, grace }: Message<"serving">): void {
    clearTimeout(primary.late);
    primary.isServing = true;
    this.#grace = grace;
    if (!this.#hasServed) this.#pidFile = pidFile;
    this.#hasServed = true;
    if (primary === this.#successor) {
      clearTimeout(this.#restarting);
      this.#primary?.channel.send({ kind: "retire" });
      this.#primary = primary;
      this.#successor = undefined;
      const { askedBy } = primary;
      askedBy?.primary.channel.send({ kind: "upgraded", id: askedBy.id, failure: undefined });
    }
    this.#orphans.tell("SIGUSR2");
    this.#options.onServing(this.#pidFile, status);
    if (this.#isStopping) primary.channel.send({ kind: "stop" });
  }

  #upgrade(by: Primary, id: number): void {
    if (this.#successor !== undefined || by !== this.#primary || this.#isStopping) {
      const failure = "another upgrade, or the end of the program, is under way";
      by.channel.send({ kind: "upgraded", id, failure });
      return;
    }
    this.#successor = this.#start();
    this.#successor.askedBy = { primary: by, id };
  }

  #onExit(primary: Primary, how: string): void {
    if (!this.#primaries.delete(primary)) return;
    clearTimeout(primary.late);
    this.#orphans.add(primary.workers);
    // Workers of one that never served are not needed, or a primary that dies at each start would gather them.
    if (!primary.isServing) {
      for (const each of primary.workers) signalProcess(each, "SIGUSR2");
    }
    if (primary === this.#successor) this.#onSuccessorExit(primary, how);
    else if (primary === this.#primary) this.#onPrimaryExit(primary, how);
    this.#endIfOver();
  }

  #onSuccessorExit(primary: Primary, how: string): void {
    this.#successor = undefined;
    // What only this one wanted.
    this.#sockets?.keep(this.#kept);
    const failure = primary.whyNotStarted ?? `the new primary ended with ${how} before it served`;
    const { askedBy } = primary;
    askedBy?.primary.channel.send({ kind: "upgraded", id: askedBy.id, failure });
    if (this.#primary === undefined && !this.#isStopping) this.#restart(primary, how);
  }

  #onPrimaryExit(primary: Primary, how: string): void {
    this.#primary = undefined;
    if (this.#isSingle) {
      this.#ended.resolve(this.#isStopping ? 0 : "single");
      return;
    }
    // A successor that is starting takes its place.
    if (this.#isStopping || this.#successor !== undefined) return;
    if (this.#hasServed) {
      this.#restart(primary, how);
      return;
    }
    if (primary.whyNotStarted === undefined) {
      this.#options.log.error("the primary ended before it served", { how });
    }
    this.#ended.resolve(1);
  }

  /** The workers serve on meanwhile. */
  #restart(primary: Primary, how: string): void {
    const delay = this.#backoff.next(performance.now() - primary.startedAt);
    this.#options.log.error("the primary ended; the workers serve on, and another one is started", {
      how: primary.whyNotStarted ?? how,
      in: `${delay} ms`,
    });
    this.#restarting = setTimeout(() => {
      this.#primary = this.#start();
    }, delay);
  }

  // --- the end -----------------------------------------------------------------------------------

  #endIfOver(): void {
    if (this.#isStopping && this.#primaries.size === 0) this.#ended.resolve(0);
  }

  /** By a signal to this process. The first time: finish what runs. The second time: end at once. */
  stop(): void {
    const isSameCall = performance.now() - this.#relayedAt < sameCallMs;
    this.#relayedAt = -Infinity;
    if (!isSameCall) this.#stop();
  }

  #stop(): void {
    const isFirst = !this.#isStopping;
    this.#isStopping = true;
    clearTimeout(this.#restarting);
    clearTimeout(this.#killing);
    this.#killing = setTimeout(() => this.#kill(), isFirst ? this.#grace + overstayMs : hurryMs);
    if (isFirst) {
      this.#options.onStopping();
      // Who connects from now on is refused at once, rather than left waiting for nobody.
      this.#sockets?.keep([]);
    }
    for (const each of this.#primaries) each.channel.send({ kind: "stop" });
    this.#orphans.tell(isFirst ? "SIGTERM" : "SIGKILL");
    this.#endIfOver();
  }

  /** Whoever does not hear, or does not come to an end. */
  #kill(): void {
    for (const { child, workers } of this.#primaries) {
      for (const each of workers) signalProcess(each, "SIGKILL");
      child.kill("SIGKILL");
    }
    this.#orphans.tell("SIGKILL");
  }

  tell(kind: "reload" | "reopen-logs" | "restart"): void {
    if (kind !== "reopen-logs") {
      this.#primary?.channel.send({ kind });
      return;
    }
    // Also whoever only finishes what it carries writes lines for it.
    for (const each of this.#primaries) each.channel.send({ kind });
    this.#orphans.tell("SIGUSR1");
  }
}

type Message<Kind extends FromPrimary["kind"]> = Extract<FromPrimary, { kind: Kind }>;

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { message: String(error), code: undefined };
  return { message: error.message, code: "code" in error ? String(error.code) : undefined };
}
