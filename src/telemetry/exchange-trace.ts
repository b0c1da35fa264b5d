// What happened to one exchange, as spans: itself, the middlewares that were asked, and each attempt with a backend.
// Attributes have the names of OpenTelemetry's semantic conventions for HTTP (1.23); what those do not know is `tidegate.*`.

import { tracingLimits as limits } from "../config/tracing-limits.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import { type ExchangeRecord, randomHex, traceparentOf } from "../http/trace-context.ts";
import type { Attribute, Span } from "./span.ts";

interface Attempt {
  readonly id: string;
  readonly url: string;
  readonly begin: number;
  status: number;
  failure: string | undefined;
}

interface Asked {
  readonly middleware: string;
  readonly begin: number;
}

export interface TraceStart {
  readonly trace: string;
  /** Of whoever asks us; "" = the trace begins here. */
  readonly parent: string;
  readonly state: string;
  readonly flags: string;
}

export class ExchangeTrace implements ExchangeRecord {
  readonly #start: TraceStart;
  readonly #id = randomHex(8);
  /** Of the first attempt, which the head is made with. */
  readonly #firstAttempt = randomHex(8);
  readonly #spans: Span[] = [];
  #attempt: Attempt | undefined;
  #attempts = 0;
  #asked: Asked | undefined;

  constructor(start: TraceStart) {
    this.#start = start;
  }

  /** What the first backend is told. */
  get traceparent(): string {
    return this.#traceparentOf(this.#firstAttempt);
  }

  #traceparentOf(span: string): string {
    return traceparentOf(this.#start.trace, span, this.#start.flags);
  }

  beginMiddleware(kind: string): void {
    this.endMiddlewares();
    this.#asked = { middleware: kind, begin: performance.now() };
  }

  endMiddlewares(): void {
    const asked = this.#asked;
    if (asked === undefined) return;
    this.#asked = undefined;
    this.#add({
      ...{ id: randomHex(8), kind: "internal", name: `middleware ${asked.middleware}` },
      begin: asked.begin,
      attributes: [["tidegate.middleware", asked.middleware]],
      failure: undefined,
    });
  }

  beginAttempt(url: string): void {
    this.endAttempt();
    const id = this.#attempts === 0 ? this.#firstAttempt : randomHex(8);
    this.#attempts++;
    this.#attempt = { id, url, begin: performance.now(), status: 0, failure: undefined };
  }

  answered(status: number): void {
    if (this.#attempt !== undefined) this.#attempt.status = status;
  }

  failed(code: string): void {
    if (this.#attempt !== undefined) this.#attempt.failure = code;
  }

  endAttempt(): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#attempt = undefined;
    const { id, url, begin, status, failure } = attempt;
    const isBad = status >= 500;
    this.#add({
      ...{ id, kind: "client", name: "attempt", begin },
      attributes: [
        ["tidegate.backend", url],
        ...placeOf(url),
        ...(status === 0 ? [] : [["http.response.status_code", status] as const]),
        ...(this.#attempts > 1 ? [["http.request.resend_count", this.#attempts - 1] as const] : []),
        ...(failure === undefined && !isBad
          ? []
          : [["error.type", failure ?? String(status)] as const]),
      ],
      failure: failure ?? (isBad ? "" : undefined),
    });
  }

  stamped(head: string): string {
    if (this.#attempt === undefined || this.#attempts <= 1) return head;
    return head.replace(this.traceparent, this.#traceparentOf(this.#attempt.id));
  }

  #add(span: Pick<Span, "id" | "name" | "kind" | "begin" | "attributes" | "failure">): void {
    // One is kept for the exchange itself.
    if (this.#spans.length >= limits.spansPerExchange - 1) return;
    const { trace, state } = this.#start;
    this.#spans.push({ ...span, trace, state, parent: this.#id, end: performance.now() });
  }

  /** It is over, whatever became of it. @returns all there is to tell of it */
  end(exchange: Exchange): readonly Span[] {
    this.endMiddlewares();
    this.endAttempt();
    const { trace, parent, state } = this.#start;
    const { failure, status } = exchange;
    const isBad = status >= 500 || (failure !== undefined && status === 0);
    this.#spans.push({
      ...{ trace, parent, state, id: this.#id, kind: "server" },
      name: nameOf(exchange),
      begin: exchange.startedAt,
      end: performance.now(),
      attributes: serverAttributes(exchange),
      failure: isBad ? (failure ?? "") : undefined,
    });
    return this.#spans;
  }
}

function serverAttributes(exchange: Exchange): Attribute[] {
  const { request, origin, failure, status } = exchange;
  const agent = request.fields.joined(Field.USER_AGENT);
  const all: Attribute[] = [
    ["http.request.method", methodOf(exchange)],
    ["http.request.method_original", methods.has(request.method) ? "" : request.method],
    ["url.scheme", origin.isSecure ? "https" : "http"],
    // Without the query: people put tokens there.
    ["url.path", request.path],
    ["server.address", request.host],
    ["server.port", origin.localPort],
    ["client.address", exchange.clientIp],
    ["network.peer.address", origin.peerIp],
    ["network.protocol.version", versionOf(request)],
    ["user_agent.original", agent],
    ["http.response.status_code", status],
    ["http.response.body.size", exchange.bodyBytes],
    ["tidegate.listener", origin.listener],
    ["tidegate.route", exchange.routeName],
    ["tidegate.service", exchange.serviceName],
    ["tidegate.request_id", exchange.requestId],
    ["error.type", failure ?? (status >= 500 ? String(status) : "")],
  ];
  // Clients choose much of it, and all of it waits to be sent.
  return all
    .filter(([, value]) => value !== "" && value !== 0)
    .map(([name, value]) => [name, typeof value === "string" ? cut(value) : value]);
}

/** Those of RFC 9110 and PATCH; clients can think of any number of others, and collectors index what is here. */
const methods: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
]);

function nameOf(exchange: Exchange): string {
  const method = methods.has(exchange.method) ? exchange.method : "HTTP";
  return cut(exchange.routeName === "" ? method : `${method} ${exchange.routeName}`);
}

/** As OpenTelemetry writes it: "2", "1.1". */
function versionOf({ protocol }: Exchange["request"]): string {
  return protocol.slice("HTTP/".length).replace(/^2\.0$/, "2");
}

function methodOf({ method }: Pick<Exchange, "method">): string {
  return methods.has(method) ? method : "_OTHER";
}

function placeOf(url: string): Attribute[] {
  const { hostname = "", port = "", protocol = "" } = URL.parse(url) ?? {};
  if (hostname === "") return [];
  const usual = protocol === "https:" ? 443 : 80;
  return [
    ["server.address", hostname],
    ["server.port", port === "" ? usual : Number(port)],
  ];
}

function cut(text: string): string {
  return text.length > limits.text ? text.slice(0, limits.text) : text;
}
