// Which backend an exchange goes to, and to whom next when that did not do: picking, waiting for a backend to
// come up, retries and their limits, failing over to another service. What is sent and received is forward's.
// Hot: bench/head.ts

import { http2BackendLimits } from "../config/http2-backend-limits.ts";
import type { Maintenance } from "../config/service.ts";
import { factsOf, type FailureCode } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field, type Fields } from "../http/fields.ts";
import type { Destination } from "../upstream/destination.ts";
import type { Held, HoldTicket } from "../upstream/hold-queue.ts";
import type { LiveBackend } from "../upstream/live-backend.ts";
import type { LiveService } from "../upstream/live-service.ts";
import { isKeptOut } from "../upstream/maintenance.ts";
import { isGoodAnswer } from "../upstream/passive-health.ts";
import type { Demand } from "../upstream/demand.ts";
import { isStatusIn } from "../upstream/status-ranges.ts";
import { wantsHtml } from "./error-page.ts";

export interface AttemptUser {
  /** A backend was found; never told when the exchange is over. */
  onBackend(backend: LiveBackend): void;
  /** There is none now, but there may be one soon: nothing more should come from the client. */
  onHeld(): void;
  onGivenUp(code: FailureCode, status?: number): void;
  /** It is being started, and the client is a browser that can be shown so until it is there. */
  onStarting(): void;
  /** The service that was chosen among several is in maintenance, for this client too. */
  onKeptOut(maintenance: Maintenance): void;
}

/** Methods whose repetition changes nothing (RFC 9110 section 9.2.2). */
export const idempotent: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "PUT",
  "DELETE",
]);

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
  /** Services whose answer was not wanted: the request reached them, and must not come twice. */
  #turnedAway: LiveService[] | null = null;
  #left: number;
  /** How often it came back untouched. */
  #refusals = 0;
  #startedAt = 0;
  /** Of the running attempt. */
  #sentAt = 0;
  /** How long its answer took to begin, if that was good; -1 = it was not. */
  #answerMs = -1;
  /** Is dead because of what came of it here, which others do not know yet. */
  #failed: LiveBackend | null = null;
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

  /** One that this exchange found dead, while others may still be sent there. */
  get failed(): LiveBackend | null {
    return this.#failed?.isNews === true ? this.#failed : null;
  }

  begin(): void {
    this.#startedAt = performance.now();
    if (!this.#service.isAdmitting) {
      const other = this.#instead();
      if (other?.isAdmitting !== true) {
        this.#user.onGivenUp("BREAKER_OPEN", this.#service.settings.breaker?.status);
        return;
      }
      this.#goOverTo(other);
    }
    this.#service.budget.count();
    this.#seek(null);
  }

  /** Another service, which has not seen this request; undefined = there is none that is open. */
  #instead(): LiveService | undefined {
    const asked = [...(this.#turnedAway ?? []), this.#service];
    return this.#destination.instead(this.#exchange, asked);
  }

  /** Of a service that was chosen among several, where it keeps this client out. */
  get #maintenance(): Maintenance | undefined {
    const service = this.#service;
    if (service === this.#destination) return undefined;
    const { maintenance } = service;
    const isFree = maintenance === undefined || !isKeptOut(maintenance, this.#exchange.clientIp);
    return isFree ? undefined : maintenance;
  }

  /** Looks for a backend. @param code why the last attempt failed; null = there was none */
  #seek(code: FailureCode | null): void {
    const service = this.#service;
    const maintenance = this.#maintenance;
    if (maintenance !== undefined) {
      this.#user.onKeptOut(maintenance);
      return;
    }
    // Nobody can resume a service that is no longer configured.
    if (service.isPaused && !service.isDisposed) {
      this.#hold("PAUSED");
      return;
    }
    const backend = service.pick(this.#exchange, this.#tried);
    if (backend !== undefined) {
      this.#use(backend);
      return;
    }
    const other = this.#instead();
    if (other !== undefined) {
      // Its circuit breaker must hear of a failure, though the client will not.
      if (code !== null) this.record(0);
      this.#goOverTo(other);
      this.#seek(code);
    } else if (service.isUp || service.isDisposed || service.patience === 0) {
      this.#giveUp(code ?? service.absence);
    } else if (service.demand === undefined) {
      this.#hold("HOLD_TIMEOUT");
    } else {
      this.#want(service.demand);
    }
  }

  /** It is started because of this exchange. */
  #want(demand: Demand): void {
    if (!demand.want()) this.#giveUp("HOLD_TIMEOUT");
    else if (demand.settings.wait === "page" && isBrowsing(this.#exchange)) this.#user.onStarting();
    else this.#hold("HOLD_TIMEOUT");
  }

  #use(backend: LiveBackend): void {
    backend.enter();
    this.#backend = backend;
    this.#exchange.attempts++;
    this.#exchange.backendUrl = backend.url;
    this.#exchange.record?.beginAttempt(backend.url);
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
    this.#exchange.record?.endAttempt();
  }

  // --- waiting -----------------------------------------------------------------------------------

  /** Waits until a backend is up, or the service is no longer paused. */
  #hold(reason: "HOLD_TIMEOUT" | "PAUSED"): void {
    const { patience, settings } = this.#service;
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
    const isNew = service !== this.#service && this.#turnedAway?.includes(service) !== true;
    if (isNew) this.#goOverTo(service);
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
  onNoConnection(code: FailureCode, cause: string): void {
    const backend = this.#backend;
    if (backend === null) return;
    this.#exchange.record?.failed(code);
    const isUnsent = factsOf(code).retry === "unsent";
    // It is there, and takes nothing.
    if (code === "STREAM_REFUSED") backend.judge(false, 0, factsOf(code).text);
    else if (isUnsent && code !== "VERSION_REFUSED") backend.connectFailed(code, cause);
    if (backend.isNews) this.#failed = backend;
    this.leave();
    (this.#tried ??= []).push(backend);
    // The budget keeps backends from getting more than they can bear: this one got nothing.
    if (isUnsent && (this.#left-- > 0 || this.#mayHold)) this.#seek(code);
    else this.#giveUp(code);
  }

  get #mayHold(): boolean {
    return this.#service.patience > 0 && !this.#service.isUp;
  }

  /** The same again on another connection: this one gave it back untouched, so no budget is asked. False: that came too often. */
  afresh(code: FailureCode): boolean {
    const backend = this.#backend;
    if (backend === null || this.#refusals >= http2BackendLimits.refusals) return false;
    this.#refusals++;
    this.#exchange.record?.failed(code);
    this.#exchange.attempts++;
    this.#exchange.record?.beginAttempt(backend.url);
    return true;
  }

  /** Another attempt is granted. */
  #takeRetry(): boolean {
    if (this.#left <= 0 || !this.#service.budget.take()) return false;
    this.#left--;
    return true;
  }

  /** Another attempt is left, and somebody else than the backend of the running one could be asked. */
  get mayAskAnother(): boolean {
    const backend = this.#backend;
    return this.#left > 0 && backend !== null && this.#service.hasOther(backend, this.#tried);
  }

  /** The same again, on another connection: the one it had was dead already. False: it is not granted. */
  again(): boolean {
    const backend = this.#backend;
    if (backend === null || !this.#takeRetry()) return false;
    this.#exchange.attempts++;
    this.#exchange.record?.beginAttempt(backend.url);
    return true;
  }

  /** No answer came that is of use. */
  onFailed(code: FailureCode): void {
    this.#exchange.record?.failed(code);
    this.#backend?.judge(false, 0, factsOf(code).text);
    if (this.#backend?.isNews === true) this.#failed = this.#backend;
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

  /**
   * An answer begins.
   * @param counted the status that its backend is judged by
   * @returns how long that took from the first attempt on, ms
   */
  onAnswer(status: number, counted: number): number {
    const now = performance.now();
    const ms = now - this.#sentAt;
    this.#answerMs = ms;
    this.#exchange.record?.answered(status);
    if (isGoodAnswer(this.#service.settings.passive, counted, ms)) {
      this.#backend?.proven(ms);
    } else {
      this.#answerMs = -1;
      const said = counted === status ? status : "UNAVAILABLE";
      this.#backend?.judge(false, ms, `answered ${said} after ${Math.round(ms)} ms`);
      if (this.#backend?.isNews === true) this.#failed = this.#backend;
    }
    return now - this.#startedAt;
  }

  /** The answer is complete, or what follows it is nobody's business. */
  onAnswered(): void {
    if (this.#answerMs >= 0) this.#backend?.completed(this.#answerMs);
  }

  /** Whether an answer with this status is a reason to ask somebody else, if that is safe. */
  isUnwanted(status: number): boolean {
    const { statuses } = this.#service.settings.retry;
    return isStatusIn(statuses, status) || this.#serviceAfter(status) !== undefined;
  }

  /** One that can be asked at once: while it holds requests, the answer there is stands. */
  #serviceAfter(status: number): LiveService | undefined {
    const next = this.#destination.after(this.#service, status, this.#exchange);
    if (next === undefined || next.isPaused || !next.isUp) return undefined;
    return this.#turnedAway?.includes(next) === true ? undefined : next;
  }

  /** Asks somebody else for a better answer than one with this status. False: there is nobody. */
  better(status: number): boolean {
    const { statuses } = this.#service.settings.retry;
    if (isStatusIn(statuses, status) && this.another()) return true;
    const next = this.#serviceAfter(status);
    if (next?.isAdmitting !== true || !this.#service.budget.take()) return false;
    this.record(status);
    (this.#turnedAway ??= []).push(this.#service);
    this.leave();
    this.#goOverTo(next);
    this.#seek(null);
    return true;
  }

  /** It failed with this. Of what a client does wrong, or we refuse, no backend knows anything. */
  recordFailure(code: FailureCode): void {
    const { side } = factsOf(code);
    if (side === "upstream") this.record(0);
    else if (side === "proxy") this.#service.countRefused();
  }

  /** What came of the exchange as a whole. @param status 0 = no answer */
  record(status: number): void {
    this.#service.record(status, performance.now() - this.#startedAt);
  }

  /** What keeps the client where it is: lines for the head of the answer. */
  sessionLines(answer: Fields): string {
    const exchange = this.#exchange;
    const service = this.#service;
    const backend = this.#backend;
    if (backend === null) return "";
    service.learn(answer, backend);
    return this.#destination.sessionLine(exchange, service, backend, exchange.origin.isSecure);
  }
}

/** A page can be shown, and asking for it again does no harm. */
function isBrowsing({ method, request }: Exchange): boolean {
  if ((method !== "GET" && method !== "HEAD") || request.isUpgrade) return false;
  return wantsHtml(request.fields.joined(Field.ACCEPT));
}
