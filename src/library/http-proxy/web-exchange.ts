// A request that a program handed to `web`: the steps and events of http-proxy, in its order.

import type { IncomingMessage, ServerResponse } from "node:http";
import { CHUNKED } from "../../http/framing.ts";
import { type Aim, type Asked, requestFor } from "./asked.ts";
import { BodyFeed } from "./body-feed.ts";
import { ProxyError } from "./error.ts";
import { guarded, tellError } from "./events.ts";
import { Leg, type LegOwner } from "./leg.ts";
import type { Place } from "./options.ts";
import type { ProxyRequest } from "./proxy-request.ts";
import type { ProxyResponse } from "./proxy-response.ts";
import { hopByHop, locationFor, rewriteCookies } from "./rewrites.ts";

export class WebExchange {
  readonly #asked: Asked;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #legs: Leg[] = [];
  /** Who gets the body of the client's request. */
  readonly #takers: Leg[] = [];
  #feed: BodyFeed | undefined;
  #unsettled = 0;
  /** The client's request was made one for the head alone. */
  #isBodiless = false;
  #answer: ProxyResponse | undefined;
  /** It failed, or the client has gone. */
  #isOver = false;

  constructor(asked: Asked, request: IncomingMessage, response: ServerResponse) {
    this.#asked = asked;
    this.#request = request;
    this.#response = response;
  }

  begin(): void {
    const { emitter, options, target, forward } = this.#asked;
    const first = target ?? forward;
    if (first === undefined) return;
    emitter.emit("start", this.#request, this.#response, first.shown);
    if (options.timeout) this.#request.socket.setTimeout(options.timeout);
    this.#response.on("close", () => this.#onClosed());
    // Listeners that are added after the call are meant as well.
    process.nextTick(() => this.#send());
  }

  #send(): void {
    const { target, forward } = this.#asked;
    if (this.#response.destroyed) {
      this.#onClosed();
      return;
    }
    const begun: Leg[] = [];
    if (forward !== undefined) {
      const leg = this.#legTo(forward, false, (answer) => answer.resume());
      if (leg !== undefined) begun.push(leg);
      else if (target === undefined) this.#endAlone();
    }
    if (target !== undefined && !this.#isOver) {
      const leg = this.#legTo(target, true, (answer) => this.#onAnswer(answer, target));
      if (leg !== undefined) begun.push(leg);
    }
    this.#legs.push(...begun);
    this.#unsettled = begun.length;
    if (this.#takers.length > 0) this.#takeBody();
    for (const each of begun) each.begin();
  }

  /** undefined = it cannot be sent, and that was told. */
  #legTo(aim: Aim, isMain: boolean, onAnswer: (answer: ProxyResponse) => void): Leg | undefined {
    const { options, emitter } = this.#asked;
    const request = this.#request;
    let leg: Leg | undefined;
    const dropped = { error: undefined as Error | undefined, is: false };
    try {
      const made = requestFor(request, aim, options, "http", (error) => {
        dropped.error = error;
        dropped.is = true;
        this.#onDropped(leg, aim, error);
      });
      if (made === undefined) throw new ProxyError("BAD_TARGET");
      if (
        isMain &&
        !guarded(() => emitter.emit("proxyReq", made, request, this.#response, options))
      ) {
        this.#breakOff();
      }
      if (dropped.is || this.#isOver) return undefined;
      leg = this.#legOf(made, aim, onAnswer);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)), aim);
    }
    return leg;
  }

  #onDropped(leg: Leg | undefined, aim: Aim, error: Error | undefined): void {
    if (this.#answer !== undefined) {
      this.#answer.destroy();
      return;
    }
    leg?.cancel();
    this.#fail(error ?? new ProxyError("UPSTREAM_CLOSED"), aim);
  }

  #legOf(made: ProxyRequest, aim: Aim, onAnswer: (answer: ProxyResponse) => void): Leg {
    const { options } = this.#asked;
    const own = made.body;
    if (own !== undefined) {
      made.removeHeader("content-length");
      made.removeHeader("transfer-encoding");
    }
    const length = own === undefined ? this.#lengthOf() : own.length;
    if (own === undefined && length !== 0 && options.buffer === undefined) this.#mustBeUnread();
    const head = made.leave(length, "", options.agent === false);
    if (typeof head === "string") throw new ProxyError(head);
    if (aim === this.#asked.target) {
      this.#isBodiless = head.method === "HEAD" && this.#request.method !== "HEAD";
    }
    const timeouts = { response: options.proxyTimeout ?? 0, connect: options.connectTimeout };
    const owner: LegOwner = {
      onSettled: () => this.#onSettled(leg, own),
      onDrain: () => this.#feed?.onDrain(),
      onAnswer,
      onUpgrade: (_answer, tunnel) => tunnel.destroy(),
      onFailed: (error) => this.#fail(error, aim),
    };
    const leg: Leg = new Leg(aim.pool, head, timeouts, owner);
    if (own === undefined && length !== 0) this.#takers.push(leg);
    return leg;
  }

  // --- the body ------------------------------------------------------------------------------------

  #lengthOf(): number {
    const { headers, httpVersionMajor, method } = this.#request;
    const told = headers["content-length"];
    if (headers["transfer-encoding"] !== undefined) return CHUNKED;
    if (told !== undefined) return Number(told);
    // HTTP/2 needs to tell neither.
    const isOpen = httpVersionMajor > 1 && method !== "GET" && method !== "HEAD";
    return isOpen || this.#asked.options.buffer !== undefined ? CHUNKED : 0;
  }

  #mustBeUnread(): void {
    if (!this.#request.readableDidRead && !this.#request.readableEnded) return;
    const remedy =
      "write it in a listener of proxyReq (proxyReq.write), or give it as options.buffer";
    throw new Error(`the request's body has been read already: ${remedy}`);
  }

  #takeBody(): void {
    const { buffer } = this.#asked.options;
    const source = buffer ?? this.#request;
    this.#feed = new BodyFeed(source, this.#takers);
    const main = this.#asked.target ?? this.#asked.forward;
    let wrong = new Error("options.buffer was closed before its end");
    buffer?.on("error", (error) => (wrong = error));
    // The end of a body that was cut is no end.
    source.on("close", () => {
      // Node says it of a request too whose answer is complete, and whose body still comes.
      if (!source.destroyed || source.readableEnded) return;
      for (const each of this.#legs) each.cancel();
      // Of a request the answer's end is told.
      if (buffer !== undefined && main !== undefined) this.#fail(wrong, main);
    });
  }

  #onSettled(leg: Leg, own: Buffer | undefined): void {
    if (own !== undefined && own.length > 0) {
      leg.write(own);
      leg.end();
    }
    if (--this.#unsettled > 0) return;
    // Node throws away a body that nobody began to read when its answer was given.
    if (this.#response.writableEnded) for (const each of this.#takers) each.cancel();
    else this.#feed?.begin();
    this.#endAlone();
  }

  /** With `forward` alone nobody's answer is waited for; what is left of a body still comes. */
  #endAlone(): void {
    if (this.#asked.target === undefined && !this.#response.writableEnded) this.#response.end();
  }

  // --- how it went ---------------------------------------------------------------------------------

  #fail(error: Error, aim: Aim): void {
    if (this.#isOver && aim === this.#asked.target) return;
    const { emitter, callback, target } = this.#asked;
    // What becomes of a copy is nobody's answer.
    if (aim === target) this.#isOver = true;
    const told = [error, this.#request, this.#response, aim.shown] as const;
    tellError(emitter, callback, ...told);
  }

  /** A listener threw. */
  #breakOff(): void {
    this.#isOver = true;
    if (!this.#response.writableEnded) this.#response.destroy();
  }

  /** The answer went out, or the client has gone. */
  #onClosed(): void {
    const { target, forward, emitter } = this.#asked;
    if (this.#response.writableFinished) {
      // Whoever answered without it does not read it any more.
      if (this.#answer?.readableFlowing !== true && this.#answer?.listenerCount("readable") === 0) {
        this.#answer.destroy();
      }
      // As above: a copy may still wait for its connection.
      if (this.#unsettled > 0) for (const each of this.#takers) each.cancel();
      return;
    }
    const answer = this.#answer;
    const isTold = this.#isOver || answer !== undefined;
    this.#isOver = true;
    const aim = target ?? forward;
    for (const each of this.#legs) each.cancel();
    answer?.destroy();
    if (isTold || aim === undefined) return;
    const error = new ProxyError("CLIENT_CLOSED");
    guarded(() => emitter.emit("econnreset", error, this.#request, this.#response, aim.shown));
  }

  #onAnswer(answer: ProxyResponse, aim: Aim): void {
    const { emitter, options } = this.#asked;
    const request = this.#request;
    const response = this.#response;
    this.#answer = answer;
    if (!guarded(() => emitter.emit("proxyRes", answer, request, response))) {
      answer.destroy();
      this.#breakOff();
      return;
    }
    const isOurs = options.selfHandleResponse !== true;
    if (response.writableEnded) {
      // A listener gave an answer of its own.
      guarded(() => emitter.emit("end", request, response, answer));
      if (answer.readableFlowing === null) answer.destroy();
      return;
    }
    answer.on("end", () => guarded(() => emitter.emit("end", request, response, answer)));
    if (!isOurs) return;
    answer.on("close", () => {
      // Half an answer must not look like a whole one.
      if (!answer.complete) response.destroy();
    });
    try {
      if (!response.headersSent) this.#copyHead(answer, aim);
    } catch (error) {
      // Node is stricter with what a backend says than we are.
      answer.destroy();
      this.#fail(error instanceof Error ? error : new Error(String(error)), aim);
      return;
    }
    answer.pipe(response);
  }

  #copyHead(answer: ProxyResponse, { place }: Aim): void {
    const { options } = this.#asked;
    const response = this.#response;
    const status = answer.statusCode ?? 200;
    const dropped = new Set(hopByHop(answer.headers));
    // It is the length of a body that does not come, and the client would wait for it in the next answer.
    if (this.#isBodiless) dropped.add("content-length");
    const spelled = options.preserveHeaderKeyCase === true ? spellings(answer) : undefined;
    for (const [name, value] of Object.entries(answer.headers)) {
      if (value === undefined || dropped.has(name.toLowerCase())) continue;
      response.setHeader(spelled?.get(name) ?? name, this.#passed(name, value, status, place));
    }
    response.statusCode = status;
    const { httpVersionMajor } = this.#request;
    if (answer.statusMessage && httpVersionMajor === 1) {
      response.statusMessage = answer.statusMessage;
    }
  }

  #passed(name: string, value: string | string[], status: number, place: Place) {
    const { options } = this.#asked;
    if (name === "location" && typeof value === "string") {
      return locationFor(value, status, this.#request, place, options);
    }
    if (name !== "set-cookie") return value;
    const lines = typeof value === "string" ? [value] : value;
    const moved = rewriteCookies(lines, options.cookieDomainRewrite, "domain");
    return rewriteCookies(moved, options.cookiePathRewrite, "path");
  }
}

/** As the backend wrote them, by lower-case name. */
function spellings({ rawHeaders }: ProxyResponse): ReadonlyMap<string, string> {
  const names = rawHeaders.filter((_, at) => at % 2 === 0);
  return new Map(names.map((name) => [name.toLowerCase(), name]));
}
