// An exchange of our own with a backend: what a client would get, without a client. It goes the way of any other
// (`forward.ts`: who is asked, retries, fail-over), but past the middlewares, and into no access log.

import type { FilledHead, FillSink, FillSource } from "../cache/fill-source.ts";
import type { AnswerHead, AnswerReview } from "../http/answer-review.ts";
import { factsOf } from "../http/errors.ts";
import { type ClientSide, Exchange, type ExchangeOrigin } from "../http/exchange.ts";
import { Field, Fields } from "../http/fields.ts";
import { reasonOf } from "../http/reason.ts";
import { RequestHead } from "../http/request-head.ts";
import type { ExchangeRecord } from "../http/trace-context.ts";
import type { Plan } from "./plan.ts";
import { Review } from "./review.ts";

/** What is asked for. */
export interface FetchRequest {
  readonly method: string;
  /** Normalised, as `Exchange.path`. */
  readonly path: string;
  /** What the backend gets for it. */
  readonly rawPath: string;
  /** undefined = there is none. */
  readonly query: string | undefined;
  /** What the route took off the beginning of the path. */
  readonly mount: string;
  readonly host: string;
  /** Field lines, each with its CR LF, Host apart. */
  readonly lines: string;
  /** Those that middlewares added. */
  readonly added: string;
  readonly clientIp: string;
  readonly origin: ExchangeOrigin;
  /** Of whoever asked first, while that one is there; null = nobody records it. */
  readonly record: ExchangeRecord | null;
}

/** What is asked otherwise than the client asks. */
export interface FetchChanges {
  readonly method?: string;
  readonly host?: string;
  readonly path?: string;
  readonly query?: string;
  readonly hasQuery?: boolean;
  /** Fields that are not passed on, in lower case. */
  readonly drop?: readonly string[];
  /** Further lines, each with its CR LF. */
  readonly add?: string;
}

/** As many as any client may send, and those that middlewares added. */
const maxFields = 1000;

/** Fields that make sense for one client and one connection only, or would make a part of the answer. */
const dropped = [
  ...["range", "if-range", "if-match", "if-none-match", "if-modified-since"],
  ...["if-unmodified-since", "expect", "upgrade", "connection", "content-length", "te"],
  ...["transfer-encoding", "keep-alive", "x-debug", "host"],
];

/**
 * What a client asks for, as its middlewares left it, without what is only for this client.
 * @returns undefined = it cannot be asked for without its client
 */
export function requestLike(
  exchange: Exchange<Plan>,
  changes: FetchChanges = {},
): FetchRequest | undefined {
  const { request, mount, clientIp, origin } = exchange;
  if (request.bodyLength !== 0 || request.isUpgrade) return undefined;
  const drop = [...dropped, ...(changes.drop ?? [])];
  const { added } = request.fields;
  const all = request.fields.serialise();
  const kept = linesWithout(all.slice(0, all.length - added.length), drop);
  const ours = linesWithout(added, drop);
  if (kept === undefined || ours === undefined) return undefined;
  const { path = exchange.path, query = request.query, hasQuery = request.hasQuery } = changes;
  return {
    ...{ path, mount, clientIp, origin, record: exchange.record },
    method: changes.method ?? exchange.method,
    rawPath: path === request.path ? request.rawPath : path,
    query: hasQuery ? query : undefined,
    host: changes.host ?? request.host,
    lines: kept + (changes.add ?? ""),
    added: ours,
  };
}

/** @param names in lower case @returns undefined = they cannot be read */
export function linesWithout(lines: string, names: readonly string[]): string | undefined {
  const fields = new Fields();
  if (fields.read(lines, 0, lines.length, maxFields) !== undefined) return undefined;
  for (const name of names) fields.dropNamed(name);
  return fields.serialise();
}

/** Passes on what middlewares added elsewhere. @param lines each with its CR LF */
export function addLines(fields: Fields, lines: string): void {
  for (const line of lines.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.add(line.slice(0, colon), line.slice(colon + 1).trim());
  }
}

/** Begins it. @param carry takes the exchange to its backend */
export function startFetch(
  request: FetchRequest,
  plan: Plan,
  carry: (exchange: Exchange<Plan>) => void,
  sink: FillSink,
): FillSource {
  const fetch = new Fetch(request, plan, sink);
  fetch.begin(carry);
  return fetch;
}

class Fetch implements ClientSide, FillSource, AnswerReview {
  readonly #exchange: Exchange<Plan>;
  #sink: FillSink | null;
  #head: { readonly status: number; readonly fields: Fields; readonly isOurs: boolean } | undefined;

  constructor(request: FetchRequest, plan: Plan, sink: FillSink) {
    this.#sink = sink;
    const exchange = new Exchange<Plan>(this, headOf(request), request.origin);
    exchange.clientIp = request.clientIp;
    exchange.path = request.path;
    exchange.mount = request.mount;
    exchange.record = request.record;
    exchange.isOwn = true;
    exchange.isRequestComplete = true;
    exchange.routeName = plan.name;
    exchange.site = plan.site;
    exchange.maxBody = plan.maxBody;
    exchange.bodyTimeout = plan.timeouts.body;
    exchange.plan = plan;
    exchange.answerReview = this;
    this.#exchange = exchange;
  }

  begin(carry: (exchange: Exchange<Plan>) => void): void {
    carry(this.#exchange);
  }

  // --- for whoever wants it ----------------------------------------------------------------------

  resume(): void {
    this.#exchange.sink?.onClientDrain();
  }

  stop(): void {
    const { sink } = this.#exchange;
    this.#end();
    sink?.onRequestFailed("CLIENT_CLOSED");
  }

  /** Returns who is told of the end; null = somebody was told already. */
  #end(): FillSink | null {
    const sink = this.#sink;
    this.#sink = null;
    this.#exchange.isDone = true;
    this.#exchange.sink = null;
    return sink;
  }

  // --- from the backend --------------------------------------------------------------------------

  /** Before anything is added that is for one client, such as the cookie of its session. */
  review(status: number, fields: Fields, bodyLength: number, isOurs: boolean): AnswerHead {
    this.#head = { status, fields, isOurs };
    return new Review(status, fields, bodyLength, isOurs);
  }

  writeHead(status: number, _text: string, bodyLength: number): void {
    const exchange = this.#exchange;
    exchange.status = status;
    exchange.isHeadSent = true;
    const { failure } = exchange;
    const head = this.#head;
    if (failure !== undefined || head === undefined || head.isOurs || status === 101) {
      this.#end()?.onFailed(failure ?? "BAD_RESPONSE", failure === undefined ? 502 : status);
      return;
    }
    this.#sink?.onHead(filledHeadOf(status, head.fields, bodyLength));
  }

  writeData(buffer: Buffer, start: number, end: number): void {
    this.#sink?.onData(buffer, start, end);
  }

  writeText(text: string): void {
    this.writeData(Buffer.from(text, "latin1"), 0, text.length);
  }

  flush(): boolean {
    return this.#sink === null || this.#sink.onFlush();
  }

  endAnswer(trailers: string): void {
    this.#end()?.onEnd(trailers);
  }

  abort(): void {
    const code = this.#exchange.failure ?? "UPSTREAM_CLOSED";
    this.#end()?.onFailed(code, factsOf(code).status);
  }

  // There is no client that could be told, paused or kept.

  writeInterim(): void {}

  pauseRequest(): void {}

  resumeRequest(): void {}

  hold(): void {}

  closeAfterAnswer(): void {}

  endTunnel(): void {}

  finishTunnel(): void {}

  startTunnel(): void {}
}

function headOf(request: FetchRequest): RequestHead {
  const { method, path, rawPath, query, host, lines, added } = request;
  const head = new RequestHead();
  const hostLine = host === "" ? "" : `Host: ${host}\r\n`;
  const text = hostLine + lines;
  head.fields.read(text, 0, text.length, maxFields);
  addLines(head.fields, added);
  head.method = method;
  head.path = path;
  head.rawPath = rawPath;
  head.target = query === undefined ? rawPath : `${rawPath}?${query}`;
  head.query = query ?? "";
  head.hasQuery = query !== undefined;
  head.host = host;
  head.line = `${method} ${head.target} HTTP/1.1`;
  return head;
}

/** What is passed on of the fields. */
export function filledHeadOf(status: number, fields: Fields, bodyLength: number): FilledHead {
  const date = fields.times(Field.DATE) === 0 ? "" : fields.first(Field.DATE);
  fields.drop(Field.DATE);
  const lines = fields.serialise();
  return { status, reason: reasonOf(status), lines, date, bodyLength, at: Date.now() };
}
