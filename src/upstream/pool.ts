// Connections to one backend: idle ones are kept last in first out, so that the surplus grows old and is
// closed; when all are in use, exchanges wait in a queue that is bounded in length and in time.

import { setTimeout } from "node:timers/promises";

import type { Backend, BackendTls, PoolSettings } from "../config/snapshot.ts";
import type { FailureCode } from "../http/errors.ts";
import { Deadline, type Wheel } from "../lib/wheel.ts";
import { Connecting } from "./connect.ts";
import type { LeaseOwner, ResponseLimits, UpstreamConnection } from "./http1.ts";
import { Name } from "./resolve.ts";

/** Somebody who wants a connection. Told exactly once, unless it cancels. */
export interface Waiter {
  onLease(connection: UpstreamConnection): void;
  onNoLease(code: FailureCode, cause: Error | undefined): void;
}

export interface PoolOptions {
  readonly backend: Backend;
  readonly settings: PoolSettings;
  readonly tls: BackendTls;
  readonly wheel: Wheel;
  readonly limits: ResponseLimits;
  readonly bufferBytes: number;
}

/** One attempt to connect, and whom it is for. */
interface Attempt {
  connecting: Connecting | undefined;
  waiter: Waiter | undefined;
}

/** Longest wait for a name where connecting has no time limit, ms. */
const maxNameMs = 60_000;

class Waiting {
  readonly waiter: Waiter;
  readonly connectTimeoutMs: number;
  readonly deadline: Deadline;
  readonly #pool: Pool;

  constructor(waiter: Waiter, connectTimeoutMs: number, pool: Pool) {
    this.waiter = waiter;
    this.connectTimeoutMs = connectTimeoutMs;
    this.#pool = pool;
    this.deadline = new Deadline(this);
  }

  onDeadline(): void {
    this.#pool.giveUp(this);
  }
}

export class Pool implements LeaseOwner, Disposable {
  readonly backend: Backend;
  readonly #options: PoolOptions;
  readonly #name: Name | undefined;
  readonly #idle: UpstreamConnection[] = [];
  readonly #attempts = new Set<Attempt>();
  readonly #waiting = new Set<Waiting>();
  /** Connections open, in use or idle; attempts not counted. */
  #open = 0;
  #nextAddress = 0;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.backend = options.backend;
    const { address } = options.backend;
    if (address.kind === "tcp") {
      this.#name = new Name(address.host, () => this.#dropOldAddresses());
    }
  }

  /** Connections in use, being opened, and exchanges that wait: what balancing compares. */
  get load(): number {
    return this.#open - this.#idle.length + this.#attempts.size + this.#waiting.size;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  get openCount(): number {
    return this.#open;
  }

  /** One more connection may be opened. */
  get #hasRoom(): boolean {
    const { maxConnections } = this.#options.settings;
    return maxConnections === 0 || this.#open + this.#attempts.size < maxConnections;
  }

  /** An idle connection, if there is one. */
  takeIdle(): UpstreamConnection | undefined {
    return this.#idle.pop();
  }

  /** A new connection, at once or when one may be opened. The waiter is told, never within this call. */
  open(waiter: Waiter, connectTimeoutMs: number): void {
    const { maxWaiting, maxWait } = this.#options.settings;
    if (this.#hasRoom) {
      this.#connect(waiter, connectTimeoutMs);
    } else if (this.#idle.length > 0) {
      // The caller wants a fresh one and all places are taken: an idle one makes room.
      this.#idle.shift()?.destroy();
      this.#connect(waiter, connectTimeoutMs);
    } else if (this.#waiting.size >= maxWaiting) {
      queueMicrotask(() => waiter.onNoLease("POOL_FULL", undefined));
    } else {
      const waiting = new Waiting(waiter, connectTimeoutMs, this);
      this.#waiting.add(waiting);
      this.#options.wheel.arm(waiting.deadline, maxWait);
    }
  }

  /** The waiter no longer wants a connection. */
  cancel(waiter: Waiter): void {
    for (const waiting of this.#waiting) {
      if (waiting.waiter !== waiter) continue;
      this.#options.wheel.release(waiting.deadline);
      this.#waiting.delete(waiting);
    }
    for (const attempt of this.#attempts) {
      // The connection is of use to the next one; let it come.
      if (attempt.waiter === waiter) attempt.waiter = undefined;
    }
  }

  giveUp(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    waiting.waiter.onNoLease("POOL_TIMEOUT", undefined);
  }

  #connect(waiter: Waiter, timeoutMs: number): void {
    const attempt: Attempt = { connecting: undefined, waiter };
    this.#attempts.add(attempt);
    const addresses = this.#name?.addresses;
    if (addresses === undefined || addresses.length > 0) {
      this.#connectTo(attempt, addresses, timeoutMs);
      return;
    }
    if (this.#name !== undefined) void this.#connectWhenNamed(this.#name, attempt, timeoutMs);
  }

  /** The first connection waits for the name; its time limit counts from here. */
  async #connectWhenNamed(name: Name, attempt: Attempt, timeoutMs: number): Promise<void> {
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

  #connectTo(attempt: Attempt, addresses: readonly string[] | undefined, timeoutMs: number): void {
    if (this.#isClosed && attempt.waiter === undefined) {
      this.#attempts.delete(attempt);
      return;
    }
    const address = addresses?.[this.#nextAddress++ % addresses.length] ?? "";
    attempt.connecting = new Connecting({
      ...this.#options,
      address,
      timeoutMs,
      owner: this,
      onReady: (connection) => {
        this.#attempts.delete(attempt);
        this.#open++;
        this.#handOut(connection, attempt.waiter);
      },
      onFailed: (code, cause) => this.#onFailed(attempt, code, cause),
    });
  }

  #onFailed(attempt: Attempt, code: FailureCode, cause: Error | undefined): void {
    this.#attempts.delete(attempt);
    attempt.waiter?.onNoLease(code, cause);
    this.#openForWaiting();
  }

  /** Gives a connection to whom it was opened for, else to who waits longest, else keeps it. */
  #handOut(connection: UpstreamConnection, waiter: Waiter | undefined): void {
    if (waiter !== undefined) {
      waiter.onLease(connection);
      return;
    }
    const [longest] = this.#waiting;
    if (longest !== undefined) {
      this.#waiting.delete(longest);
      this.#options.wheel.release(longest.deadline);
      longest.waiter.onLease(connection);
      return;
    }
    if (this.#isClosed || this.#idle.length >= this.#options.settings.maxIdle) {
      connection.destroy();
      return;
    }
    connection.idleSince = performance.now();
    this.#idle.push(connection);
  }

  onReusable(connection: UpstreamConnection): void {
    if (this.#isGone(connection)) connection.destroy();
    else this.#handOut(connection, undefined);
  }

  onClosed(connection: UpstreamConnection): void {
    this.#open--;
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    this.#openForWaiting();
  }

  /** A place is free: whoever waits longest gets it. */
  #openForWaiting(): void {
    const [longest] = this.#waiting;
    if (longest === undefined) return;
    if (!this.#hasRoom) return;
    this.#waiting.delete(longest);
    this.#options.wheel.release(longest.deadline);
    this.#connect(longest.waiter, longest.connectTimeoutMs);
  }

  /** The backend's name no longer leads to this connection's address. */
  #isGone(connection: UpstreamConnection): boolean {
    const addresses = this.#name?.addresses;
    return addresses !== undefined && !addresses.includes(connection.address);
  }

  #dropOldAddresses(): void {
    for (const connection of [...this.#idle]) if (this.#isGone(connection)) connection.destroy();
  }

  /** Closes what has been idle for too long. Called about once a second. */
  sweep(): void {
    if (this.#options.settings.idleTimeout === 0) return;
    const oldest = performance.now() - this.#options.settings.idleTimeout;
    while (this.#idle.length > 0 && this.#idle[0]!.idleSince < oldest) this.#idle[0]!.destroy();
  }

  /** Closes idle connections; those in use end with their exchange. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const connection of [...this.#idle]) connection.destroy();
    for (const attempt of this.#attempts) {
      if (attempt.waiter !== undefined) continue;
      attempt.connecting?.cancel();
      this.#attempts.delete(attempt);
    }
  }
}
