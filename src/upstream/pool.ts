// Connections to one backend: idle ones are kept last in first out, so that the surplus grows old and is
// closed; when all are in use, exchanges wait in a queue that is bounded in length and in time.

import type { Socket } from "node:net";
import { setTimeout } from "node:timers/promises";

import { departedConnect } from "../config/limits.ts";
import type { Guests } from "../guest/guests.ts";
import type { Backend, BackendTls, PoolSettings } from "../config/service.ts";
import type { FailureCode } from "../http/errors.ts";
import { Roster, type Rostered } from "../lib/roster.ts";
import { type Ticket, WaitingLine } from "../lib/waiting-line.ts";
import type { Wheel } from "../lib/wheel.ts";
import { Caps, type CapUser } from "./caps.ts";
import { Connecting } from "./connect.ts";
import { GuestSocket, type HeldSocket } from "./guest-socket.ts";
import { KeptSession } from "./kept-session.ts";
import type { LeaseOwner, Places, Pooled } from "./pooled.ts";
import { Name } from "./resolve.ts";

/** Somebody who wants a connection. Told exactly once, unless it cancels. */
export interface Waiter<C> {
  /** The pool's: its place in the queue while it waits there. */
  ticket: PoolTicket<C> | null;
  onLease(connection: C): void;
  onNoLease(code: FailureCode, cause: Error | undefined): void;
}

export type PoolTicket<C> = Ticket<Waiting<C>>;

export interface PoolOptions<C extends Pooled> {
  /** Of the service, under which connections are counted. */
  readonly service: string;
  readonly backend: Backend;
  readonly settings: PoolSettings;
  readonly tls: BackendTls;
  readonly wheel: Wheel;
  readonly caps: Caps;
  readonly bufferBytes: number;
  readonly alpn: readonly string[];
  /** Containers whose sockets backends may be. */
  readonly guests: Guests;
  /** Of connections that have several. */
  readonly places?: () => Places<C> | undefined;
  adopt(socket: Socket, address: string, owner: LeaseOwner<C>): C;
}

/** One attempt to connect, and whom it is for. */
interface Attempt<C extends Pooled> extends Rostered {
  connecting: Connecting<C> | undefined;
  waiter: Waiter<C> | undefined;
  /** The container's socket was looked for just now. */
  isFresh: boolean;
}

/** Longest wait for a name where connecting has no time limit, ms. */
const maxNameMs = 60_000;

/** How long a connection may be idle here while other workers may want its place, ms. */
const contestedIdleMs = 1000;

interface Waiting<C> {
  readonly waiter: Waiter<C>;
  readonly connectTimeoutMs: number;
}

export class Pool<C extends Pooled> implements LeaseOwner<C>, CapUser, Disposable {
  readonly backend: Backend;
  readonly capKey: string;
  readonly #options: PoolOptions<C>;
  #settings: PoolSettings;
  readonly #name: Name | undefined;
  readonly #guestSocket: GuestSocket | undefined;
  readonly #idle: C[] = [];
  readonly #attempts = new Roster<Attempt<C>>();
  readonly #line: WaitingLine<Waiting<C>>;
  readonly #session = new KeptSession();
  /** Connections open, in use or idle; attempts not counted. */
  #open = 0;
  #nextAddress = 0;
  #isClosed = false;
  /** Connections beyond the limit: they were opened under a higher one. */
  #uncounted = 0;

  constructor(options: PoolOptions<C>) {
    this.#options = options;
    this.#settings = options.settings;
    this.backend = options.backend;
    this.capKey = Caps.keyOf(options.service, options.backend.url);
    this.#line = new WaitingLine(options.wheel, Number.POSITIVE_INFINITY, ({ waiter }) => {
      waiter.ticket = null;
      waiter.onNoLease("POOL_TIMEOUT", undefined);
    });
    options.caps.join(this);
    const { address } = options.backend;
    if (address.kind === "tcp") {
      this.#name = new Name(address.host, () => this.#dropOldAddresses());
    } else if (address.guest !== undefined) {
      this.#guestSocket = new GuestSocket(options.guests, address.guest, address.path);
    }
  }

  /** Connections that are not idle, attempts included. */
  get busyCount(): number {
    return this.#open - this.#idle.length + this.#attempts.size;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  get openCount(): number {
    return this.#open;
  }

  get waitingCount(): number {
    return this.#line.size;
  }

  get cap(): number {
    return this.#settings.maxConnections;
  }

  /** Other limits from now on. */
  set settings(settings: PoolSettings) {
    if (settings.maxConnections !== this.cap) this.#recount(settings);
    else this.#settings = settings;
  }

  /** What is open counts under the new limit too; there may be more than it allows until they end. */
  #recount(settings: PoolSettings): void {
    const { caps } = this.#options;
    const open = this.#open + this.#attempts.size;
    for (let each = this.#uncounted; each < open; each++) caps.giveBack(this);
    this.#settings = settings;
    this.#uncounted = 0;
    for (let each = 0; each < open; each++) if (!caps.take(this)) this.#uncounted++;
    this.onRoom();
  }

  #giveBackPlace(): void {
    if (this.#uncounted > 0) this.#uncounted--;
    else this.#options.caps.giveBack(this);
  }

  /** An idle connection, if there is one. */
  takeIdle(): C | undefined {
    const places = this.#options.places?.();
    if (places === undefined) return this.#idle.pop();
    return places.isFirst
      ? (places.take(this.#isOld) ?? this.#idle.pop())
      : (this.#idle.pop() ?? places.take(this.#isOld));
  }

  /** A new connection, at once or when one may be opened. The waiter is told, never within this call. */
  open(waiter: Waiter<C>, connectTimeoutMs: number): void {
    const { caps } = this.#options;
    const { maxWaiting, maxWait } = this.#settings;
    if (this.#roomSoon > this.#line.size) {
      this.#wait({ waiter, connectTimeoutMs }, maxWait);
    } else if (caps.take(this)) {
      this.#connect(waiter, connectTimeoutMs);
    } else if (this.closeIdle() || caps.makeRoom(this)) {
      // The caller wants a fresh one and all places are taken: an idle one makes room.
      if (caps.take(this)) this.#connect(waiter, connectTimeoutMs);
      else this.#wait({ waiter, connectTimeoutMs }, maxWait);
    } else if (this.#line.size >= maxWaiting) {
      queueMicrotask(() => waiter.onNoLease("POOL_FULL", undefined));
    } else {
      this.#wait({ waiter, connectTimeoutMs }, maxWait);
    }
  }

  closeIdle(): boolean {
    const oldest = this.#idle.shift();
    oldest?.destroy();
    return oldest !== undefined;
  }

  /** So many who wait get a place on what is being opened already. */
  get #roomSoon(): number {
    return this.#options.places?.()?.roomSoon(this.#attempts.size) ?? 0;
  }

  #wait(waiting: Waiting<C>, maxWait: number): void {
    waiting.waiter.ticket = this.#line.add(waiting, maxWait) ?? null;
  }

  /** The waiter no longer wants a connection. */
  cancel(waiter: Waiter<C>): void {
    if (waiter.ticket !== null) {
      this.#line.cancel(waiter.ticket);
      waiter.ticket = null;
      return;
    }
    for (const attempt of this.#attempts.all()) {
      // The connection is of use to the next one; let it come.
      if (attempt.waiter === waiter) attempt.waiter = undefined;
    }
  }

  #connect(waiter: Waiter<C> | undefined, timeoutMs: number): void {
    const attempt: Attempt<C> = { place: -1, connecting: undefined, waiter, isFresh: false };
    this.#attempts.add(attempt);
    if (this.#guestSocket !== undefined) {
      const held = this.#guestSocket.take();
      if (held === undefined) void this.#connectInGuest(this.#guestSocket, attempt, timeoutMs);
      else this.#connectTo(attempt, undefined, timeoutMs, held);
      return;
    }
    const addresses = this.#name?.addresses;
    if (addresses === undefined || addresses.length > 0) {
      this.#connectTo(attempt, addresses, timeoutMs);
      return;
    }
    if (this.#name !== undefined) void this.#connectWhenNamed(this.#name, attempt, timeoutMs);
  }

  /** The first connection waits for the name; its time limit counts from here. */
  async #connectWhenNamed(name: Name, attempt: Attempt<C>, timeoutMs: number): Promise<void> {
    const limit = new AbortController();
    const late = setTimeout(timeoutMs === 0 ? maxNameMs : timeoutMs, "late", {
      ref: false,
      signal: limit.signal,
    });
    // Aborted below once the name is there; nobody else can make it fail.
    const outcome = await Promise.race([name.refresh(), late.catch(() => undefined)]);
    limit.abort();
    const { addresses } = name;
    if (addresses.length > 0) this.#connectTo(attempt, addresses, timeoutMs);
    else if (outcome === "late")
      this.#onFailed(attempt, "CONNECT_TIMEOUT", new Error("DNS is silent"));
    else this.#onFailed(attempt, "NAME_NOT_FOUND", name.failure);
  }

  /** The connection waits until its socket is found; its time limit counts from here. */
  async #connectInGuest(
    socket: GuestSocket,
    attempt: Attempt<C>,
    timeoutMs: number,
  ): Promise<void> {
    const begun = performance.now();
    const reached = await socket.find(timeoutMs);
    if (reached.kind === "failed") {
      this.#onFailed(attempt, reached.code, reached.cause);
      return;
    }
    const left = Math.max(1, timeoutMs - (performance.now() - begun));
    attempt.isFresh = true;
    this.#connectTo(attempt, undefined, timeoutMs === 0 ? 0 : left, reached.socket);
  }

  #connectTo(
    attempt: Attempt<C>,
    addresses: readonly string[] | undefined,
    timeoutMs: number,
    held?: HeldSocket,
  ): void {
    if (this.#isClosed && attempt.waiter === undefined && this.#line.size === 0) {
      held?.release();
      if (this.#attempts.delete(attempt)) this.#giveBackPlace();
      return;
    }
    const { backend, tls, wheel, bufferBytes, alpn, adopt } = this.#options;
    attempt.connecting = new Connecting<C>({
      backend,
      tls,
      wheel,
      bufferBytes,
      alpn,
      address: addresses?.[this.#nextAddress++ % addresses.length] ?? "",
      held,
      timeoutMs,
      session: this.#session,
      adopt: (socket, address) => adopt(socket, address, this),
      onReady: (connection) => {
        this.#attempts.delete(attempt);
        this.#open++;
        this.#handOut(connection, attempt.waiter);
        if (this.#line.size > 0) this.onRoom();
      },
      onFailed: (code, cause) => this.#onConnectFailed(attempt, code, cause, timeoutMs),
    });
  }

  #onConnectFailed(attempt: Attempt<C>, code: FailureCode, cause: Error, timeoutMs: number): void {
    const socket = this.#guestSocket;
    socket?.forget();
    // Who listened there has gone: another may do so by now, under the same name.
    if (socket === undefined || attempt.isFresh || code !== "CONNECT_REFUSED") {
      this.#onFailed(attempt, code, cause);
    } else {
      void this.#connectInGuest(socket, attempt, timeoutMs);
    }
  }

  #onFailed(attempt: Attempt<C>, code: FailureCode, cause: Error | undefined): void {
    // Given up meanwhile, its place with it.
    if (!this.#attempts.delete(attempt)) return;
    this.#giveBackPlace();
    attempt.waiter?.onNoLease(code, cause);
    const isHopeless = this.#attempts.size === 0 && this.#options.places?.()?.isHopeless === true;
    if (isHopeless) this.#disappoint(code, cause);
    this.onRoom();
  }

  /** All who wait did so for what could not be opened. */
  #disappoint(code: FailureCode, cause: Error | undefined): void {
    const { joined } = this.#line;
    for (let next = this.#next(joined); next !== undefined; next = this.#next(joined)) {
      next.waiter.onNoLease(code, cause);
    }
  }

  /** Gives a connection to whom it was opened for, else to who waits longest, else keeps it. */
  #handOut(connection: C, waiter: Waiter<C> | undefined): void {
    const next = waiter ?? this.#next()?.waiter;
    if (next !== undefined) {
      next.onLease(connection);
      return;
    }
    const isKept = !this.#isClosed && this.#idle.length < this.#settings.maxIdle;
    if (!isKept || this.#options.caps.rivalOf(this) !== undefined) {
      connection.destroy();
      return;
    }
    connection.idleSince = performance.now();
    this.#idle.push(connection);
  }

  /** Whoever waits longest, no longer waiting. */
  #next(newest = this.#line.joined): Waiting<C> | undefined {
    if (this.#line.size === 0) return undefined;
    const next = this.#line.shift(newest);
    if (next !== undefined) next.waiter.ticket = null;
    return next;
  }

  onReusable(connection: C): void {
    if (this.#isGone(connection)) connection.destroy();
    else this.#handOut(connection, undefined);
  }

  onClosed(connection: C): void {
    this.#open--;
    this.#giveBackPlace();
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    this.onRoom();
    this.#options.caps.rivalOf(this)?.onRoom();
  }

  /** Places may be free: whoever waits longest gets one. */
  onRoom(): void {
    for (let shared = this.#share(); shared !== undefined; shared = this.#share()) {
      this.#next()?.waiter.onLease(shared);
    }
    while (this.#line.size > this.#roomSoon && this.#options.caps.take(this)) {
      const next = this.#next();
      if (next === undefined) {
        this.#giveBackPlace();
        return;
      }
      this.#connect(next.waiter, next.connectTimeoutMs);
    }
  }

  /** A place on a connection that has several, if somebody waits. */
  #share(): C | undefined {
    return this.#line.size === 0 ? undefined : this.#options.places?.()?.take(this.#isOld);
  }

  /** The backend's name no longer leads to this connection's address. */
  #isGone(connection: C): boolean {
    return this.#isOld(connection.address);
  }

  readonly #isOld = (address: string): boolean => {
    const addresses = this.#name?.addresses;
    return addresses !== undefined && !addresses.includes(address);
  };

  #dropOldAddresses(): void {
    for (const connection of [...this.#idle]) if (this.#isGone(connection)) connection.destroy();
  }

  /** Closes what has been idle for too long. Called about once a second. */
  sweep(): void {
    const isContested = this.#options.caps.isContested(this);
    const { idleTimeout } = this.#settings;
    const idleMs = isContested
      ? Math.min(idleTimeout || contestedIdleMs, contestedIdleMs)
      : idleTimeout;
    if (idleMs === 0) return;
    const oldest = performance.now() - idleMs;
    while (this.#idle.length > 0 && this.#idle[0]!.idleSince < oldest) this.#idle[0]!.destroy();
  }

  /** Closes idle connections; those in use end with their exchange. Who waits for one does so for a moment only. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#options.caps.leave(this);
    this.#guestSocket?.[Symbol.dispose]();
    for (const connection of [...this.#idle]) connection.destroy();
    for (const attempt of this.#attempts.all()) {
      if (attempt.waiter !== undefined || this.#line.size > 0) {
        // Its container may be gone, and nobody answer there ever again.
        attempt.connecting?.hurry(departedConnect);
        continue;
      }
      attempt.connecting?.cancel();
      this.#attempts.delete(attempt);
      this.#giveBackPlace();
    }
  }
}
