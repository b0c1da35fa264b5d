// Which backend an exchange goes to, and to whom next when that did not do: picking, waiting for a backend to
// come up, retries and their limits, failing over to another service. What is sent and received is forward's.
// Hot: bench/head.ts

import type { FailureCode } from "../http/errors.ts";
import { factsOf } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Destination } from "../upstream/destination.ts";
import type { Held, HoldTicket } from "../upstream/hold-queue.ts";
import type { LiveBackend } from "../upstream/live-backend.ts";
import type { LiveService } from "../upstream/live-service.ts";
import { isGoodAnswer } from "../upstream/passive-health.ts";
import { isStatusIn } from "../upstream/status-ranges.ts";

export interface AttemptUser {
  /** A backend was found; never told when the exchange is over. */
  onBackend(backend: LiveBackend): void;
  /** There is none now, but there may be one soon: nothing more should come from the client. */
  onHeld(): void;
  onGivenUp(code: FailureCode, status?: number): void;
}

/** Who waits for one of several services looks this often whether another one is up, ms. */
const lookAgainMs = 250;

export class Attempts implements Held {
  readonly #exchange: Exchange;
  readonly #destination: Destination;
  readonly #user: AttemptUser;
  #service: LiveService;
  /** The one of the running attempt; it counts the exchange among what it carries. */
  #backend: LiveBackend | null = null;
  #tried: LiveBackend[] | null = null;
  #left: number;
  #startedAt = 0;
  /** Of the running attempt. */
  #sentAt = 0;
  /** How long its answer took to begin, if that was good; -1 = it was not. */
  #answerMs = -1;
  #holdTicket: HoldTicket | null = null;
  /** `performance.now()` until which it may be held; 0 = it never was. */
  #heldUntil = 0;
  #heldFor: "HOLD_TIMEOUT" | "PAUSED" = "HOLD_TIMEOUT";

  constructor(exchange: Exchange, destination: Destination, user: AttemptUser) {
    this.#exchange = exchange;
    this.#destination = destination;
    this.#user = user;
    this.#service = destination.choose(exchange);
    this.#left = this.#service.settings.retry.attempts;
    exchange.serviceName = this.#service.name;
  }

  get service(): LiveService {
    return this.#service;
  }

  get backend(): LiveBackend | null {
    return this.#backend;
  }

  begin(): void {
    this.#startedAt = performance.now();
    const service = this.#service;
    if (service.isAdmitting) {
      service.budget.count();
      this.#seek(null);
      return;
    }
    this.#user.onGivenUp("BREAKER_OPEN", service.settings.breaker?.status);
  }

  /** Looks for a backend. @param code why the last attempt failed; null = there was none */
  #seek(code: FailureCode | null): void {
    const service = this.#service;
    if (service.isPaused) {
      this.#hold("PAUSED");
      return;
    }
    const backend = service.pick(this.#exchange, this.#tried);
    if (backend !== undefined) {
      this.#use(backend);
      return;
    }
    const other = this.#destination.choose(this.#exchange);
    if (other !== service && other.isUp) {
      this.#goOverTo(other);
      this.#seek(code);
    } else if (service.settings.hold.holdFor > 0 && !service.isUp && !service.isDisposed) {
      this.#hold("HOLD_TIMEOUT");
    } else {
      this.#giveUp(code ?? "NO_BACKEND");
    }
  }

  #use(backend: LiveBackend): void {
    backend.enter();
    this.#backend = backend;
    this.#exchange.attempts++;
    this.#exchange.backendUrl = backend.url;
    this.#user.onBackend(backend);
  }

  #goOverTo(service: LiveService): void {
    this.#service = service;
    this.#tried = null;
    this.#exchange.serviceName = service.name;
  }

  #giveUp(code: FailureCode): void {
    this.#user.onGivenUp(code);
  }

  /** The attempt is over, or the exchange: the backend no longer carries it. */
  leave(): void {
    const backend = this.#backend;
    this.#backend = null;
    backend?.leave();
  }

  // --- waiting -----------------------------------------------------------------------------------

  /** Waits until a backend is up, or the service is no longer paused. */
  #hold(reason: "HOLD_TIMEOUT" | "PAUSED"): void {
    const { holdFor, pauseFor } = this.#service.settings.hold;
    const now = performance.now();
    if (this.#heldUntil === 0 || reason !== this.#heldFor) {
      this.#heldUntil = now + (reason === "PAUSED" ? pauseFor : holdFor);
      this.#heldFor = reason;
    }
    const left = this.#heldUntil - now;
    if (left <= 0) {
      this.#giveUp(reason);
      return;
    }
    const isOne = this.#service === this.#destination;
    const ticket = this.#service.hold(this, isOne ? left : Math.min(left, lookAgainMs));
    if (ticket === undefined) {
      this.#giveUp("HOLD_FULL");
      return;
    }
    this.#holdTicket = ticket;
    this.#user.onHeld();
  }

  onReleased(): void {
    this.#holdTicket = null;
    this.#tried = null;
    const service = this.#destination.choose(this.#exchange);
    if (service !== this.#service) this.#goOverTo(service);
    this.#seek(null);
  }

  onHeldTooLong(): void {
    // It was held for a part of its time, to look around.
    if (performance.now() < this.#heldUntil) {
      this.onReleased();
      return;
    }
    this.#holdTicket = null;
    this.#giveUp(this.#heldFor);
  }

  /** The exchange is over: whatever is waited for is no longer wanted. */
  cancel(): void {
    if (this.#holdTicket !== null) this.#service.cancelHold(this.#holdTicket);
    this.#holdTicket = null;
    this.leave();
  }

  // --- what came of an attempt -------------------------------------------------------------------

  /** The request goes out now. */
  onSend(): void {
    this.#sentAt = performance.now();
  }

  /** There is no connection to the backend: nothing was sent, so another one may always be asked. */
  onNoConnection(code: FailureCode): void {
    const backend = this.#backend;
    if (backend === null) return;
    const isUnsent = factsOf(code).retry === "unsent";
    if (isUnsent) backend.connectFailed(code);
    this.leave();
    (this.#tried ??= []).push(backend);
    if (isUnsent && (this.#takeRetry() || this.#mayHold)) this.#seek(code);
    else this.#giveUp(code);
  }

  get #mayHold(): boolean {
    return this.#service.settings.hold.holdFor > 0 && !this.#service.isUp;
  }

  /** Another attempt is granted. */
  #takeRetry(): boolean {
    if (this.#left <= 0 || !this.#service.budget.take()) return false;
    this.#left--;
    return true;
  }

  get isAnyLeft(): boolean {
    return this.#left > 0;
  }

  /** Somebody else than the backend of the running attempt could be asked. */
  get hasOther(): boolean {
    return this.#backend !== null && this.#service.hasOther(this.#backend, this.#tried);
  }

  /** The same again, on another connection: the one it had was dead already. False: it is not granted. */
  again(): boolean {
    const backend = this.#backend;
    if (backend === null || !this.#takeRetry()) return false;
    this.#exchange.attempts++;
    return true;
  }

  /** No answer came that is of use. */
  onFailed(code: FailureCode): void {
    this.#backend?.judge(false, 0, factsOf(code).text);
  }

  /** Another backend of the service, instead of failing. False: there is none. */
  another(): boolean {
    const backend = this.#backend;
    if (backend === null) return false;
    const tried = [...(this.#tried ?? []), backend];
    const next = this.#service.pick(this.#exchange, tried);
    if (next === undefined || !this.#takeRetry()) return false;
    this.leave();
    this.#tried = tried;
    this.#use(next);
    return true;
  }

  /** An answer begins. @returns how long that took from the first attempt on, ms */
  onAnswer(status: number): number {
    const now = performance.now();
    const ms = now - this.#sentAt;
    this.#answerMs = ms;
    if (!isGoodAnswer(this.#service.settings.passive, status, ms)) {
      this.#answerMs = -1;
      this.#backend?.judge(false, ms, `answered ${status} after ${Math.round(ms)} ms`);
    }
    return now - this.#startedAt;
  }

  /** The answer is complete, or what follows it is nobody's business. */
  onAnswered(): void {
    if (this.#answerMs >= 0) this.#backend?.judge(true, this.#answerMs, "");
  }

  /** Whether an answer with this status is a reason to ask somebody else, if that is safe. */
  isUnwanted(status: number): boolean {
    const { statuses } = this.#service.settings.retry;
    return isStatusIn(statuses, status) || this.#serviceAfter(status) !== undefined;
  }

  #serviceAfter(status: number): LiveService | undefined {
    return this.#destination.after(this.#service, status, this.#exchange);
  }

  /** Asks somebody else for a better answer than one with this status. False: there is nobody. */
  better(status: number): boolean {
    const { statuses } = this.#service.settings.retry;
    if (isStatusIn(statuses, status) && this.another()) return true;
    const next = this.#serviceAfter(status);
    if (next === undefined || !this.#service.budget.take()) return false;
    this.leave();
    this.#goOverTo(next);
    this.#seek(null);
    return true;
  }

  /** What came of the exchange as a whole. @param status 0 = no answer */
  record(status: number): void {
    this.#service.record(status, performance.now() - this.#startedAt);
  }

  /** What keeps the client where it is: lines for the head of the answer. */
  sessionLines(answer: Parameters<LiveService["learn"]>[1]): string {
    const exchange = this.#exchange;
    const service = this.#service;
    const backend = this.#backend;
    if (backend === null) return "";
    service.learn(exchange, answer, backend);
    return this.#destination.sessionLine(exchange, service, backend, exchange.origin.isSecure);
  }
}
