// Puts a primary together with who serves for it, the control socket and what else belongs to a running
// program. With a link to a supervisor workers serve; without one this process does.

import { accessSync, constants, existsSync, renameSync, writeFileSync } from "node:fs";

import { askControl } from "../admin/control-client.ts";
import { controlPlace, prepareFolder } from "../admin/control-path.ts";
import { ControlServer } from "../admin/control-server.ts";
import { DockerProxyApi } from "../admin/docker-proxy-api.ts";
import type { Address, Catalog, Snapshot } from "../config/snapshot.ts";
import type { Logger } from "../lib/log.ts";
import type { LogRing } from "../lib/log-ring.ts";
import { programVersion } from "../lib/version.ts";
import type { BoundAddress } from "../listen/listening-socket.ts";
import { Health } from "../health/health.ts";
import { Idleness } from "./idleness.ts";
import { Alarms } from "./alarms.ts";
import { Crew } from "./crew.ts";
import { Discoveries } from "./discoveries.ts";
import { DiscoveryMemory } from "./discovery-memory.ts";
import type { Inherited } from "./held-sockets.ts";
import type { FromPrimary } from "./messages.ts";
import { RunningProgram } from "./operations.ts";
import { Primary } from "./primary.ts";
import type { SupervisorNote } from "./primary-arguments.ts";
import type { ProgramSettings } from "./program-settings.ts";
import { type Account, accountOf, become } from "./privileges.ts";
import { signal } from "./process-identity.ts";
import type { Serving, ServingUser } from "./serving.ts";
import { Solo } from "./solo.ts";
import { StateKeeper } from "./state-keeper.ts";
import { SupervisorLink } from "./supervisor-link.ts";
import { WorkerList } from "./worker-list.ts";

/** It runs on this machine, and has little else to do. */
const predecessorWaitMs = 2000;
const controlCheckMs = 5000;
/** Idle times are minutes; asking the workers costs them next to nothing. */
const idleCheckMs = 2000;

export interface ProgramOptions {
  readonly settings: ProgramSettings;
  readonly log: Logger;
  readonly ring: LogRing;
  /** Who holds the sockets; undefined = nobody else, this process serves. */
  readonly supervisor: SupervisorNote | undefined;
  /** For a process that serves by itself. */
  readonly inherited: readonly Inherited[];
  /** The first snapshot is live. */
  onFirst(snapshot: Snapshot, bound: Readonly<Record<string, readonly BoundAddress[]>>): void;
  /** As `onFirst`, for whoever must tell it on: the wish for a PID file, and a status line. */
  onServing(pidFile: string | undefined, status: string): void;
  onReloading(isDone: boolean): void;
}

/** The configuration wants a single process, and this is not meant to be it. */
export class WantsSingle extends Error {}

export class Program {
  readonly #options: ProgramOptions;
  readonly #log: Logger;
  readonly #primary: Primary;
  readonly #operations: RunningProgram;
  readonly #state: StateKeeper;
  readonly #alarms: Alarms;
  readonly #health: Health;
  readonly #discoveries: Discoveries;
  readonly #idleness = new Idleness();
  #idleCheck: NodeJS.Timeout | undefined;
  /** As configured at the start. */
  #stateFolder: string | undefined;
  #link: SupervisorLink | undefined;
  #crew: Crew | undefined;
  #control: ControlServer | undefined;
  #controlPath = "";
  #dockerProxy: DockerProxyApi | undefined;
  #dockerProxyKey: string | undefined;
  #workerList: WorkerList | undefined;
  /** Workers that lost primary and main process; they listen on our addresses still. */
  #orphans: readonly string[] = [];
  /** Somebody of ours who lost its supervisor answers at the control socket. */
  #predecessor: string | undefined;

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.#log = options.log;
    const { settings, supervisor } = options;
    this.#state = new StateKeeper(options.log);
    this.#alarms = new Alarms({
      log: options.log,
      rows: () => this.#health.rows([]),
      folder: (configured) => this.#state.folder(configured),
    });
    this.#health = new Health({
      log: options.log,
      onNews: (news) => this.#primary.serving?.learn(news),
      onEvent: (event) => this.#alarms.onHealth(event),
      ...(supervisor?.legacy.orders === undefined ? {} : { orders: supervisor.legacy.orders }),
    });
    const memory = new DiscoveryMemory(options.log, () => this.#state.folder(this.#stateFolder));
    this.#discoveries = new Discoveries({
      log: options.log,
      memory,
      onChange: () => this.#primary.rediscover(),
    });
    this.#primary = new Primary({
      config: settings.config,
      port: settings.port,
      log: options.log,
      isDraining: supervisor?.legacy.isDraining ?? false,
      discoveries: this.#discoveries,
      memory,
      secretFor: (catalog) => this.#state.secretFor(catalog, this.#nextAccount(catalog)),
      onNext: (snapshot) => this.#health.update(snapshot),
      onRefused: (problems) => this.#alarms.onRefused(problems),
      begin: (snapshot) => this.#begin(snapshot),
      onLive: (serving, snapshot, isFirst) => this.#onLive(serving, snapshot, isFirst),
      onReloading: (isDone) => this.#onReloading(isDone),
      onEnding: () => void this.#onEnding(),
    });
    this.#operations = new RunningProgram({
      version: programVersion(),
      mainPid: supervisor?.pid ?? process.pid,
      config: settings.config,
      primary: this.#primary,
      health: this.#health,
      discoveries: this.#discoveries,
      onOrders: () => this.#tellLegacy(),
      testAlert: () => this.#alarms.test(),
      log: options.log,
      tail: options.ring,
      crew: () => this.#crew,
      upgrade: async () => this.#link?.upgrade(),
      isOrphaned: () => this.#link !== undefined && !this.#link.isOpen,
      stop: (isNow) => this.stop(isNow),
    });
    if (supervisor === undefined) return;
    this.#link = new SupervisorLink({
      onOrder: (order) => this.#obey(order),
      onOrphaned: () => this.#onOrphaned(),
    });
  }

  /** Serves until it is told to stop. Throws when it cannot begin. */
  async run(): Promise<void> {
    try {
      await this.#primary.run();
    } finally {
      await this.#onEnding();
      await this.#control?.close();
    }
  }

  /** The last thing that is said to the supervisor. */
  async leave(message: Extract<FromPrimary, { kind: "single" | "not-started" }>): Promise<void> {
    await this.#link?.tellAndWait(message);
  }

  #obey(order: "stop" | "reload" | "reopen-logs" | "restart" | "retire"): void {
    switch (order) {
      case "stop":
        this.#primary.stop();
        break;
      case "reload":
        this.reload();
        break;
      case "reopen-logs":
        this.reopenLogs();
        break;
      case "restart":
        this.restart();
        break;
      case "retire":
        this.#primary.retire();
        break;
    }
  }

  // --- going live --------------------------------------------------------------------------------

  async #begin(snapshot: Snapshot): Promise<Serving> {
    const { settings, supervisor, inherited } = this.#options;
    this.#stateFolder = snapshot.stateFolder;
    const count = settings.workers ?? snapshot.workers.count;
    const account = this.#nextAccount(snapshot);
    const path = controlPlace(settings.control ?? snapshot.controlSocket).path;
    // Kept, since as another user we might be told another one.
    this.#controlPath = path;
    if (this.#link === undefined || supervisor === undefined) {
      const solo = new Solo({ log: this.#log, inherited, user: this.#servingUser });
      await solo.open(snapshot);
      this.#giveUpRights(account, snapshot);
      return solo;
    }
    // A program with workers goes on with workers; the primary says that this needs a new start.
    if (count === 0 && supervisor.isFirst) throw new WantsSingle();
    this.#giveUpRights(account, snapshot);
    this.#predecessor = await this.#findPredecessor(path);
    this.#workerList = new WorkerList(path);
    this.#orphans = this.#predecessor === undefined ? this.#workerList.left() : [];
    const { workers } = supervisor.legacy;
    this.#crew = new Crew({
      link: this.#link,
      user: this.#servingUser,
      log: this.#log,
      onWorkerLog: (record) => this.#log.write(record),
      isTakeOver: this.#isTakeOver,
      size: workers === undefined ? settings.workers : (workers ?? undefined),
      onResized: () => this.#tellLegacy(),
      onWorkers: (pids) => this.#workerList?.write(pids),
    });
    return this.#crew;
  }

  /** Whom we will become; undefined = nobody else, or we are already who we stay. */
  #nextAccount({ runAs }: Catalog): Account | undefined {
    if (this.#primary.serving !== undefined) return undefined;
    const { user = runAs.user, group = runAs.group } = this.#options.settings;
    return accountOf({ user, group });
  }

  get #servingUser(): ServingUser {
    return {
      states: () => this.#health.states(),
      onMark: (mark) => this.#health.take(mark),
      onOutcomes: (worker, services) => this.#alarms.onOutcomes(worker, services),
      onReplaced: (slot, pid, what) => this.#alarms.onReplaced(slot, pid, what),
      onGone: (worker) => this.#alarms.onWorkerGone(worker),
      onWanted: (service) => this.#discoveries.start(service),
    };
  }

  get #isTakeOver(): boolean {
    return this.#predecessor !== undefined || this.#orphans.length > 0;
  }

  /** The folder of the control socket is made first: whom we become may not be able to. */
  #giveUpRights(account: Account | undefined, { stateFolder }: Snapshot): void {
    prepareFolder(this.#controlPath, account);
    if (account === undefined) return;
    this.#state.prepare(stateFolder, account);
    become(account);
    this.#warnIfUnreadable();
  }

  /** Root could read it at the start; a reload will not. */
  #warnIfUnreadable(): void {
    const { config } = this.#options.settings;
    if (config === undefined) return;
    try {
      accessSync(config, constants.R_OK);
    } catch {
      const user = process.getuid?.();
      this.#log.warn(
        "the configuration cannot be read by the user we run as: no reload will work",
        {
          config,
          user,
        },
      );
    }
  }

  async #findPredecessor(path: string): Promise<string | undefined> {
    const answer = await askControl(path, { route: "/v1/status", timeoutMs: predecessorWaitMs });
    if (answer.kind !== "answer") return undefined;
    const { body } = answer;
    const isOrphaned =
      typeof body === "object" && body !== null && Reflect.get(body, "state") === "orphaned";
    return isOrphaned ? path : undefined;
  }

  async #onLive(serving: Serving, snapshot: Snapshot, isFirst: boolean): Promise<void> {
    this.#health.settled(snapshot);
    this.#alarms.update(snapshot);
    this.#watchIdle(snapshot);
    if (isFirst) {
      this.#options.onFirst(snapshot, serving.bound);
      if (!this.#isTakeOver) await this.#openControl();
      this.#watchControl();
    }
    const status = `${snapshot.routes.length} routes, ${serving.wanted} workers`;
    const pidFile = this.#options.settings.pidFile ?? snapshot.pidFile;
    this.#options.onServing(pidFile, status);
    const grace = Math.max(snapshot.shutdown.grace, snapshot.shutdown.tunnelGrace);
    this.#link?.tell({ kind: "serving", pidFile, status, grace });
    await this.#link?.keep(this.#crew?.keys ?? []);
    // Those before us are told to leave when everybody who connects reaches us.
    if (isFirst && this.#isTakeOver) {
      await this.#openControl();
      for (const each of this.#orphans) signal(each, "SIGUSR2");
    }
    this.#tellLegacy();
    await this.#openDockerProxy(snapshot.compat.dockerProxyApi);
    // Last of all: who waits for it may give commands and make calls at once.
    this.#writePortsFile(serving);
  }

  /** While there is anything that was started because a request came. */
  #watchIdle({ services }: Snapshot): void {
    const isOnDemand = Object.values(services).some(
      (each) => each.kind === "backends" && each.onDemand !== undefined,
    );
    if (!isOnDemand) {
      clearInterval(this.#idleCheck);
      this.#idleCheck = undefined;
      return;
    }
    this.#idleCheck ??= setInterval(() => void this.#stopIdle(), idleCheckMs).unref();
  }

  async #stopIdle(): Promise<void> {
    const { serving, snapshot, isStopping } = this.#primary;
    if (serving === undefined || snapshot === undefined || isStopping) return;
    const loads = await serving.loads();
    const { members } = this.#discoveries;
    for (const each of this.#idleness.look(snapshot.services, loads, members, performance.now())) {
      this.#discoveries.stop(each);
    }
  }

  /** By a rename: whoever waits for the file must not read half of it. */
  #writePortsFile(serving: Serving): void {
    const { portsFile } = this.#options.settings;
    if (portsFile === undefined) return;
    try {
      writeFileSync(`${portsFile}.new`, JSON.stringify(serving.bound));
      renameSync(`${portsFile}.new`, portsFile);
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      this.#log.error("the ports file cannot be written", { cause });
    }
  }

  async #openControl(): Promise<void> {
    // One that was told to end meanwhile must not take the path from who stays.
    if (this.#primary.isStopping) return;
    const path = this.#controlPath;
    try {
      await this.#dismissPredecessor();
      // A successor takes the path from its predecessor, who answers there until then.
      const replace =
        this.#options.supervisor?.isFirst === false || this.#predecessor !== undefined;
      const operations = this.#operations;
      const opening = await ControlServer.open({ path, operations, log: this.#log, replace });
      if (opening.kind === "listening") this.#control = opening.server;
      else this.#log.warn("another program answers at the control socket", { path });
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      this.#log.warn("there is no control socket: commands cannot reach this program", { cause });
    }
  }

  /** A socket that somebody removed is opened anew, or no command would ever reach us again. */
  #watchControl(): void {
    const check = setInterval(() => {
      if (this.#primary.isStopping) clearInterval(check);
      // One that could not be opened was told of, and is not tried for ever.
      else if (this.#control !== undefined && !existsSync(this.#controlPath))
        void this.#reopenControl();
    }, controlCheckMs);
    check.unref();
  }

  async #reopenControl(): Promise<void> {
    this.#log.warn("the control socket was removed; it is opened anew", {
      path: this.#controlPath,
    });
    await this.#control?.close();
    this.#control = undefined;
    this.#predecessor = undefined;
    await this.#openControl();
  }

  async #dismissPredecessor(): Promise<void> {
    if (this.#predecessor === undefined) return;
    const answer = await askControl(this.#predecessor, {
      route: "/v1/retire",
      method: "POST",
      timeoutMs: predecessorWaitMs,
    });
    const isTold = answer.kind === "answer" && answer.status === 200;
    if (isTold) this.#log.info("took over from a program that had lost its supervisor");
    else this.#log.warn("the program before this one could not be told to leave", { ...answer });
  }

  async #openDockerProxy(address: Address | undefined): Promise<void> {
    const key = JSON.stringify(address);
    if (key === this.#dockerProxyKey) return;
    this.#dockerProxyKey = key;
    await this.#dockerProxy?.close();
    this.#dockerProxy = undefined;
    if (address === undefined) return;
    try {
      const operations = this.#operations;
      this.#dockerProxy = await DockerProxyApi.open({ address, operations, log: this.#log });
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      this.#log.error("compat.dockerProxyApi: its address cannot be opened", { cause });
    }
  }

  #tellLegacy(): void {
    const legacy = {
      workers: this.#crew?.size ?? null,
      isDraining: this.#primary.isDraining,
      orders: this.#health.orders(),
    };
    this.#link?.tell({ kind: "legacy", legacy });
  }

  #onReloading(isDone: boolean): void {
    this.#options.onReloading(isDone);
    this.#link?.tell({ kind: "reloading", isDone });
  }

  // --- the end -----------------------------------------------------------------------------------

  /** A successor may do all this already, while our workers finish what they carry. */
  async #onEnding(): Promise<void> {
    clearInterval(this.#idleCheck);
    this.#discoveries[Symbol.dispose]();
    this.#health[Symbol.dispose]();
    await Promise.all([this.#dockerProxy?.close(), this.#alarms.end()]);
  }

  /** A new start finds us at the control socket and takes over; without one nobody needs us for long. */
  #onOrphaned(): void {
    const { snapshot, isStopping } = this.#primary;
    if (isStopping) return;
    if (snapshot === undefined) {
      this.#primary.stop();
      return;
    }
    const wait = snapshot.workers.orphanWait;
    this.#log.error("the supervisor is gone; this program serves on", { for: `${wait} ms` });
    setTimeout(() => this.#primary.retire(), wait).unref();
  }

  /** The first time: finish what runs. With `isNow`, or without a supervisor the second time: end at once. */
  stop(isNow = false): void {
    // The supervisor must know that the end is meant; it sends the order back.
    if (this.#link?.isOpen === true) this.#link.tell({ kind: "stop", isNow });
    else this.#primary.stop();
  }

  reload(): void {
    void this.#primary.reload();
  }

  restart(): void {
    void this.#operations.restart().then(({ ok, message }) => {
      if (ok) this.#log.info(message);
    });
  }

  reopenLogs(): void {
    this.#primary.serving?.reopenLogs();
  }
}
