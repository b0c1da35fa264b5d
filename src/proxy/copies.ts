// Copies of an exchange for other services, whose answers nobody sees. The client must never feel them: a
// copy is sent when the whole request is here, waits for nobody, and is dropped when there are too many.

import type { Exchange } from "../http/exchange.ts";
import { factsOf, type FailureCode } from "../http/errors.ts";
import { CHUNKED } from "../http/framing.ts";
import type { Copy } from "../upstream/destination.ts";
import type { ResponseSink, BackendConnection } from "../upstream/backend-connection.ts";
import type { LiveBackend } from "../upstream/live-backend.ts";
import type { LiveService } from "../upstream/live-service.ts";
import type { PoolTicket, Waiter } from "../upstream/pool.ts";
import { GatewayHead } from "./gateway-head.ts";
import { KeptBody } from "./kept-body.ts";
import type { UpstreamHead } from "./upstream-head.ts";

/** What all copies of a process share. */
export interface CopyContext {
  /** Copies on their way now. */
  copying: number;
  readonly mostCopies: number;
}

/** As for any exchange, but nobody waits for it. */
const connectMs = 5000;
const answerMs = 60_000;

/** What is known of a request besides its body. */
interface Original {
  readonly method: string;
  readonly isChunked: boolean;
  readonly head: UpstreamHead;
  /** Of services that are programs: made while the request is there. */
  readonly programs: ReadonlyMap<LiveService, GatewayHead>;
}

export class Copies {
  readonly #services: readonly LiveService[];
  readonly #original: Original;
  readonly #context: CopyContext;
  readonly #maxBody: number;
  /** undefined = it became too long, or the request was not completed. */
  #body: KeptBody | undefined = new KeptBody();

  private constructor(
    services: readonly LiveService[],
    original: Original,
    context: CopyContext,
    maxBody: number,
  ) {
    this.#services = services;
    this.#original = original;
    this.#context = context;
    this.#maxBody = maxBody;
  }

  /** null when chance has it that this exchange is not copied, or it cannot be. */
  static of(
    exchange: Exchange,
    copies: readonly Copy[],
    head: UpstreamHead,
    context: CopyContext,
  ): Copies | null {
    const { bodyLength } = exchange.request;
    const drawn = copies.filter(
      ({ percent, maxBody }) => bodyLength <= maxBody && Math.random() * 100 < percent,
    );
    // What becomes of an upgraded connection cannot be copied.
    if (drawn.length === 0 || head.isUpgrade) return null;
    const chosen = drawn.map(({ destination }) => destination.choose(exchange));
    const programs = new Map<LiveService, GatewayHead>();
    for (const each of chosen) {
      if (each.settings.gateway === undefined) continue;
      const made = GatewayHead.of(exchange, head.forwarded, each.settings);
      if (typeof made !== "string") programs.set(each, made);
    }
    const services = chosen.filter(
      (each) => each.settings.gateway === undefined || programs.has(each),
    );
    const isChunked = bodyLength === CHUNKED;
    const maxBody = Math.min(...drawn.map((each) => each.maxBody));
    const original = { method: exchange.method, isChunked, head, programs };
    return new Copies(services, original, context, maxBody);
  }

  add(buffer: Buffer, start: number, end: number): void {
    if (this.#body === undefined) return;
    if (this.#body.bytes + end - start > this.#maxBody) this.#body = undefined;
    else this.#body.add(buffer, start, end);
  }

  /** The request is complete. */
  send(trailers: string): void {
    const body = this.#body;
    this.#body = undefined;
    if (body === undefined) return;
    for (const service of this.#services) {
      if (this.#context.copying >= this.#context.mostCopies) return;
      const backend = service.pick(nobody, null);
      if (backend === undefined) continue;
      const message = { body, trailers };
      new CopiedExchange(service, backend, this.#original, message, this.#context).start();
    }
  }

  /** The request will not be completed. */
  drop(): void {
    this.#body = undefined;
  }
}

/** Copies go by nothing that their client sent. */
const nobody = { clientIp: "", path: "", query: "", header: () => undefined };

class CopiedExchange implements Waiter<BackendConnection>, ResponseSink {
  ticket: PoolTicket<BackendConnection> | null = null;
  readonly #service: LiveService;
  readonly #backend: LiveBackend;
  readonly #original: Original;
  readonly #message: { readonly body: KeptBody; readonly trailers: string };
  readonly #context: CopyContext;
  readonly #startedAt = performance.now();
  #connection: BackendConnection | undefined;

  constructor(
    service: LiveService,
    backend: LiveBackend,
    original: Original,
    message: { readonly body: KeptBody; readonly trailers: string },
    context: CopyContext,
  ) {
    this.#service = service;
    this.#backend = backend;
    this.#original = original;
    this.#message = message;
    this.#context = context;
  }

  start(): void {
    const pool = this.#backend.poolFor("");
    this.#context.copying++;
    this.#backend.enter();
    const idle = pool.takeIdle();
    if (idle === undefined) pool.open(this, connectMs);
    else this.onLease(idle);
  }

  onLease(connection: BackendConnection): void {
    this.#connection = connection;
    const { head, method, isChunked, programs } = this.#original;
    const { body, trailers } = this.#message;
    const { backend } = this.#backend;
    const text =
      programs.get(this.#service)?.textFor(backend, body.bytes) ??
      head.textFor(backend, this.#service.settings.host);
    connection.begin(this, text, method, false, answerMs, answerMs);
    body.forEach((page, length) => connection.writeData(page, 0, length, isChunked));
    connection.endRequest(trailers, isChunked);
    connection.flush();
  }

  onNoLease(code: FailureCode, cause: Error | undefined): void {
    if (factsOf(code).retry === "unsent") this.#backend.connectFailed(code, cause?.message);
    this.#end();
  }

  onInterim(): void {}

  onResponseHead({ status }: { readonly status: number }): void {
    const ms = performance.now() - this.#startedAt;
    this.#backend.judge(true, ms, "");
    this.#service.record(status, ms);
  }

  onResponseData(): void {}

  onResponseFlush(): void {}

  onUpstreamDrain(): void {
    this.#connection?.flush();
  }

  onResponseEnd(): void {
    this.#end();
  }

  onResponseFailed(code: FailureCode, cause = ""): void {
    this.#backend.judge(false, 0, cause || factsOf(code).text);
    this.#service.record(0, 0);
    this.#end();
  }

  onErrorText(): void {}

  onBackendData(): void {}

  onBackendEnd(): void {}

  onBackendClosed(): void {}

  #end(): void {
    this.#context.copying--;
    this.#backend.leave();
  }
}
