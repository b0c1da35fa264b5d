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
import type { Failure, FromPrimary, Legacy, ToPrimary } from "./messages.ts";
import { writePrimaryArguments } from "./primary-arguments.ts";
import type { ProgramSettings } from "./program-settings.ts";
import { identityOf, signal as signalProcess } from "./process-identity.ts";

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
  /** Who asked for this one by `upgrade`, and the number of the question. */
  askedBy: { readonly primary: Primary; readonly id: number } | undefined;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  /** Made when first asked for: a single process takes the inherited ones itself. */
  #sockets: HeldSockets | undefined;
  readonly #ended = Promise.withResolvers<Ending>();
  /** The one that serves, or is to. */
  #primary: Primary | undefined;
  /** Started by `upgrade`, not serving yet. */
  #successor: Primary | undefined;
  readonly #retired = new Set<Primary>();
  /** Workers whose primary died; told to leave when another one serves. */
  #orphans: string[] = [];
  #legacy: Legacy = { workers: undefined, isDraining: false };
  readonly #backoff = new Backoff(supervision.restart);
  #restarting: NodeJS.Timeout | undefined;
  /** Addresses the primary wants. */
  #kept: readonly string[] = [];
  #hasServed = false;
  #isStopping = false;
  #isSingle = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Serves until it is told to stop, or cannot begin. */
  async run(): Promise<Ending> {
    this.#primary = this.#start();
    const ending = await this.#ended.promise;
    clearTimeout(this.#restarting);
    this.#sockets?.keep([]);
    return ending;
  }

  #start(): Primary {
    const { settings, primaryEntry } = this.#options;
    const note = { pid: process.pid, isFirst: !this.#hasServed, legacy: this.#legacy };
    const child = startProcess(primaryEntry, [
      writePrimaryArguments({ settings, supervisor: note }),
    ]);
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
      askedBy: undefined,
    };
    child.once("error", (error) => {
      this.#options.log.error("the primary could not be started", { cause: error.message });
      this.#onExit(primary, "it could not be started");
    });
    child.once("exit", (code, signal) =>
      this.#onExit(primary, signal === null ? `code ${code}` : `signal ${signal}`),
    );
    return primary;
  }

  #onMessage(primary: Primary, message: FromPrimary): void {
    switch (message.kind) {
      case "open":
        void this.#open(primary, message);
        break;
      case "keep":
        if (primary === this.#primary) this.#keep(message.keys);
        break;
      case "serving":
        this.#onServing(primary, message.pidFile, message.status);
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
      case "upgrade":
        this.#upgrade(primary, message.id);
        break;
      case "stop":
        this.stop();
        break;
      case "reloading":
        this.#options.onReloading(message.isDone);
        break;
    }
  }

  async #open(
    primary: Primary,
    { id, wishes, count, isTakeOver }: Extract<FromPrimary, { kind: "open" }>,
  ): Promise<void> {
    let failure: Failure | undefined;
    try {
      this.#sockets ??= new HeldSockets(this.#options.inherited);
      for (const held of await this.#sockets.open(wishes, count, isTakeOver)) {
        this.#give(primary, held);
      }
    } catch (error) {
      failure = failureOf(error);
    }
    primary.channel.send({ kind: "opened", id, failure });
  }

  #give({ given, channel }: Primary, { note, socket }: HeldSocket): void {
    if (given.has(socket)) return;
    given.add(socket);
    channel.send(note, socket.handle);
  }

  #keep(keys: readonly string[]): void {
    this.#kept = keys;
    this.#sockets?.keep(keys);
  }

  #noteWorker(primary: Primary, pid: number, isAlive: boolean): void {
    if (isAlive) {
      const identity = identityOf(pid);
      if (identity !== undefined) primary.workers.add(identity);
      return;
    }
    for (const each of primary.workers)
      if (each.startsWith(`${pid} `)) primary.workers.delete(each);
  }

  #onServing(primary: Primary, pidFile: string | undefined, status: string): void {
    primary.isServing = true;
    this.#hasServed = true;
    if (primary === this.#successor) {
      const before = this.#primary;
      this.#primary = primary;
      this.#successor = undefined;
      if (before !== undefined) {
        this.#retired.add(before);
        before.channel.send({ kind: "retire" });
      }
      const { askedBy } = primary;
      askedBy?.primary.channel.send({ kind: "upgraded", id: askedBy.id, failure: undefined });
    }
    for (const orphan of this.#orphans) signalProcess(orphan, "SIGUSR2");
    this.#orphans = [];
    this.#options.onServing(pidFile, status);
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
    if (this.#retired.delete(primary)) {
      this.#endIfOver();
      return;
    }
    // Workers of one that never served are not needed, or a primary that dies at each start would gather them.
    if (primary.isServing) this.#orphans.push(...primary.workers);
    else for (const each of primary.workers) signalProcess(each, "SIGUSR2");
    if (primary === this.#successor) {
      this.#successor = undefined;
      // What only this one wanted.
      this.#sockets?.keep(this.#kept);
      const failure = primary.whyNotStarted ?? `the new primary ended with ${how} before it served`;
      const { askedBy } = primary;
      askedBy?.primary.channel.send({ kind: "upgraded", id: askedBy.id, failure });
      this.#endIfOver();
      return;
    }
    if (primary !== this.#primary) return;
    this.#primary = undefined;
    if (this.#isSingle) {
      this.#ended.resolve(this.#isStopping ? 0 : "single");
      return;
    }
    if (this.#isStopping) {
      this.#endIfOver();
      return;
    }
    if (!this.#hasServed) {
      this.#ended.resolve(1);
      return;
    }
    this.#restart(primary, how);
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

  #endIfOver(): void {
    if (!this.#isStopping) return;
    const isOver =
      this.#primary === undefined && this.#successor === undefined && this.#retired.size === 0;
    if (!isOver) return;
    // Their primary is gone and nobody else will tell them.
    for (const orphan of this.#orphans) signalProcess(orphan, "SIGTERM");
    this.#ended.resolve(0);
  }

  /** The first time: finish what runs. The second time: end at once. */
  stop(): void {
    if (!this.#isStopping) this.#options.onStopping();
    this.#isStopping = true;
    clearTimeout(this.#restarting);
    // Who connects from now on is refused at once, rather than left waiting for nobody.
    this.#sockets?.keep([]);
    for (const each of [this.#primary, this.#successor, ...this.#retired]) {
      each?.channel.send({ kind: "stop" });
    }
    this.#endIfOver();
  }

  tell(kind: "reload" | "reopen-logs" | "restart"): void {
    this.#primary?.channel.send({ kind });
  }
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { message: String(error), code: undefined };
  return { message: error.message, code: "code" in error ? String(error.code) : undefined };
}
