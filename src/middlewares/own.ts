// Runs a middleware that somebody wrote, here or in a thread. Whatever it does wrong costs its own request; when that happens
// too often it is left alone for a while.

import { ownLimits } from "../config/middleware-limits.ts";
import type { OwnUse } from "../config/middlewares/uses/own.ts";
import type { AnswerHead } from "../http/answer-review.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Answer as OwnAnswer, Hooks } from "../own/contract.ts";
import type { Middleware, MiddlewareApi, Refusal, Verdict } from "./middleware.ts";
import { answerOf, OwnRequest, OwnResponse, outcomeOf } from "./own-facade.ts";
import { faultText, ThreadAway, ThreadEnd, ThreadLost } from "./own-fault.ts";
import { type Versions, versionsOf } from "./own-versions.ts";

/** @throws when its file cannot be used now */
export function own(use: OwnUse, api: MiddlewareApi): Middleware {
  const runner = new OwnRunner(use, api);
  return {
    onRequest: (exchange) => runner.request(exchange),
    // In a thread there is no such moment.
    ...(use.thread === undefined && {
      onResponse: (exchange: Exchange, answer: AnswerHead) => runner.respond(exchange, answer),
    }),
    onDone: (exchange) => runner.done(exchange),
    close: () => runner.close(),
  };
}

/** What one exchange began with. */
interface Passage {
  readonly hooks: Hooks;
  readonly request: OwnRequest;
}

class OwnRunner {
  readonly #use: OwnUse;
  readonly #api: MiddlewareApi;
  readonly #passages = new WeakMap<Exchange, Passage>();
  readonly #versions: Versions;
  #failures = 0;
  /** Both as `performance.now()`. */
  #countedSince = 0;
  #offUntil = 0;

  constructor(use: OwnUse, api: MiddlewareApi) {
    this.#use = use;
    this.#api = api;
    this.#versions = versionsOf(use, api, {
      onNewVersion: () => {
        this.#failures = 0;
        this.#offUntil = 0;
      },
      onFault: (error) => this.#count(error),
      close: (hooks) => this.#close(hooks),
    });
  }

  request(exchange: Exchange): Verdict | Promise<Verdict> {
    const hooks = this.#versions.current();
    if (performance.now() < this.#offUntil) return this.#off();
    const request = new OwnRequest(exchange);
    const passage = { hooks, request };
    this.#passages.set(exchange, passage);
    if (hooks.onRequest === undefined) return undefined;
    const begun = performance.now();
    try {
      const said = hooks.onRequest(request);
      this.#timed(begun);
      if (isPromise(said)) return this.#awaited(exchange, Promise.resolve(said));
      return said === undefined ? undefined : answerOf(said);
    } catch (error) {
      return this.#failed(exchange, error);
    }
  }

  async #awaited(
    exchange: Exchange,
    said: Promise<OwnAnswer | undefined | void>,
  ): Promise<Verdict> {
    const { timeout } = this.#use;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeout} ms`)), timeout);
    try {
      const answer = await (timeout === 0 ? said : Promise.race([said, late]));
      return answer === undefined ? undefined : answerOf(answer);
    } catch (error) {
      return this.#failed(exchange, error);
    } finally {
      clearTimeout(timer);
    }
  }

  respond(exchange: Exchange, answer: AnswerHead): void {
    const passage = this.#passages.get(exchange);
    if (passage === undefined) return;
    const { hooks, request } = passage;
    const response = new OwnResponse(answer);
    try {
      this.#call(() => hooks.onResponse?.(request, response));
    } catch (error) {
      this.#count(error);
      if (this.#use.onFailure === "pass") return;
      exchange.failure ??= "MIDDLEWARE_FAILED";
      throw error;
    } finally {
      response.end();
    }
  }

  done(exchange: Exchange): void {
    const passage = this.#passages.get(exchange);
    if (passage === undefined) return;
    const { hooks, request } = passage;
    try {
      request.mayBeOver = true;
      this.#call(() => hooks.onDone?.(request, outcomeOf(exchange)));
    } catch (error) {
      // Nobody is left to refuse.
      this.#count(error);
    } finally {
      request.end();
    }
  }

  /** What is not meant to be waited for may be a promise all the same, and reject: unheard, that would end the worker. */
  #call(act: () => unknown): void {
    const begun = performance.now();
    const said = act();
    if (isPromise(said)) Promise.resolve(said).catch((error: unknown) => this.#count(error));
    this.#timed(begun);
  }

  /** Everybody else stood still meanwhile. */
  #timed(begun: number): void {
    const ms = performance.now() - begun;
    if (ms > ownLimits.blocking)
      this.#count(new Error(`it kept the worker for ${ms.toFixed(0)} ms`));
  }

  #failed(exchange: Exchange, error: unknown): Refusal | undefined {
    // What it meets after its client has left is no fault of its own.
    const isAway = error instanceof ThreadAway;
    if (isAway || error instanceof ThreadLost) this.#warn(error);
    else if (!exchange.isDone) this.#count(error);
    this.#passages.get(exchange)?.request.end();
    this.#passages.delete(exchange);
    if (isAway) return this.#off();
    return this.#use.onFailure === "pass" ? undefined : { failure: "MIDDLEWARE_FAILED" };
  }

  #off(): Refusal | undefined {
    return this.#use.onFailure === "pass" ? undefined : { failure: "MIDDLEWARE_OFF" };
  }

  #warn(error: unknown): void {
    const fields = { file: this.#use.path, cause: faultText(error) };
    const isEnd = error instanceof ThreadEnd;
    if (isEnd) this.#api.warn("the thread of a middleware of your own ended", fields);
    else this.#api.warn("a middleware of your own failed", fields);
  }

  #count(error: unknown): void {
    const { path, failures } = this.#use;
    const now = performance.now();
    if (now - this.#countedSince > ownLimits.window) {
      this.#countedSince = now;
      this.#failures = 0;
    }
    this.#failures++;
    this.#warn(error);
    if (failures === 0 || this.#failures < failures) return;
    this.#offUntil = now + ownLimits.window;
    this.#failures = 0;
    this.#api.warn("a middleware of your own failed too often, and is left alone for a minute", {
      file: path,
    });
  }

  close(): void {
    this.#versions.close();
  }

  /** Whatever it throws: who closes it goes over to something else, and must get there. */
  #close(hooks: Hooks): void {
    try {
      this.#call(() => hooks.close?.());
    } catch (error) {
      this.#count(error);
    }
  }
}

function isPromise<T>(said: T | PromiseLike<T>): said is PromiseLike<T> {
  if (typeof said !== "object" || said === null) return false;
  return typeof Reflect.get(said, "then") === "function";
}
