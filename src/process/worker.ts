// A process that serves: a data plane fed by messages. When the primary is gone it serves on with what it
// has; when nobody takes over in time it finishes what it carries and ends.

import { noCounts } from "../admin/operations.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";
import type { TallyNews } from "../lib/tally.ts";
import { lineOf } from "../lib/log-line.ts";
import { remoteLog } from "../lib/remote-log.ts";
import { LivePeers, type PeerNote } from "../peers/live-peers.ts";
import { isDatagramSocket, type OpenSocket, takeSocket } from "../listen/open-socket.ts";
import type { StateNews } from "../upstream/state.ts";
import { Channel } from "./channel.ts";
import { DataPlane, type DrainOptions } from "./data-plane.ts";
import { callsEnded } from "./ending.ts";
import type { FromWorker, SessionNote, SocketNote, ToWorker } from "./messages.ts";
import { assemble } from "./assembly.ts";
import { emptyAnswer, type Question } from "./questions.ts";
import type { AddressWish, SocketSource } from "./ports.ts";
import { MeasuresClock } from "./measures-clock.ts";
import { isMainAlive } from "./main-process.ts";
import { residentBytes } from "./resident-memory.ts";

/** How often the primary hears of us at least, ms; and how often within `workers.hangTimeout`. */
const pulseMs = 1000;
const pulsesPerTimeout = 5;
/** How often an orphan looks whether its main process lives, ms. */
const mainCheckMs = 250;
/** How often counts are exchanged that hold over all workers, ms. */
const tallyMs = 100;

type Times = Omit<DrainOptions, "signal">;

export class Worker implements SocketSource {
  readonly #channel: Channel<ToWorker, FromWorker>;
  readonly #log: Log;
  /** Sockets to accept on, by address and index. */
  readonly #sockets = new Map<string, Map<number, OpenSocket>>();
  readonly #cutting = new AbortController();
  #plane: DataPlane | undefined;
  /** What the primary thinks we have; the base of the next difference. */
  #base: Snapshot | undefined;
  /** Snapshots go live one after the other. */
  #applying: Promise<void> = Promise.resolve();
  #isLeaving = false;
  readonly #peers = new LivePeers();
  /** The others can ask us. */
  #areOpen: Promise<void> | undefined;
  #pulsing: NodeJS.Timeout | undefined;
  readonly #clock: MeasuresClock;
  /** What came before there was anything to count. */
  #earlyNews: TallyNews[] = [];
  /** As they were when we were started; and what came before there was anything to tell it to. */
  #states: StateNews = { backends: [], services: [], marks: [] };
  #earlyStates: StateNews[] = [];
  /** Told together once the loop has turned: a page begins many sessions at once. */
  #newSessions: SessionNote[] = [];

  private constructor() {
    this.#channel = new Channel<ToWorker, FromWorker>(process, {
      onMessage: (message, handle) => this.#onMessage(message, handle),
      onClosed: () => this.#onOrphaned(),
    });
    this.#log = remoteLog((record) => {
      const { isOpen, isCongested } = this.#channel;
      if (isOpen && !isCongested) this.#channel.send({ kind: "log", record });
      else process.stderr.write(lineOf(record));
    });
    // A terminal sends these to all processes; the primary decides what they mean.
    for (const name of ["SIGINT", "SIGHUP"] as const) process.on(name, () => {});
    process.on("SIGTERM", () => this.#leaveByItself("shutdown"));
    process.on("SIGUSR2", () => this.#leaveByItself("graceful"));
    process.on("SIGUSR1", () => this.#plane?.reopenLogs());
    setInterval(() => this.#tally(), tallyMs).unref();
    this.#clock = new MeasuresClock(0, (lag) => this.#measure(lag));
  }

  /** Serves until it is told to leave, or nobody needs it any more. */
  static start(): void {
    new Worker().#channel.send({ kind: "ready" });
  }

  #onMessage(message: ToWorker, handle: unknown): void {
    switch (message.kind) {
      case "socket":
        this.#addSocket(message, handle);
        break;
      case "release":
        this.#release(message.key, message.index);
        break;
      case "publish":
        this.#base = assemble(this.#base, message.publication);
        if (this.#socketCount < message.sockets) this.#refuse(this.#base.version, lostSockets);
        else this.#queue(this.#base);
        break;
      case "learn":
        this.#learn(message.news);
        break;
      case "peers":
        this.#meet(message.note);
        break;
      case "states":
        this.#states = message.states;
        break;
      case "state-news":
        this.#learnStates(message.news);
        break;
      case "end-pauses":
        this.#endPauses();
        break;
      case "sessions":
        for (const { service, id, backend } of message.sessions) {
          this.#plane?.takeSession(service, id, backend);
        }
        break;
      case "ask":
        void this.#answer(message.id, message.question);
        break;
      case "reopen-logs":
        this.#plane?.reopenLogs();
        break;
      case "leave":
        void this.#leave(message);
        break;
      case "cut":
        this.#cutting.abort();
        if (this.#plane === undefined) process.exit(0);
        break;
    }
  }

  /** Who cannot be asked by the others still serves: they decide alone what we look after. */
  #meet(note: PeerNote): void {
    this.#areOpen ??= this.#peers.open(note).catch((error: unknown) => this.#warnOfPeers(error));
    this.#peers.update(note);
  }

  async #openToPeers(plane: DataPlane): Promise<void> {
    const path = this.#peers.httpPath;
    if (path === undefined) return;
    await plane.openToPeers(path).catch((error: unknown) => this.#warnOfPeers(error));
  }

  #warnOfPeers(error: unknown): void {
    const cause = error instanceof Error ? error.message : String(error);
    this.#log.warn("the other workers cannot ask this one", { cause });
  }

  #addSocket({ key, index, protocol, bound }: SocketNote, handle: unknown): void {
    const socket = takeSocket(protocol, handle, bound);
    if (this.#isLeaving) {
      // Sent before the primary knew: who connects here would wait for nobody.
      socket.close();
      return;
    }
    const sockets = this.#sockets.get(key) ?? new Map<number, OpenSocket>();
    sockets.set(index, socket);
    this.#sockets.set(key, sockets);
    this.#use(key);
  }

  #release(key: string, index: number): void {
    const socket = this.#sockets.get(key)?.get(index);
    this.#sockets.get(key)?.delete(index);
    this.#use(key);
    if (socket === undefined) return;
    // Where it received datagrams, its sessions still answer from there.
    if (isDatagramSocket(socket) && this.#plane?.acceptsOn(key)) return;
    // Closed twice where it was accepted on, which harms nothing; it may never have been.
    socket.close();
  }

  /** For an address that is accepted on already; those of a new one are asked for when it goes live. */
  #use(key: string): void {
    const plane = this.#plane;
    if (this.#isLeaving || plane === undefined || !plane.acceptsOn(key)) return;
    plane.useSockets(key, [...(this.#sockets.get(key)?.values() ?? [])]);
  }

  async socketsOf({ key }: AddressWish): Promise<readonly OpenSocket[]> {
    return [...(this.#sockets.get(key)?.values() ?? [])];
  }

  get #socketCount(): number {
    return [...this.#sockets.values()].reduce((sum, { size }) => sum + size, 0);
  }

  #refuse(version: number, cause: string): void {
    this.#channel.send({ kind: "refused", version, cause });
  }

  #queue(snapshot: Snapshot): void {
    this.#applying = this.#applying.then(async () => {
      const { version } = snapshot;
      try {
        await this.#apply(snapshot);
        this.#channel.send({ kind: "live", version });
      } catch (error) {
        this.#refuse(version, error instanceof Error ? error.message : String(error));
      }
      this.#pulse();
    });
  }

  async #apply(snapshot: Snapshot): Promise<void> {
    if (this.#isLeaving) return;
    if (this.#plane === undefined) {
      await this.#areOpen;
      this.#plane = await DataPlane.start(snapshot, {
        log: this.#log,
        peers: this.#peers,
        sockets: this,
        states: this.#states,
        onMark: (mark) => this.#channel.send({ kind: "mark", mark }),
        onSession: (service, id, backend) => this.#tellSession({ service, id, backend }),
        onWanted: (service) => this.#tellWanted({ kind: "wanted", service }),
        onAskedName: (name) => this.#tellWanted({ kind: "asked-name", name }),
      });
      await this.#openToPeers(this.#plane);
      for (const news of this.#earlyNews.splice(0)) this.#learn(news);
      for (const news of this.#earlyStates.splice(0)) this.#learnStates(news);
    } else {
      await this.#plane.apply(snapshot);
    }
    clearInterval(this.#pulsing);
    const { hangTimeout } = snapshot.workers;
    const interval = Math.min(
      pulseMs,
      hangTimeout === 0 ? pulseMs : hangTimeout / pulsesPerTimeout,
    );
    this.#pulsing = setInterval(() => this.#pulse(), interval).unref();
    // More may have come while it went live. Those of addresses to come stay: the primary takes them back.
    for (const key of this.#sockets.keys()) this.#use(key);
  }

  #learn(news: TallyNews): void {
    if (this.#plane === undefined) {
      this.#earlyNews.push(news);
      return;
    }
    this.#plane.learnTally(news);
    // The others may be waiting for what we have to say to this.
    this.#tally();
  }

  #learnStates(news: StateNews): void {
    if (this.#plane === undefined) this.#earlyStates.push(news);
    else this.#plane.learnStates(news);
  }

  async #answer(id: number, question: Question): Promise<void> {
    const answer = (await this.#plane?.answer(question)) ?? emptyAnswer(question);
    // Whoever asked may be gone meanwhile.
    if (this.#channel.isOpen) this.#channel.send({ kind: "answer", id, answer });
  }

  /** Nobody tells us of their end any more. */
  #endPauses(): void {
    // It may just be starting, with pauses it was told of before.
    void this.#applying.then(() => this.#plane?.endPauses());
  }

  #tellSession(session: SessionNote): void {
    if (this.#newSessions.length === 0) setImmediate(() => this.#tellSessions());
    this.#newSessions.push(session);
  }

  /** A primary that is gone or busy loses them: those clients are placed by their session's id then. */
  #tellSessions(): void {
    const sessions = this.#newSessions;
    this.#newSessions = [];
    const { isOpen, isCongested } = this.#channel;
    if (isOpen && !isCongested) this.#channel.send({ kind: "sessions", sessions });
  }

  /** It is said again while anybody waits: nothing is lost with a primary that is gone. */
  #tellWanted(message: Extract<FromWorker, { kind: "wanted" | "asked-name" }>): void {
    const { isOpen, isCongested } = this.#channel;
    if (isOpen && !isCongested) this.#channel.send(message);
  }

  #pulse(): void {
    if (this.#channel.isCongested) return;
    this.#channel.send(this.#lifeSign());
    const services = this.#plane?.outcomeChanges() ?? [];
    if (services.length > 0) this.#channel.send({ kind: "outcomes", services });
  }

  #lifeSign(): FromWorker {
    const counts = this.#plane?.counts ?? noCounts;
    return { kind: "pulse", counts, memory: residentBytes() };
  }

  #measure(lag: number): void {
    // Of a primary that does not read, or is gone, the next one hears it all.
    if (!this.#channel.isOpen || this.#channel.isCongested) return;
    const report = this.#plane?.measure(lag);
    if (report !== undefined) this.#channel.send({ kind: "measures", report });
  }

  /** Of many rows one report has a part, and there is no later one. */
  #measureAll(): void {
    for (let left = true; left && this.#channel.isOpen;) {
      const report = this.#plane?.measure(0);
      if (report !== undefined) this.#channel.send({ kind: "measures", report });
      left = (report?.rows.length ?? 0) > 0;
    }
  }

  #tally(): void {
    if (this.#channel.isCongested) return;
    const report = this.#plane?.tallyChanges();
    if (report !== undefined) this.#channel.send({ kind: "tally", report });
  }

  /** Somebody else than the primary wants us to end; SIGTERM also shortens what was granted before. */
  #leaveByItself(how: "shutdown" | "graceful"): void {
    const snapshot = this.#plane?.snapshot;
    if (snapshot === undefined) process.exit(0);
    const { shutdown, workers } = snapshot;
    if (this.#isLeaving) {
      const soon = Math.max(shutdown.grace, shutdown.tunnelGrace);
      if (how === "shutdown") setTimeout(() => this.#cutting.abort(), soon);
      return;
    }
    this.#channel.send({ kind: "leaving" });
    const { gracefulWait, tunnelWait } = workers;
    void this.#leave(
      how === "shutdown"
        ? { ...shutdown, isPatient: true }
        : { grace: gracefulWait, tunnelGrace: tunnelWait, isPatient: true },
    );
  }

  async #leave(times: Times): Promise<void> {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    await this.#applying;
    if (!isMainAlive()) this.#yieldDatagrams();
    await this.#plane?.drain({ ...times, signal: this.#cutting.signal });
    this.#measureAll();
    await this.#channel.sendAndWait(this.#lifeSign());
    this.#clock[Symbol.dispose]();
    await callsEnded();
    process.exit(0);
  }

  /** A successor that opened the addresses anew gets only a part of the datagrams while we have them open, too. */
  #yieldDatagrams(): void {
    for (const sockets of this.#sockets.values()) {
      for (const each of sockets.values()) if (isDatagramSocket(each)) each.close();
    }
  }

  /** Serves on. While the main process lives it starts another primary, and tells us when to leave (SIGUSR2). */
  #onOrphaned(): void {
    this.#endPauses();
    if (this.#isLeaving) return;
    const wait = this.#plane?.snapshot.workers.orphanWait;
    if (wait === undefined) process.exit(0);
    this.#log.warn("the primary is gone; this worker serves on", {
      until: `another one serves, or ${wait} ms without a main process`,
    });
    const check = setInterval(() => {
      if (isMainAlive()) return;
      clearInterval(check);
      setTimeout(() => this.#leaveByItself("shutdown"), wait);
    }, mainCheckMs);
  }
}

const lostSockets =
  "a listening socket did not reach a worker: it has no free file descriptors (ulimit -n, limits.connections)";
