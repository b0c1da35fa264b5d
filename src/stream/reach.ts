// Finds a backend for one stream: picks, connects, tries another one while nothing was sent to any, and waits
// for one where the service says so. Whether another attempt is made is decided here.

import { factsOf, type FailureCode } from "../http/errors.ts";
import { NetworkSet } from "../lib/ip.ts";
import type { Destination } from "../upstream/destination.ts";
import type { Held, HoldTicket } from "../upstream/hold-queue.ts";
import type { LiveBackend } from "../upstream/live-backend.ts";
import type { LiveService } from "../upstream/live-service.ts";
import type { Waiter } from "../upstream/pool.ts";
import type { Asker } from "../upstream/pooled.ts";
import type { RawConnection } from "../upstream/raw-connection.ts";

/** Told one of the two, once, unless it cancels; perhaps within `start`. */
export interface ReachUser {
  /** @param ms how long connecting took. Whoever is told says `leave` to the backend in the end */
  onReached(
    connection: RawConnection,
    service: LiveService,
    backend: LiveBackend,
    ms: number,
  ): void;
  onUnreachable(code: FailureCode): void;
  /** It is still there, as far as one can know. */
  readonly isWorthWaiting: boolean;
  /** One attempt failed. */
  onAttemptFailed(code: FailureCode, backend: string, cause: string): void;
}

export interface ReachOptions {
  readonly destination: Destination;
  readonly asker: Asker;
  readonly connectTimeout: number;
  readonly user: ReachUser;
}

export class Reach implements Waiter<RawConnection>, Held {
  /** The pool's. */
  ticket: Waiter<RawConnection>["ticket"] = null;
  readonly #options: ReachOptions;
  #service: LiveService | undefined = undefined;
  /** The backend a connection is awaited from. */
  #backend: LiveBackend | undefined = undefined;
  #tried: LiveBackend[] | null = null;
  #attemptsLeft = 0;
  #askedAt = 0;
  #holdTicket: HoldTicket | undefined = undefined;
  #isPaused = false;
  /** `performance.now()` at which waiting for a backend is over; 0 = it has not begun. */
  #heldUntil = 0;
  #lastFailure: FailureCode = "NO_BACKEND";
  #isOver = false;

  constructor(options: ReachOptions) {
    this.#options = options;
  }

  start(): void {
    const { destination, asker } = this.#options;
    const { maintenance } = destination;
    if (maintenance !== undefined && !NetworkSet.of(maintenance.allow).has(asker.clientIp)) {
      this.#giveUp("MAINTENANCE");
      return;
    }
    const service = destination.choose(asker);
    this.#service = service;
    this.#attemptsLeft = service.settings.retry.attempts;
    if (!service.isAdmitting) this.#giveUp("BREAKER_OPEN");
    else if (service.isPaused) this.#hold(service, service.settings.hold.pauseFor, true);
    else this.#attempt(service);
  }

  /** The client is gone. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#holdTicket !== undefined) this.#service?.cancelHold(this.#holdTicket);
    this.#backend?.rawPool.cancel(this);
    this.#leave();
  }

  #attempt(service: LiveService): void {
    const backend = service.pick(this.#options.asker, this.#tried);
    if (backend === undefined) {
      this.#holdOrGiveUp(service);
      return;
    }
    this.#backend = backend;
    backend.enter();
    this.#askedAt = performance.now();
    backend.rawPool.open(this, this.#options.connectTimeout);
  }

  onLease(connection: RawConnection): void {
    const backend = this.#backend;
    const service = this.#service;
    if (this.#isOver || backend === undefined || service === undefined) {
      connection.destroy();
      return;
    }
    this.#isOver = true;
    this.#backend = undefined;
    const ms = performance.now() - this.#askedAt;
    this.#options.user.onReached(connection, service, backend, ms);
  }

  onNoLease(code: FailureCode, cause: Error | undefined): void {
    const backend = this.#backend;
    const service = this.#service;
    if (this.#isOver || backend === undefined || service === undefined) return;
    const { retry, side } = factsOf(code);
    // That all places are taken says nothing about whether it works.
    if (side === "upstream") {
      backend.connectFailed(code);
      service.record(0, performance.now() - this.#askedAt);
    }
    this.#leave();
    this.#options.user.onAttemptFailed(code, backend.url, cause?.message ?? "");
    (this.#tried ??= []).push(backend);
    this.#lastFailure = code;
    if (retry !== "unsent") this.#giveUp(code);
    else if (this.#attemptsLeft-- > 0) this.#attempt(service);
    else this.#holdOrGiveUp(service);
  }

  #leave(): void {
    this.#backend?.leave();
    this.#backend = undefined;
  }

  /** It waits, and not for a connection. */
  get isHeld(): boolean {
    return this.#holdTicket !== undefined;
  }

  // --- waiting -------------------------------------------------------------------------------------

  #holdOrGiveUp(service: LiveService): void {
    const { holdFor } = service.settings.hold;
    if (holdFor === 0 || service.isDisposed) {
      this.#giveUp(this.#lastFailure);
      return;
    }
    const now = performance.now();
    if (this.#heldUntil === 0) this.#heldUntil = now + holdFor;
    const left = this.#heldUntil - now;
    if (left > 0) this.#hold(service, left, false);
    else this.#giveUp("HOLD_TIMEOUT");
  }

  #hold(service: LiveService, ms: number, isPaused: boolean): void {
    if (!this.#options.user.isWorthWaiting) {
      this.#giveUp("CLIENT_CLOSED");
      return;
    }
    this.#isPaused = isPaused;
    this.#holdTicket = service.hold(this, ms);
    if (this.#holdTicket === undefined) this.#giveUp("HOLD_FULL");
  }

  onReleased(): void {
    const service = this.#service;
    this.#holdTicket = undefined;
    if (this.#isOver || service === undefined) return;
    // Whoever was down may be up again.
    this.#tried = null;
    this.#attemptsLeft = service.settings.retry.attempts;
    this.#attempt(service);
  }

  onHeldTooLong(): void {
    this.#holdTicket = undefined;
    this.#giveUp(this.#isPaused ? "PAUSED" : "HOLD_TIMEOUT");
  }

  #giveUp(code: FailureCode): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.user.onUnreachable(code);
  }
}
