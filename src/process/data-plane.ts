// The data plane of one process: listeners, the proxy behind them, and the change from one snapshot to the
// next while traffic flows. The only place where they are put together.

import type { Counts } from "../admin/operations.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";
import { Tally, type TallyNews, type TallyReport } from "../lib/tally.ts";
import { Wheel } from "../lib/wheel.ts";
import { Addresses } from "../listen/addresses.ts";
import type { BoundAddress } from "../listen/listening-socket.ts";
import type { ExchangeHandler } from "../listen/connection-context.ts";
import type { OpenSocket } from "../listen/open-socket.ts";
import type { Peers } from "../peers/peers.ts";
import type { MeasureReport } from "../metrics/layout.ts";
import { MeterBook } from "../metrics/meter.ts";
import { Destinations } from "../proxy/destinations.ts";
import { Proxy } from "../proxy/handle.ts";
import { Live, type LiveOptions } from "../proxy/live.ts";
import type { Plan } from "../proxy/plan.ts";
import { loggedStream } from "../proxy/logged-stream.ts";
import { Caps } from "../upstream/caps.ts";
import type { LiveService } from "../upstream/live-service.ts";
import type { Mark, ServiceLoad, ServiceOutcomes, StateNews } from "../upstream/state.ts";
import { Entrances } from "./entrances.ts";
import { MeasuresReporter } from "./measures-report.ts";
import { PeerEntrance } from "./peer-entrance.ts";
import { Ports, type SocketSource } from "./ports.ts";
import type { Answer, Question } from "./questions.ts";
import { trafficAnswer } from "./traffic-questions.ts";

/** Deadlines are coarse: nobody sets a timeout to a tenth of a second. */
const tickMs = 50;
const sweepMs = 1000;
const drainStepMs = 20;

/** How to end: what is granted to whom, ms. */
export interface DrainOptions {
  readonly grace: number;
  readonly tunnelGrace: number;
  /** Idle connections may ask once more within the grace time, so that no request meets a closed one. */
  readonly isPatient: boolean;
  /** Aborted: what is left is cut at once. */
  readonly signal: AbortSignal;
}

export interface PlaneOptions {
  readonly log: Log;
  readonly sockets: SocketSource;
  /** Left out = this process serves alone. */
  readonly peers?: Peers;
  /** What is known of backends and services already. */
  readonly states: StateNews;
  /** Traffic showed what other processes want to know. */
  onMark(mark: Mark): void;
  onSession(service: string, id: string, backend: string): void;
  /** Somebody asks for a service that is started on demand, and nobody is there. */
  onWanted(service: string): void;
  /** A client asks for a name that gets a certificate on demand. */
  onAskedName(name: string): void;
}

export class DataPlane {
  readonly #wheel = new Wheel(tickMs);
  readonly #tally = new Tally();
  readonly #caps = new Caps(this.#tally);
  readonly #addresses: Addresses;
  readonly #destinations: Destinations;
  readonly #proxy: Proxy;
  readonly #liveOptions: LiveOptions;
  readonly #ports: Ports;
  readonly #entrances: Entrances;
  readonly #measures: MeasuresReporter;
  readonly #sweeper: NodeJS.Timeout;
  #peers: PeerEntrance | undefined;
  /** How much was counted when `outcomeChanges` was asked last. */
  readonly #told = new WeakMap<LiveService, number>();

  private constructor(snapshot: Snapshot, options: PlaneOptions) {
    const { log, sockets, states } = options;
    this.#ports = new Ports(sockets);
    this.#addresses = new Addresses(snapshot.limits, this.#tally);
    this.#destinations = new Destinations({
      wheel: this.#wheel,
      caps: this.#caps,
      onMark: (mark) => options.onMark(mark),
      onSession: (...session) => options.onSession(...session),
      onWanted: (service) => options.onWanted(service),
      nameServers: nameServers(),
    });
    this.#destinations.replaceStates(states);
    const meters = new MeterBook();
    this.#liveOptions = {
      meters,
      destinations: this.#destinations,
      wheel: this.#wheel,
      ...(options.peers === undefined ? {} : { peers: options.peers }),
      carryTo: (exchange, plan, service) =>
        this.#proxy.carry(exchange, plan, this.#destinations.get(service)),
      onProblem: (message, fields) => log.warn(message, fields),
    };
    this.#proxy = new Proxy({
      live: new Live(snapshot, undefined, this.#liveOptions),
      wheel: this.#wheel,
      ...(options.peers === undefined ? {} : { peers: options.peers }),
      onProblem: (message, fields) => log.warn(message, fields),
    });
    // There is somebody now whom they are about.
    this.#destinations.learn({ backends: [], services: [], marks: states.marks });
    this.#entrances = new Entrances({
      log,
      wheel: this.#wheel,
      addresses: this.#addresses,
      destinations: this.#destinations,
      handler: this.#proxy,
      onAskedName: (name) => options.onAskedName(name),
      onStream: (stream) => {
        this.#measures.onStream(stream);
        this.#proxy.live.accessLog?.write(loggedStream(stream));
      },
    });
    this.#measures = this.#makeMeasures(meters);
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs).unref();
  }

  #makeMeasures(meters: MeterBook): MeasuresReporter {
    const [destinations, entrances, proxy] = [this.#destinations, this.#entrances, this.#proxy];
    return new MeasuresReporter(meters, {
      services: () => destinations.services,
      caches: () => proxy.caches.rows,
      listeners: () => entrances.counts(),
    });
  }

  /** Opens all listeners; throws when one cannot be opened. */
  static async start(snapshot: Snapshot, options: PlaneOptions): Promise<DataPlane> {
    const plane = new DataPlane(snapshot, options);
    try {
      const prepared = await plane.#ports.prepare(snapshot.listeners);
      plane.#entrances.take(snapshot);
      plane.#ports.commit(prepared, (name) => plane.#entrances.userOf(name));
    } catch (error) {
      clearInterval(plane.#sweeper);
      throw error;
    }
    return plane;
  }

  /**
   * Goes over to another snapshot: opens new addresses, swaps the table, and lets listeners that are gone
   * finish what they carry. Throws, with nothing changed, when an address cannot be opened.
   */
  async apply(snapshot: Snapshot): Promise<void> {
    const prepared = await this.#ports.prepare(snapshot.listeners);
    try {
      this.#proxy.live = new Live(snapshot, this.#proxy.live, this.#liveOptions);
    } catch (error) {
      this.#ports.undo(prepared);
      throw error;
    }
    this.#addresses.limits = snapshot.limits;
    const gone = this.#entrances.take(snapshot);
    this.#ports.commit(prepared, (name) => this.#entrances.userOf(name));
    this.#entrances.dismiss(gone);
  }

  /** Other workers may ask for answers that are shared. Rejects when it cannot listen there. */
  async openToPeers(path: string): Promise<void> {
    if (this.#peers !== undefined) return;
    this.#peers = new PeerEntrance(this.#proxy, this.#wheel);
    await this.#peers.listen(path);
  }

  /** Accepts on other sockets of an address from now on. */
  useSockets(key: string, sockets: readonly OpenSocket[]): void {
    this.#ports.use(key, sockets);
  }

  /** Where clients can connect, by listener. */
  get bound(): Record<string, BoundAddress[]> {
    return Object.fromEntries(
      [...this.#entrances.names].map((name) => [name, this.#ports.boundOf(name)]),
    );
  }

  get snapshot(): Snapshot {
    return this.#proxy.live.snapshot;
  }

  /** Carries exchanges of connections that somebody else accepted. */
  get handler(): ExchangeHandler<Plan> {
    return this.#proxy;
  }

  get wheel(): Wheel {
    return this.#wheel;
  }

  reopenLogs(): void {
    this.#proxy.live.reopenLogs();
  }

  #sweep(): void {
    for (const service of this.#destinations.services) service.sweep();
    this.#entrances.sweep();
    this.#proxy.tap.refill();
  }

  /** Addresses it accepts on, as `AddressWish.key` names them. */
  get addressKeys(): Iterable<string> {
    return this.#ports.keys;
  }

  acceptsOn(key: string): boolean {
    return this.#ports.has(key);
  }

  // --- what several processes know together ------------------------------------------------------

  /** Counts that hold over all processes, for the hub; undefined = nothing to tell. */
  tallyChanges(): TallyReport | undefined {
    return this.#tally.changes();
  }

  /** From the hub. Ask for `tallyChanges` afterwards. */
  learnTally(news: TallyNews): void {
    this.#tally.learn(news, (key) =>
      Caps.isKey(key) ? this.#caps.limitOf(key) : this.#addresses.limitOf(key),
    );
    this.#caps.wake(news.offers.map(({ key }) => key).filter((key) => Caps.isKey(key)));
  }

  learnStates(news: StateNews): void {
    this.#destinations.learn(news);
  }

  /** Nobody would tell of the end of a pause: what waits for it goes on. */
  endPauses(): void {
    this.#destinations.endPauses();
  }

  takeSession(service: string, id: string, backend: string): void {
    this.#destinations.takeSession(service, id, backend);
  }

  /** Of this process alone. */
  async answer(question: Question): Promise<Answer> {
    switch (question.kind) {
      case "loads":
        return { kind: "loads", services: this.loads };
      case "caches": {
        const { caches } = this.#proxy;
        const { purge } = question;
        const gone = purge === undefined ? { removed: 0 } : await caches.purgeHere(purge);
        return { kind: "caches", rows: caches.rows, ...gone };
      }
      default:
        return trafficAnswer(this.#proxy.tap, question, (connection) =>
          this.#entrances.cut(({ origin }) => origin === connection),
        );
    }
  }

  /** What was counted since this was called last. @param lag how late it is called, seconds */
  measure(lag: number): MeasureReport {
    return this.#measures.report(lag);
  }

  get loads(): readonly ServiceLoad[] {
    return this.#destinations.loads;
  }

  /** Since the process began, of services that were asked since this was called last. */
  outcomeChanges(): ServiceOutcomes[] {
    const changed: ServiceOutcomes[] = [];
    for (const service of this.#destinations.services) {
      const { outcomes } = service;
      // Whatever failed was answered, too.
      if (outcomes.answered === (this.#told.get(service) ?? 0)) continue;
      this.#told.set(service, outcomes.answered);
      changed.push(outcomes);
    }
    return changed;
  }

  get counts(): Counts {
    return {
      connections: this.#entrances.sum("connectionCount"),
      exchanges: this.#entrances.sum("exchangeCount"),
      tunnels: this.#entrances.sum("tunnelCount"),
      answered: this.#proxy.answered,
    };
  }

  /** Accepts no more, finishes what runs within the given times, and closes everything. */
  async drain({ grace, tunnelGrace, isPatient, signal }: DrainOptions): Promise<void> {
    const entrances = this.#entrances;
    this.#ports.closeAll();
    this.#peers?.close();
    entrances.drain(isPatient);
    const tunnels = () => entrances.sum("tunnelCount");
    const forPeers = () => this.#peers?.connectionCount ?? 0;
    const others = () => entrances.sum("connectionCount") - tunnels() + forPeers();
    const started = performance.now();
    const elapsed = () => performance.now() - started;
    while (!signal.aborted && (others() > 0 || tunnels() > 0)) {
      if (elapsed() >= tunnelGrace) entrances.cut((one) => one.isTunnel);
      if (elapsed() >= grace) {
        entrances.cut((one) => !one.isTunnel);
        this.#peers?.cut();
      }
      await new Promise((resolve) => setTimeout(resolve, drainStepMs));
    }
    entrances.cut(() => true);
    this.#peers?.cut();
    clearInterval(this.#sweeper);
    await this.#proxy.live[Symbol.asyncDispose]();
  }
}

/** Where the system's name servers do not know containers: a dnsmasq of the bridge, say. */
function nameServers(): readonly string[] {
  const text = process.env["TIDEGATE_DNS"] ?? "";
  return text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}
