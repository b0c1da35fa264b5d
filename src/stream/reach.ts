// Finds a backend for one stream: picks, connects, tries another one while nothing was sent to any, goes over to
// another service, and waits for one where the service says so. Whether another attempt is made is decided here.

import { factsOf, type FailureCode } from "../http/errors.ts";
import type { Destination } from "../upstream/destination.ts";
import type { Held, HoldTicket } from "../upstream/hold-queue.ts";
import type { LiveBackend } from "../upstream/live-backend.ts";
import type { LiveService } from "../upstream/live-service.ts";
import { isKeptOut } from "../upstream/maintenance.ts";
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

/** Who waits for one of several services looks this often whether another one is up, ms. */
const lookAgainMs = 250;

export class Reach implements Waiter<RawConnection>, Held {
  /** The pool's. */
  ticket: Waiter<RawConnection>["ticket"] = null;
  readonly #options: ReachOptions;
  #service: LiveService;
  /** Services it does not go over to: the one it is with, and those it was with before. */
  #asked: LiveService[];
  /** The backend a connection is awaited from. */
  #backend: LiveBackend | undefined = undefined;
  #tried: LiveBackend[] | null = null;
  #attemptsLeft: number;
  #askedAt = 0;
  #holdTicket: HoldTicket | undefined = undefined;
  #heldFor: "HOLD_TIMEOUT" | "PAUSED" = "HOLD_TIMEOUT";
  /** `performance.now()` at which waiting for a backend is over; 0 = it has not begun. */
  #heldUntil = 0;
  #isOver = false;

  constructor(options: ReachOptions) {
    this.#options = options;
    this.#service = options.destination.choose(options.asker);
    this.#asked = [this.#service];
    this.#attemptsLeft = this.#service.settings.retry.attempts;
  }

  start(): void {
    if (!this.#service.isAdmitting) {
      this.#giveUp("BREAKER_OPEN");
      return;
    }
    this.#seek(null);
  }

  /** The service is being worked on, or the one that leads to it. */
  get #isKeptOut(): boolean {
    const { destination, asker } = this.#options;
    return [destination, this.#service].some(
      ({ maintenance }) => maintenance !== undefined && isKeptOut(maintenance, asker.clientIp),
    );
  }

  /** The client is gone. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#holdTicket !== undefined) this.#service.cancelHold(this.#holdTicket);
    this.#backend?.rawPool.cancel(this);
    this.#leave();
  }

  /** Looks for a backend. @param code why the last attempt failed; null = there was none */
  #seek(code: FailureCode | null): void {
    const service = this.#service;
    if (this.#isKeptOut) {
      this.#giveUp("MAINTENANCE");
      return;
    }
    // Nobody can resume a service that is no longer configured.
    if (service.isPaused && !service.isDisposed) {
      this.#hold("PAUSED");
      return;
    }
    const { destination, asker } = this.#options;
    const backend = service.pick(asker, this.#tried);
    if (backend !== undefined) {
      this.#use(backend);
      return;
    }
    const other = destination.instead(asker, this.#asked);
    if (other !== undefined) {
      this.#goOverTo(other);
      this.#seek(code);
    } else if (!this.#mayHold) {
      this.#giveUp(code ?? service.absence);
    } else if (service.demand?.want() === false) {
      this.#giveUp("HOLD_TIMEOUT");
    } else {
      this.#hold("HOLD_TIMEOUT");
    }
  }

  #use(backend: LiveBackend): void {
    this.#backend = backend;
    backend.enter();
    this.#askedAt = performance.now();
    backend.rawPool.open(this, this.#options.connectTimeout);
  }

  #goOverTo(service: LiveService): void {
    this.#service = service;
    this.#asked.push(service);
    this.#tried = null;
  }

  onLease(connection: RawConnection): void {
    const backend = this.#backend;
    if (this.#isOver || backend === undefined) {
      connection.destroy();
      return;
    }
    this.#isOver = true;
    this.#backend = undefined;
    const ms = performance.now() - this.#askedAt;
    this.#options.user.onReached(connection, this.#service, backend, ms);
  }

  onNoLease(code: FailureCode, cause: Error | undefined): void {
    const backend = this.#backend;
    if (this.#isOver || backend === undefined) return;
    const { retry, side } = factsOf(code);
    // That all places are taken says nothing about whether it works.
    if (side === "upstream") {
      backend.connectFailed(code, cause?.message);
      this.#service.record(0, performance.now() - this.#askedAt);
    }
    this.#leave();
    this.#options.user.onAttemptFailed(code, backend.url, cause?.message ?? "");
    (this.#tried ??= []).push(backend);
    // No budget is taken from, as nothing was sent: no backend gets more for it.
    if (retry === "unsent" && (this.#attemptsLeft-- > 0 || this.#mayHold)) this.#seek(code);
    else this.#giveUp(code);
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

  get #mayHold(): boolean {
    const service = this.#service;
    return service.patience > 0 && !service.isUp && !service.isDisposed;
  }

  /** Waits until a backend is up, or the service is no longer paused. */
  #hold(reason: "HOLD_TIMEOUT" | "PAUSED"): void {
    const service = this.#service;
    if (!this.#options.user.isWorthWaiting) {
      this.#giveUp("CLIENT_CLOSED");
      return;
    }
    const { patience, settings } = service;
    const now = performance.now();
    if (this.#heldUntil === 0 || reason !== this.#heldFor) {
      this.#heldUntil = now + (reason === "PAUSED" ? settings.hold.pauseFor : patience);
      this.#heldFor = reason;
    }
    const left = this.#heldUntil - now;
    if (left <= 0) {
      this.#giveUp(reason);
      return;
    }
    const isOne = service === this.#options.destination;
    this.#holdTicket = service.hold(this, isOne ? left : Math.min(left, lookAgainMs));
    if (this.#holdTicket === undefined) this.#giveUp("HOLD_FULL");
  }

  onReleased(): void {
    this.#holdTicket = undefined;
    if (this.#isOver) return;
    // Whoever was down may be up again.
    const { destination, asker } = this.#options;
    this.#service = destination.choose(asker);
    this.#asked = [this.#service];
    this.#tried = null;
    this.#seek(null);
  }

  onHeldTooLong(): void {
    // It was held for a part of its time, to look around.
    if (performance.now() < this.#heldUntil) {
      this.onReleased();
      return;
    }
    this.#holdTicket = undefined;
    this.#giveUp(this.#heldFor);
  }

  #giveUp(code: FailureCode): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.user.onUnreachable(code);
  }
}
