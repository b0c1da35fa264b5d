// Runs a middleware that somebody wrote. Its file may change at any time: a new version that can be used takes over for the
// requests that begin from then on, one that cannot leaves the old one where it is. Whatever it does wrong costs its own
// request; when that happens too often it is left alone for a while.

import { ownLimits } from "../config/middleware-limits.ts";
import type { LiveDocument } from "../config/documents.ts";
import type { OwnUse } from "../config/middlewares/uses/own.ts";
import type { AnswerHead } from "../http/answer-review.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Answer as OwnAnswer, Definition, Hooks } from "../own/contract.ts";
import { inlineOf } from "../own/inline.ts";
import { loadOwn, settingsFor } from "../own/module.ts";
import type { Middleware, MiddlewareApi, Refusal, Verdict } from "./middleware.ts";
import { answerOf, OwnRequest, OwnResponse, outcomeOf } from "./own-facade.ts";

/** @throws when its file cannot be used now */
export function own(use: OwnUse, api: MiddlewareApi): Middleware {
  const runner = new OwnRunner(use, api);
  return {
    onRequest: (exchange) => runner.request(exchange),
    onResponse: (exchange, answer) => runner.respond(exchange, answer),
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
  /** The text that was looked at last, usable or not. */
  #seen: LiveDocument | undefined;
  #hooks: Hooks;
  #failures = 0;
  /** Both as `performance.now()`. */
  #countedSince = 0;
  #offUntil = 0;

  constructor(use: OwnUse, api: MiddlewareApi) {
    this.#use = use;
    this.#api = api;
    const inline = inlineOf(use.path);
    this.#seen = this.#document();
    if (inline !== undefined) this.#hooks = this.#made(inline);
    else if (this.#seen !== undefined) this.#hooks = this.#made(this.#loaded(this.#seen));
    else throw new Error(`${use.path} could not be read`);
  }

  #document(): LiveDocument | undefined {
    const [wish] = this.#use.documents;
    return wish === undefined ? undefined : this.#api.document(wish.name);
  }

  #loaded({ text, version }: LiveDocument): Definition<unknown> {
    return loadOwn(this.#use.path, text, version);
  }

  #made(definition: Definition<unknown>): Hooks {
    const { owner } = this.#api;
    return definition.create(settingsFor(definition, this.#use.settings), {
      owner,
      warn: (message, fields) => this.#api.warn(message, fields),
    });
  }

  /** Of the newest version that can be used. */
  #current(): Hooks {
    const now = this.#document();
    if (now === undefined || now === this.#seen) return this.#hooks;
    this.#seen = now;
    try {
      const next = this.#made(this.#loaded(now));
      // Those that run with it have their own reference.
      this.close();
      this.#hooks = next;
      this.#failures = 0;
      this.#offUntil = 0;
    } catch (error) {
      const cause = textOf(error);
      this.#api.warn("a new version cannot be used; the one before serves on", {
        file: this.#use.path,
        cause,
      });
    }
    return this.#hooks;
  }

  request(exchange: Exchange): Verdict | Promise<Verdict> {
    const hooks = this.#current();
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
    if (!exchange.isDone) this.#count(error);
    this.#passages.get(exchange)?.request.end();
    this.#passages.delete(exchange);
    return this.#use.onFailure === "pass" ? undefined : { failure: "MIDDLEWARE_FAILED" };
  }

  #off(): Refusal | undefined {
    return this.#use.onFailure === "pass" ? undefined : { failure: "MIDDLEWARE_OFF" };
  }

  #count(error: unknown): void {
    const { path, failures } = this.#use;
    const now = performance.now();
    if (now - this.#countedSince > ownLimits.window) {
      this.#countedSince = now;
      this.#failures = 0;
    }
    this.#failures++;
    this.#api.warn("a middleware of your own failed", { file: path, cause: textOf(error) });
    if (failures === 0 || this.#failures < failures) return;
    this.#offUntil = now + ownLimits.window;
    this.#failures = 0;
    this.#api.warn("a middleware of your own failed too often, and is left alone for a minute", {
      file: path,
    });
  }

  /** Whatever it throws: who closes it goes over to something else, and must get there. */
  close(): void {
    try {
      this.#call(() => this.#hooks.close?.());
    } catch (error) {
      this.#count(error);
    }
  }
}

function isPromise<T>(said: T | PromiseLike<T>): said is PromiseLike<T> {
  if (typeof said !== "object" || said === null) return false;
  return typeof Reflect.get(said, "then") === "function";
}

/** With the place in its own file. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = error.stack
    ?.split("\n")
    .find((line) => line.trim().startsWith("at "))
    ?.trim();
  return `${error.name}: ${error.message.split("\n")[0]}${place === undefined ? "" : ` (${place})`}`;
}
