// One request and its answer. The client's connection makes it, the proxy carries it, middlewares look at
// it and change what they may, and the access log writes down what became of it.

import type { AnswerReview } from "./answer-review.ts";
import type { FailureCode } from "./errors.ts";
import type { GrpcCall } from "./grpc-call.ts";
import type { RequestHead } from "./request-head.ts";
import type { ExchangeRecord } from "./trace-context.ts";

/** Where the bytes of a request body go. */
export interface RequestSink {
  /** The bytes are only valid during the call. */
  onRequestData(buffer: Buffer, start: number, end: number): void;
  /** @param trailers checked lines, each with its CR LF; "" when there are none */
  onRequestEnd(trailers: string): void;
  /** Everything of one read has been delivered: write out what was gathered. */
  onRequestFlush(): void;
  /** The client took what had been held back for it. */
  onClientDrain(): void;
  /** The request cannot be completed, or the client is gone. Nothing more comes. */
  onRequestFailed(code: FailureCode): void;
}

/** The client's connection as an exchange sees it. */
export interface ClientSide {
  /** An interim (1xx) answer: status line and field lines with the empty line. */
  writeInterim(text: string): void;
  /**
   * Begins the answer. Framing and Connection fields are added here.
   * @param head status line and field lines, each with its CR LF
   * @param bodyLength bytes, `CHUNKED`, or `UNTIL_CLOSE`
   */
  writeHead(status: number, head: string, bodyLength: number): void;
  writeData(buffer: Buffer, start: number, end: number): void;
  writeText(text: string): void;
  endAnswer(trailers: string): void;
  /** Writes out what was gathered. False: the client is slow, wait for `onClientDrain`. */
  flush(): boolean;
  pauseRequest(): void;
  resumeRequest(): void;
  /** What is written waits here while it is held; whoever writes is told to wait. */
  hold(isHeld: boolean): void;
  /** Closes at once: the answer cannot be completed and the client must notice. */
  abort(): void;
  /** The rest of the request's body is not wanted. */
  closeAfterAnswer(): void;
  /** Ends our direction of a tunnel. */
  endTunnel(): void;
  /** Closes once what was written to a tunnel has been delivered. */
  finishTunnel(): void;
  /** After a 101: bytes of the client go to the tunnel from now on, those already here first. */
  startTunnel(tunnel: TunnelEnd): void;
}

/** One end of an upgraded connection, seen from the other. */
export interface TunnelEnd {
  onTunnelData(buffer: Buffer, start: number, end: number): void;
  /** The other side sends no more. */
  onTunnelEnd(): void;
  onTunnelDrain(): void;
  onTunnelClosed(): void;
}

/** What answers go through before the client, as the connection and the end of the exchange see it. */
export interface FilteredSide {
  onClientDrain(): void;
  close(): void;
}

export class Exchange<P = unknown> {
  /** The connection, or what the body of the answer goes through before it. */
  client: ClientSide;
  readonly request: RequestHead;
  readonly origin: ExchangeOrigin;
  /** In the list of those that are open; -1 = in none. */
  place = -1;
  /** The client's address; behind trusted proxies the one they name. */
  clientIp: string;
  /** `performance.now()` when the head was complete. */
  readonly startedAt: number;
  /** Normalised path; middlewares that change it change what the backend gets. */
  path: string;
  /** What the route took off the beginning of the path, and clients have there; normalised as `path` is. */
  mount = "";
  sink: RequestSink | null = null;
  /** What the request's body goes through before `sink`; it hands on to whoever that is by then. */
  intake: RequestSink | null = null;
  /** The last filter before the connection. */
  filtered: FilteredSide | null = null;
  /** Middlewares that see the head of its answer; null = none does. */
  answerReview: AnswerReview | null = null;
  /** So many of its middlewares have let it pass. */
  passed = 0;
  /** The route's plan, once there is one. What it is, only the proxy knows. */
  plan: P | undefined = undefined;

  /** Longest request body allowed, bytes; 0 = no limit. Set with the route. */
  maxBody = 0;
  /** Longest pause of a body, ms; 0 = for ever. Set with the route. */
  bodyTimeout = 0;
  isRequestComplete = false;
  requestBytes = 0;

  /** Status answered; 0 until then. */
  status = 0;
  isHeadSent = false;
  /** Bytes of the answer's body handed to the client, chunk framing included, as nginx counts them. */
  bodyBytes = 0;
  failure: FailureCode | undefined = undefined;
  /** It is a gRPC call; null = it is not, or no route was found yet. */
  call: GrpcCall | null = null;
  /** What a gRPC call ended with; -1 = it is none, or nobody said. */
  grpcStatus = -1;
  routeName = "";
  serviceName = "";
  /** What middlewares call it, for the log; "" = they do not. */
  requestId = "";
  /** The trace it belongs to: 32 digits, or "". */
  traceId = "";
  /** Of the route, where its source has such a name. */
  site = "";
  /** Value of Strict-Transport-Security that goes with the answer, whoever gives it; "" = none does. */
  strictTransport = "";
  /** Whom a middleware found the client to be, for the log: bytes of UTF-8 as latin1; "" = none looked. */
  user = "";
  /** Hipache's X-Debug-* headers are asked for, by somebody who may. */
  isHipacheDebug = false;
  backendUrl = "";
  attempts = 0;
  /** From the first attempt to the head of the answer, ms; -1 when there was none. */
  backendMs = -1;
  isDone = false;
  /** It is ours, for no client or for several: what is kept of answers is not looked at. */
  isOwn = false;
  /** Another worker asks for what it will give to its clients. */
  isFromPeer = false;
  /** Its trace is recorded; null = it is not. */
  record: ExchangeRecord | null = null;
  /** Told of the end, whatever became of it; null = nobody is. */
  onOver: (() => void) | null = null;

  constructor(client: ClientSide, request: RequestHead, origin: ExchangeOrigin) {
    this.client = client;
    this.request = request;
    this.origin = origin;
    this.clientIp = origin.peerIp;
    this.startedAt = performance.now();
    this.path = request.path;
  }

  /** Who takes the body as it comes from the client. */
  get receiver(): RequestSink | null {
    return this.intake ?? this.sink;
  }

  get method(): string {
    return this.request.method;
  }

  get query(): string {
    return this.request.query;
  }

  /** A request field by its lower-case name, several joined by ", ". */
  header(name: string): string | undefined {
    return this.request.fields.get(name);
  }
}

/** What TLS with the client agreed on. */
export interface SecureFacts {
  /** What a client showed, and is good: DER in base64; "" = nothing. */
  readonly clientCertificate: string;
  /** Requests for this host want another check of who asks than the handshake made. */
  isMisdirected(host: string): boolean;
  /** The certificate that this connection began with is for others (HTTP/2, where the client asked for one by name). */
  isUncovered(host: string): boolean;
}

/** Of a client's connection; what a PROXY header said instead, where there was one. */
export interface Ends {
  /** 0 = it has none, on a unix socket. */
  readonly peerPort: number;
  /** "" = it has none. */
  readonly localIp: string;
}

/** What is known of a connection before it has sent anything. One object for all its exchanges. */
export interface ExchangeOrigin {
  readonly listener: string;
  /** The other end of the connection itself. */
  readonly peerIp: string;
  readonly isSecure: boolean;
  /** undefined = what came is in the clear. */
  readonly tls: SecureFacts | undefined;
  readonly localPort: number;
  /** Asked for by few, and asking costs a system call or two; left out = nobody knows. */
  readonly ends?: () => Ends;
  /** Snapshot that the two fields below were made for; the proxy keeps them up to date. */
  version: number;
  /** The peer is one of the listener's trusted proxies. */
  isPeerTrusted: boolean;
  /** Field lines that say where requests of this connection come from; the same for all of them. */
  forwardedLines: string;
}
