// One backend as it runs: its connections, what it carries, and what is known of its health. Hot: bench/head.ts
//
// A backend that failed in traffic is dead for a while. After that one exchange is tried (half-open): if it
// does well the backend is alive, for all workers; if not, it is dead again.

import type { Socket } from "node:net";

import type { Address } from "../config/snapshot.ts";
import type { Backend, BackendService, PoolSettings } from "../config/service.ts";
import { factsOf, type FailureCode } from "../http/errors.ts";
import { Deadline, type Deadlined, type Wheel } from "../lib/wheel.ts";
import type { Weighed } from "./balance/policy.ts";
import type { BackendConnection, ResponseLimits } from "./backend-connection.ts";
import { CgiConnection } from "./cgi-connection.ts";
import { FastcgiConnection } from "./fastcgi-connection.ts";
import { UpstreamConnection } from "./http1.ts";
import { Latency } from "./latency.ts";
import { Multiplexing } from "./multiplexing.ts";
import { PassiveWatch } from "./passive-health.ts";
import { Pool } from "./pool.ts";
import type { LeaseOwner } from "./pooled.ts";
import type { Guests } from "../guest/guests.ts";
import type { Caps } from "./caps.ts";
import { RawConnection } from "./raw-connection.ts";
import { Sharing } from "./sharing.ts";
import type { BackendLoad, Mark } from "./state.ts";

export interface UpstreamOptions {
  readonly wheel: Wheel;
  readonly caps: Caps;
  readonly limits: ResponseLimits;
  readonly bufferBytes: number;
  /** Containers whose sockets backends are. */
  readonly guests: Guests;
}

/** Whom a backend belongs to. */
export interface BackendOwner {
  /** Who can be picked, or with what weight, is no longer the same. */
  onStanding(): void;
  onLoad(backend: LiveBackend): void;
  /** Traffic showed something that other workers want to know. */
  tell(mark: Mark): void;
}

export class LiveBackend implements Weighed, Deadlined, Disposable {
  readonly url: string;
  readonly pool: Pool<BackendConnection>;
  readonly #options: UpstreamOptions;
  readonly #owner: BackendOwner;
  readonly #sharing: Sharing | undefined;
  readonly #multiplexing: Multiplexing | undefined;
  /** Connections that speak HTTP/1.1 for what cannot be asked over HTTP/2. */
  #http1Pool: Pool<BackendConnection> | undefined;
  /** It said that it wants HTTP/1.1. */
  #isHttp1Wanted = false;
  #rawPool: Pool<RawConnection> | undefined;
  #service: BackendService;
  #backend: Backend;
  #passive: PassiveWatch;
  readonly #latency = new Latency();
  readonly #revival: Deadline;
  place = -1;
  /** As the policy is to see it; see `rise`. */
  weight: number;
  /** Exchanges and streams it carries, or that wait for a connection to it. */
  load = 0;
  #begun = 0;
  answered = 0;
  failed = 0;
  /** By checks. */
  isDown = false;
  isDraining = false;
  /** Failed in traffic, and gets nothing. */
  isDead = false;
  #diedAt = 0;
  /** Another one may stand for the same backend: it has nothing to say any more. */
  #isDisposed = false;
  /** Was dead: one exchange may try it. */
  #isOnTrial = false;
  #isTried = false;
  /** It failed to accept connections: an opened one is proof that it is back. */
  #isUnreachable = false;
  /** What the primary was told last of its death has come back. */
  #isSpread = true;
  /** Who wants to know when; few, and for a moment. */
  #waiting: (() => void)[] = [];
  /** `performance.now()` when it came (back) into service, for slow start; 0 = long ago. */
  #upSince = 0;

  constructor(
    service: BackendService,
    backend: Backend,
    options: UpstreamOptions,
    owner: BackendOwner,
  ) {
    this.url = backend.url;
    this.#service = service;
    this.#backend = backend;
    this.#options = options;
    this.#owner = owner;
    this.weight = backend.weight;
    this.#passive = new PassiveWatch(service.passive);
    this.#revival = new Deadline(this);
    const isMultiplexed = mayTakeHttp2(backend, service);
    this.pool = new Pool<BackendConnection>({
      ...this.#poolOptions,
      alpn: offeredTo(backend, isMultiplexed),
      adopt: (socket, address, own) => this.#adopt(socket, address, own),
      places: () => this.#sharing ?? this.#multiplexing,
    });
    const isShared = backend.speaks === "fastcgi" && service.gateway?.multiplex === true;
    this.#sharing = isShared ? new Sharing(this.pool, options) : undefined;
    this.#multiplexing = isMultiplexed ? new Multiplexing(this.pool, options, backend) : undefined;
  }

  /**
   * Where a request is asked. A WebSocket goes over HTTP/1.1, unless the backend takes them over HTTP/2; so does any other upgrade,
   * and all that follow a request that the backend wanted over HTTP/1.1.
   * @param upgrade protocols that the client would go over to; "" = none
   */
  poolFor(upgrade: string): Pool<BackendConnection> {
    const multiplexing = this.#multiplexing;
    if (multiplexing === undefined || this.#backend.http2 === true) return this.pool;
    const isHttp2Fit = upgrade === "" || (upgrade === "websocket" && multiplexing.isConnectAllowed);
    if (isHttp2Fit && !this.#isHttp1Wanted) return this.pool;
    this.#http1Pool ??= this.#newHttp1Pool();
    return this.#http1Pool;
  }

  #newHttp1Pool(): Pool<BackendConnection> {
    const { wheel, limits } = this.#options;
    return new Pool<BackendConnection>({
      ...this.#poolOptions,
      alpn: ["http/1.1"],
      adopt: (socket, address, own) => new UpstreamConnection(socket, address, own, wheel, limits),
    });
  }

  /** A request came back for want of HTTP/1.1. @returns whether it can be asked so */
  wantHttp1(): boolean {
    if (this.#multiplexing === undefined || this.#backend.http2 === true) return false;
    this.#isHttp1Wanted = true;
    return true;
  }

  get #poolOptions() {
    const { wheel, caps, bufferBytes, guests } = this.#options;
    const { name, pool, tls } = this.#service;
    const backend = this.#backend;
    return { service: name, backend, settings: pool, tls, wheel, caps, bufferBytes, guests };
  }

  #adopt(socket: Socket, address: string, owner: LeaseOwner<BackendConnection>): BackendConnection {
    const { wheel, limits } = this.#options;
    switch (this.#backend.speaks) {
      case undefined: {
        const multiplexed = this.#multiplexing?.adopt(socket, address, owner);
        if (multiplexed !== undefined) return multiplexed;
        return new UpstreamConnection(socket, address, owner, wheel, limits);
      }
      case "fastcgi": {
        // A worker that waits on an idle connection serves nobody else.
        const isKept = this.#service.pool.maxIdle > 0;
        const shared = this.#sharing?.adopt(socket, address, owner);
        if (shared !== undefined) return shared;
        return new FastcgiConnection(socket, address, owner, wheel, limits, isKept);
      }
      default:
        return new CgiConnection(socket, address, owner, wheel, limits);
    }
  }

  /** Connections that carry bytes as they come, one stream each. */
  get rawPool(): Pool<RawConnection> {
    this.#rawPool ??= new Pool<RawConnection>({
      ...this.#poolOptions,
      // Nobody knows what state a stream leaves behind: none is lent twice, nor kept for later.
      settings: rawSettings(this.#service.pool),
      alpn: this.#service.tls.alpn,
      adopt: (socket, address, own) => new RawConnection(socket, address, own),
    });
    return this.#rawPool;
  }

  get #pools(): readonly (Pool<BackendConnection> | Pool<RawConnection>)[] {
    return [this.pool, this.#http1Pool, this.#rawPool].filter((each) => each !== undefined);
  }

  get backend(): Backend {
    return this.#backend;
  }

  /** Where it is; what a cookie of other software may name. */
  get address(): Address {
    return this.#backend.address;
  }

  get latency(): number {
    return this.#latency.value;
  }

  /** Other settings from now on; what its connections were made with must be the same. */
  update(service: BackendService, backend: Backend): void {
    if (service.passive !== this.#service.passive)
      this.#passive = new PassiveWatch(service.passive);
    this.#service = service;
    this.#backend = backend;
    this.pool.settings = service.pool;
    if (this.#http1Pool !== undefined) this.#http1Pool.settings = service.pool;
    if (this.#rawPool !== undefined) this.#rawPool.settings = rawSettings(service.pool);
    this.rise(performance.now());
  }

  // --- standing ----------------------------------------------------------------------------------

  /** New exchanges may go there. */
  get isUsable(): boolean {
    return this.isSound && this.#backend.weight > 0 && !this.isDraining;
  }

  /** Sessions it has may go on there. */
  get isSound(): boolean {
    return !this.isDown && !this.isDead && !(this.#isOnTrial && this.#isTried);
  }

  /** It begins anew, or is back: with slow start its weight grows from now on. */
  begin(now: number): void {
    this.#upSince = this.#service.slowStart > 0 ? now : 0;
    this.rise(now);
  }

  /** Brings the weight up to date. @returns whether it is still growing */
  rise(now: number): boolean {
    const { weight } = this.#backend;
    const { slowStart } = this.#service;
    const age = now - this.#upSince;
    if (this.#upSince === 0 || age >= slowStart) {
      this.#upSince = 0;
      this.weight = weight;
      return false;
    }
    // Never nothing: an average that nobody adds to tells nothing.
    this.weight = Math.max(weight * (age / slowStart), weight / 20);
    return true;
  }

  /** What checks and operators say of it. */
  takeState(isDown: boolean, isDraining: boolean): void {
    if (isDown === this.isDown && isDraining === this.isDraining) return;
    const isBack = this.isDown && !isDown;
    this.isDown = isDown;
    this.isDraining = isDraining;
    if (isBack) this.begin(performance.now());
    this.#owner.onStanding();
  }

  /** What another worker found out. */
  takeMark(mark: Mark): void {
    if (mark.kind === "alive") {
      this.#revive();
      return;
    }
    // Our own mark comes back to us: it is on its way to all the others, too.
    this.#isSpread = true;
    for (const told of this.#waiting.splice(0)) told();
    if (this.isDead) return;
    this.#isUnreachable = mark.isUnreachable;
    this.#die(mark.for);
  }

  // --- what it carries ---------------------------------------------------------------------------

  /** One exchange more. */
  enter(): void {
    this.load++;
    this.#begun++;
    if (this.#isOnTrial && !this.#isTried) {
      this.#isTried = true;
      this.#owner.onStanding();
    }
    this.#owner.onLoad(this);
  }

  /** One exchange less. */
  leave(): void {
    this.load--;
    if (this.#isTried) {
      // Neither good nor bad came of it, or the verdict has been told already: the next one may try.
      this.#isTried = false;
      this.#owner.onStanding();
    }
    this.#owner.onLoad(this);
  }

  /** That it is dead has been said by us, and not heard of by others. */
  get isNews(): boolean {
    return this.isDead && !this.#isSpread;
  }

  /** Tells once when it is no news any more, if that is ever heard of. */
  whenSpread(told: () => void): void {
    this.#waiting.push(told);
  }

  /** No connection could be opened. @param cause a sentence about TLS, where that was it */
  connectFailed(code: FailureCode, cause = ""): void {
    this.failed++;
    const isDead = this.#passive.connectFailed();
    if (!isDead && !this.#isOnTrial) return;
    this.#isUnreachable = true;
    this.#tellDead(code === "TLS_FAILED" && cause !== "" ? cause : factsOf(code).text);
  }

  /** A good answer begins: whatever was wrong with it is over. */
  proven(ms: number): void {
    // What went out before it died proves nothing.
    const isBack = this.isDead && performance.now() - ms > this.#diedAt;
    if (this.#isOnTrial || isBack) this.#tellAlive();
  }

  /** A good answer that was proof when it began is complete. @param ms until it began */
  completed(ms: number): void {
    this.answered++;
    this.#latency.add(ms);
    this.#passive.ended(true);
  }

  /** An exchange got an answer, or none that is of use. @param ms until the answer began */
  judge(isGood: boolean, ms: number, why: string): void {
    if (isGood) {
      this.proven(ms);
      this.completed(ms);
      return;
    }
    this.failed++;
    const isDead = this.#passive.ended(false);
    if (!isDead && !this.#isOnTrial) return;
    this.#isUnreachable = false;
    this.#tellDead(why);
  }

  /** A connection was opened, by whoever waits for it to come back. */
  reached(): void {
    if (this.isDead && this.#isUnreachable) this.#tellAlive();
  }

  /** Whether opening a connection could show that it is back. */
  get isWorthReaching(): boolean {
    return this.isDead && this.#isUnreachable && !this.isDown && this.#backend.weight > 0;
  }

  #tellDead(why: string): void {
    const { deadFor } = this.#service.passive;
    // Tried for want of a better one: that it failed again is no news.
    if (deadFor === 0 || this.isDead || this.#isDisposed) return;
    this.#die(deadFor);
    this.#isSpread = false;
    const { name: service } = this.#service;
    this.#owner.tell({
      kind: "dead",
      service,
      backend: this.url,
      for: deadFor,
      why,
      isUnreachable: this.#isUnreachable,
    });
  }

  #die(ms: number): void {
    this.isDead = true;
    this.#diedAt = performance.now();
    this.#isOnTrial = false;
    this.#isTried = false;
    this.#options.wheel.arm(this.#revival, ms);
    this.#owner.onStanding();
  }

  /** Dead for long enough. */
  onDeadline(): void {
    this.isDead = false;
    this.#isOnTrial = true;
    this.#owner.onStanding();
  }

  #tellAlive(): void {
    if (this.#isDisposed) return;
    this.#revive();
    this.#owner.tell({ kind: "alive", service: this.#service.name, backend: this.url });
  }

  #revive(): void {
    if (!this.isDead && !this.#isOnTrial) return;
    this.#options.wheel.disarm(this.#revival);
    this.isDead = false;
    this.#isOnTrial = false;
    this.#isTried = false;
    this.#passive.clear();
    this.begin(performance.now());
    this.#owner.onStanding();
  }

  get loadRow(): BackendLoad {
    return {
      service: this.#service.name,
      backend: this.url,
      inFlight: this.load,
      waiting: this.#pools.reduce((sum, { waitingCount }) => sum + waitingCount, 0),
      begun: this.#begun,
      answered: this.answered,
      failed: this.failed,
      latency: this.latency,
    };
  }

  sweep(): void {
    this.pool.sweep();
    this.#http1Pool?.sweep();
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#options.wheel.release(this.#revival);
    this.#sharing?.cancel();
    for (const each of this.#pools) each[Symbol.dispose]();
  }
}

/** It speaks HTTP/2, or chooses whether it does when a connection begins. */
export function mayTakeHttp2({ http2, speaks, secure }: Backend, { tls }: BackendService): boolean {
  return http2 === true || (speaks === undefined && secure && tls.http2);
}

/** Application protocols offered in TLS. */
function offeredTo({ speaks, http2 }: Backend, isMultiplexed: boolean): readonly string[] {
  if (http2 === true) return ["h2"];
  if (speaks !== undefined) return [];
  return isMultiplexed ? ["h2", "http/1.1"] : ["http/1.1"];
}

function rawSettings(settings: PoolSettings): PoolSettings {
  return { ...settings, maxIdle: 0 };
}
