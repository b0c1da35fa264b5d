// Puts a primary together with who serves for it, the control socket and what else belongs to a running
// program. With a link to a supervisor workers serve; without one this process does.

import type { Outcome } from "../admin/operations.ts";
import { controlPlace } from "../admin/control-path.ts";
import type { FileProvider } from "../providers/file.ts";
import type { ConfigReader } from "../config/read.ts";
import { noGuests } from "../config/guest.ts";
import type { Snapshot } from "../config/snapshot.ts";
import { Guests } from "../guest/guests.ts";
import type { Logger } from "../lib/log.ts";
import type { LogRing } from "../lib/log-ring.ts";
import { programVersion } from "../lib/version.ts";
import type { BoundAddress } from "../listen/listening-socket.ts";
import { Health } from "../health/health.ts";
import { IdleWatch } from "./idle-watch.ts";
import type { Mark } from "../upstream/state.ts";
import { AcmeLink } from "./acme-link.ts";
import { AdminListener } from "./admin-listener.ts";
import { Alarms } from "./alarms.ts";
import { CertificateKeeper } from "./certificate-keeper.ts";
import { ProgramConfiguration } from "./configuration.ts";
import { ControlDoor } from "./control-door.ts";
import { Crew } from "./crew.ts";
import type { DataPlane } from "./data-plane.ts";
import { DocumentKeeper } from "./document-keeper.ts";
import { DeadBackends } from "./dead-backends.ts";
import { FleetLink } from "./fleet-link.ts";
import { GuestPlaces } from "./guest-places.ts";
import { HolderBook } from "./holder-book.ts";
import { HolderMemory } from "./holder-memory.ts";
import type { Inherited } from "./held-sockets.ts";
import type { FromPrimary } from "./messages.ts";
import { RunningProgram } from "./operations.ts";
import { Measures } from "./measures.ts";
import { OldApis } from "./old-apis.ts";
import { PortsFile } from "./ports-file.ts";
import { PeerFolder } from "./peer-folder.ts";
import { Predecessors } from "./predecessors.ts";
import { Primary } from "./primary.ts";
import type { SupervisorNote } from "./primary-arguments.ts";
import { Providers } from "./providers.ts";
import type { ProgramSettings } from "./program-settings.ts";
import type { Account } from "./privileges.ts";
import { Rights } from "./rights.ts";
import type { Serving, ServingUser } from "./serving.ts";
import { Solo } from "./solo.ts";
import { StateKeeper } from "./state-keeper.ts";
import { StoreKeeper } from "./store-keeper.ts";
import { SupervisorLink } from "./supervisor-link.ts";
import { TrafficDesk } from "./traffic-desk.ts";

export interface ProgramOptions {
  readonly settings: ProgramSettings;
  /** Of the configuration file; undefined = it is ours. */
  readonly reader: ConfigReader | undefined;
  readonly log: Logger;
  readonly ring: LogRing;
  /** Who holds the sockets; undefined = nobody else, this process serves. */
  readonly supervisor: SupervisorNote | undefined;
  /** For a process that serves by itself. */
  readonly inherited: readonly Inherited[];
  /** Another program that embeds this one says the configuration. Then there are no commands, and so no control socket. */
  readonly provider?: FileProvider | undefined;
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
  readonly #store: StoreKeeper;
  readonly #configuration: ProgramConfiguration;
  readonly #admin: AdminListener;
  readonly #oldApis: OldApis;
  readonly #alarms: Alarms;
  readonly #measures: Measures;
  readonly #health: Health;
  readonly #providers: Providers;
  readonly #places: GuestPlaces;
  /** For checks of what is in containers. */
  readonly #guests = new Guests();
  readonly #idle: IdleWatch;
  readonly #fleet: FleetLink;
  readonly #acme: AcmeLink;
  readonly #certificates: CertificateKeeper;
  readonly #documents: DocumentKeeper;
  readonly #dead = new DeadBackends({ take: (mark) => this.#health.take(mark), now: Date.now });
  /** As configured at the start. */
  #stateFolder: string | undefined;
  #link: SupervisorLink | undefined;
  #crew: Crew | undefined;
  #solo: Solo | undefined;
  readonly #control: ControlDoor;
  readonly #predecessors: Predecessors;
  readonly #peerFolder: PeerFolder;
  readonly #ports: PortsFile;
  readonly #rights: Rights;

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.#log = options.log;
    const { supervisor } = options;
    this.#state = new StateKeeper(options.log);
    this.#rights = new Rights({ ...options, state: this.#state });
    this.#ports = new PortsFile(options.settings.portsFile, options.log);
    this.#alarms = new Alarms({
      log: options.log,
      rows: () => this.#health.rows([]),
      folder: (configured) => this.#state.folder(configured),
    });
    this.#health = new Health({
      log: options.log,
      guests: this.#guests,
      onNews: (news) => {
        this.#primary.serving?.learn(news);
        this.#fleet.learn(news);
      },
      onEvent: (event) => this.#alarms.onHealth(event),
      ...(supervisor?.legacy.orders === undefined ? {} : { orders: supervisor.legacy.orders }),
    });
    const folder = () => this.#state.folder(this.#stateFolder);
    this.#providers = new Providers({
      log: options.log,
      folder,
      onChange: () => this.#primary.rediscover(),
      onDead: (provider, dead) => this.#dead.update(provider, dead),
      areGuestsNews: (provider) => this.#places.isNews(provider),
    });
    this.#places = this.#makePlaces();
    this.#store = new StoreKeeper(options.log);
    this.#admin = new AdminListener({
      log: options.log,
      keeper: this.#store,
      operations: () => this.#operations,
      isSuccessor: supervisor?.isFirst === false,
      onOpened: () => this.#writePortsFile(),
    });
    this.#configuration = this.#makeConfiguration();
    this.#control = this.#makeControl();
    this.#predecessors = new Predecessors(this.#control);
    this.#peerFolder = new PeerFolder(options.log);
    this.#acme = this.#makeAcme(folder);
    this.#certificates = this.#makeCertificates();
    this.#documents = new DocumentKeeper({
      ...{ log: options.log, folder, onChange: () => void this.#primary.rediscover() },
    });
    this.#primary = this.#makePrimary(folder);
    this.#idle = new IdleWatch(this.#primary, this.#providers.discoveries);
    this.#fleet = new FleetLink({
      ...{ log: options.log, mainPid: supervisor?.pid ?? process.pid, state: this.#state },
      ...{ health: this.#health, primary: this.#primary, admin: this.#admin },
      onOrders: () => this.#tellLegacy(),
    });
    this.#measures = new Measures({
      ...{ log: options.log, health: this.#health, providers: this.#providers },
      ...{ primary: this.#primary, operations: () => this.#operations },
    });
    this.#operations = this.#makeOperations();
    this.#oldApis = new OldApis({ operations: this.#operations, log: options.log });
    if (supervisor === undefined) return;
    this.#link = new SupervisorLink({
      onOrder: (order) => this.#obey(order),
      onOrphaned: () => this.#onOrphaned(),
    });
  }

  #makeConfiguration(): ProgramConfiguration {
    return new ProgramConfiguration({
      ...{ log: this.#log, keeper: this.#store, primary: () => this.#primary },
      ...{ services: this.#health.byName, saidWith: (kept) => this.#providers.saidWith(kept) },
      failuresOf: (routes) => this.#measures.failuresOf(routes),
      onTakenBack: (message) => this.#alarms.onTakenBack(message),
    });
  }

  #makeControl(): ControlDoor {
    return new ControlDoor({
      log: this.#log,
      isSuccessor: this.#options.supervisor?.isFirst === false,
      operations: () => this.#operations,
      isStopping: () => this.#primary.isStopping,
    });
  }

  #makePlaces(): GuestPlaces {
    return new GuestPlaces({
      log: this.#log,
      found: (provider) => this.#providers.discoveries.guestsOf(provider),
      live: () => this.#primary.snapshot?.guests ?? noGuests,
    });
  }

  #makeAcme(folder: () => string | undefined): AcmeLink {
    return new AcmeLink({
      log: this.#log,
      folder,
      publish: () => this.#primary.republish(),
      onChange: () => void this.#primary.rediscover(),
    });
  }

  #makeCertificates(): CertificateKeeper {
    const { supervisor } = this.#options;
    return new CertificateKeeper({
      log: this.#log,
      acme: this.#acme,
      inherited: async () => (supervisor?.hasTicket === true ? this.#link?.ticket : undefined),
      onTicket: (ticket) => this.#link?.tell({ kind: "ticket-secret", ticket }),
      onChange: () => void this.#primary.rediscover(),
      onLook: (rows) => this.#alarms.onCertificates(rows),
    });
  }

  #makePrimary(folder: () => string | undefined): Primary {
    const { settings, supervisor, log, reader } = this.#options;
    return new Primary({
      ...{ config: settings.config, provider: this.#options.provider, reader },
      ...{ port: settings.port, log },
      isDraining: supervisor?.legacy.isDraining ?? false,
      providers: this.#providers,
      holders: new HolderBook(new HolderMemory(log, folder)),
      saidWith: (catalog) => this.#configuration.said(catalog),
      secretFor: (catalog) => this.#state.secretFor(catalog, this.#rights.heir(catalog)),
      cacheFolderFor: (all) => this.#state.cacheFolderFor(all, this.#rights.heir(all)),
      prepareCredentials: (catalog) => this.#certificates.prepare(catalog),
      credentialsFor: (catalog, said) => this.#certificates.credentialsFor(catalog, said),
      prepareDocuments: (catalog) => this.#documents.prepare(catalog),
      documentsFor: (snapshot) => this.#documents.documentsFor(snapshot),
      guestsFor: (services) => this.#places.of(services),
      mustHold: (snapshot) => this.#configuration.explanations.mustHold(snapshot),
      onNext: (snapshot) => {
        this.#guests.update(snapshot.guests);
        this.#health.update(snapshot);
      },
      onRefused: (problems) => this.#alarms.onRefused(problems),
      begin: (snapshot) => this.#begin(snapshot),
      onLive: (serving, snapshot, isFirst) => this.#onLive(serving, snapshot, isFirst),
      onReloading: (isDone) => this.#onReloading(isDone),
      onEnding: () => void this.#onEnding(),
    });
  }

  #makeOperations(): RunningProgram {
    const { settings, supervisor, log, ring } = this.#options;
    return new RunningProgram({
      version: programVersion(),
      mainPid: supervisor?.pid ?? process.pid,
      config: settings.config,
      ...{ primary: this.#primary, health: this.#health, providers: this.#providers },
      ...{ configuration: this.#configuration, explanations: this.#configuration.explanations },
      measures: this.#measures,
      traffic: new TrafficDesk(() => this.#primary, this.#configuration),
      storeTrouble: () => this.#store.trouble,
      access: () => this.#admin.access,
      nodes: () => this.#fleet.rows(),
      certificates: () => this.#certificates.rows(),
      authority: () => this.#acme.authority,
      renewCertificate: (certificate) => this.#acme.renew(certificate),
      onOrders: (ordered) => {
        this.#tellLegacy();
        this.#fleet.ordered(ordered);
      },
      testAlert: () => this.#alarms.test(),
      log,
      tail: ring,
      crew: () => this.#crew,
      upgrade: async () => this.#link?.upgrade(),
      isOrphaned: () => this.#link !== undefined && !this.#link.isOpen,
      stop: (isNow) => this.stop(isNow),
    });
  }

  /** Serves until it is told to stop. Throws when it cannot begin. */
  async run(): Promise<void> {
    try {
      await this.#primary.run();
    } finally {
      await this.#onEnding();
      await this.#control.close();
      this.#peerFolder.remove();
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
    const path = controlPlace(settings.control ?? snapshot.controlSocket).path;
    this.#control.path = path;
    if (this.#link === undefined || supervisor === undefined) {
      this.#openStore(this.#rights.heir(snapshot));
      const solo = new Solo({ log: this.#log, inherited, user: this.#servingUser });
      await solo.open(snapshot);
      this.#solo = solo;
      this.#rights.settle(snapshot, path);
      return solo;
    }
    // A program with workers goes on with workers; the primary says that this needs a new start.
    if (count === 0 && supervisor.isFirst) throw new WantsSingle();
    this.#rights.settle(snapshot, path);
    this.#openStore(undefined);
    if (!supervisor.isFirst) await this.#store.mustKeepUp(path);
    await this.#predecessors.find();
    const { workers } = supervisor.legacy;
    this.#crew = new Crew({
      link: this.#link,
      user: this.#servingUser,
      log: this.#log,
      onWorkerLog: (record) => this.#log.write(record),
      isTakeOver: this.#predecessors.areThere,
      size: workers === undefined ? settings.workers : (workers ?? undefined),
      onResized: () => this.#tellLegacy(),
      onWorkers: (pids) => this.#predecessors.note(pids),
      peerFolder: this.#peerFolder.make(path),
    });
    return this.#crew;
  }

  /** @param account whom we are about to become, if we are not yet */
  #openStore(account: Account | undefined): void {
    const main = this.#options.supervisor?.pid ?? process.pid;
    this.#state.within(this.#stateFolder, account, (folder) => this.#store.open(folder, main));
  }

  get #servingUser(): ServingUser {
    return {
      states: () => this.#health.states(),
      onMark: (mark) => this.#onMark(mark),
      onOutcomes: (worker, services) => this.#alarms.onOutcomes(worker, services),
      ...this.#measures.hooks(this.#alarms),
      onWanted: (service) => this.#providers.discoveries.start(service),
      onAskedName: (name) => this.#acme.asked(name),
    };
  }

  #onMark(mark: Mark): void {
    this.#health.take(mark);
    this.#fleet.shown(mark);
    if (mark.kind !== "dead") return;
    const { service, backend, for: time } = mark;
    this.#providers.sources.tellDead({ service, backend, until: Date.now() + time });
  }

  async #onLive(serving: Serving, snapshot: Snapshot, isFirst: boolean): Promise<void> {
    this.#health.settled(snapshot);
    this.#dead.settle();
    this.#alarms.update(snapshot);
    this.#idle.update(snapshot);
    this.#certificates.settled(snapshot, this.#primary.certificates);
    this.#documents.settled(snapshot);
    await this.#configuration.explanations.settled(snapshot);
    void this.#places.settled(snapshot.guests);
    if (isFirst) {
      this.#options.onFirst(snapshot, serving.bound);
      const isCommanded = this.#options.provider === undefined;
      if (isCommanded && !this.#predecessors.areThere) await this.#control.open();
      if (isCommanded) this.#control.watch();
    }
    const status = `${snapshot.routes.length} routes, ${serving.wanted} workers`;
    const pidFile = this.#options.settings.pidFile ?? snapshot.pidFile;
    this.#options.onServing(pidFile, status);
    const grace = Math.max(snapshot.shutdown.grace, snapshot.shutdown.tunnelGrace);
    this.#link?.tell({ kind: "serving", pidFile, status, grace });
    await this.#link?.keep(this.#crew?.keys ?? []);
    // Those before us are told to leave when everybody who connects reaches us.
    if (isFirst && this.#predecessors.areThere) {
      await this.#control.open();
      this.#predecessors.dismissOrphans();
    }
    this.#tellLegacy();
    await this.#oldApis.update(snapshot.compat);
    // Last of all: who waits for it may give commands and make calls at once.
    await Promise.all([this.#measures.update(snapshot), this.#admin.update(snapshot.admin)]);
    this.#writePortsFile();
    this.#fleet.update(snapshot);
  }

  #writePortsFile(): void {
    const others = { ...this.#measures.bound, ...this.#admin.bound };
    this.#ports.write(this.#primary.serving?.bound ?? {}, others);
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
    if (!isDone) this.#store.retry();
    this.#options.onReloading(isDone);
    this.#link?.tell({ kind: "reloading", isDone });
  }

  // --- the end -----------------------------------------------------------------------------------

  /** A successor may do all this already, while our workers finish what they carry. */
  async #onEnding(): Promise<void> {
    this.#idle[Symbol.dispose]();
    this.#certificates[Symbol.dispose]();
    this.#documents[Symbol.dispose]();
    this.#providers[Symbol.dispose]();
    this.#health[Symbol.dispose]();
    this.#configuration.watch[Symbol.dispose]();
    this.#store[Symbol.dispose]();
    await Promise.all([
      this.#admin.close(),
      this.#oldApis.close(),
      this.#acme[Symbol.asyncDispose](),
      this.#alarms.end(),
      this.#measures.end(),
      this.#fleet.end(),
    ]);
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

  /** As `reload`, for whoever wants to know what came of it. */
  reloaded(): Promise<Outcome> {
    return this.#primary.reload();
  }

  restart(): void {
    void this.#operations.restart().then(({ ok, message }) => {
      if (ok) this.#log.info(message);
    });
  }

  /** Where this process serves by itself; undefined = it does not, or not yet. */
  get plane(): DataPlane | undefined {
    return this.#solo?.plane;
  }

  reopenLogs(): void {
    this.#primary.serving?.reopenLogs();
  }
}
