// Asks the worker that looks after a key for its answer, as a client would: over a unix socket of its own, with the same
// strict reading as of any backend.

import { connect, type Socket } from "node:net";

import type { FillSource } from "../cache/fill-source.ts";
import { fillStallWait, peerConnectWait, peerHeadBytes } from "../config/fill-limits.ts";
import type { Exchange } from "../http/exchange.ts";
import type { ResponseHead } from "../http/response-head.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { ResponseSink } from "../upstream/backend-connection.ts";
import { UpstreamConnection } from "../upstream/http1.ts";
import type { PeerSink } from "./feed.ts";
import { filledHeadOf } from "./fetch.ts";
import { dropHopByHop } from "./hop-by-hop.ts";
import { failureOf, peerField } from "./peer-answer.ts";
import { peerRequestText } from "./peer-request.ts";
import type { Plan } from "./plan.ts";

export interface PeerWish {
  readonly exchange: Exchange<Plan>;
  readonly plan: Plan;
  /** Of the snapshot that is live. */
  readonly version: number;
  readonly wheel: Wheel;
  /** Longest wait for the head, ms; 0 = as long as it takes. */
  readonly wait: number;
}

/** Whether another worker may be asked for what this exchange wants. */
export function isForPeers({ isFromPeer, origin }: Exchange<Plan>): boolean {
  // What a client's certificate says is not told between workers.
  return !isFromPeer && (origin.tls?.clientCertificate ?? "") === "";
}

const limits = { headBytes: peerHeadBytes, headerCount: 1000, trailerBytes: 64 * 1024 };

/** @param path its unix socket */
export function startPeerFetch(path: string, wish: PeerWish, sink: PeerSink): FillSource {
  const text = peerRequestText(wish.exchange, wish.plan, wish.version);
  const fetch = new PeerFetch(sink);
  if (text === undefined) sink.onLost();
  else fetch.begin(path, wish, text);
  return fetch;
}

class PeerFetch implements FillSource, ResponseSink {
  #sink: PeerSink | null;
  #socket: Socket | undefined;
  #connection: UpstreamConnection | undefined;

  constructor(sink: PeerSink) {
    this.#sink = sink;
  }

  begin(path: string, wish: PeerWish, text: string): void {
    const { exchange, plan, wheel, wait } = wish;
    const socket = connect({ path, allowHalfOpen: true });
    this.#socket = socket;
    const late = setTimeout(() => socket.destroy(), peerConnectWait);
    const owner = { onReusable: () => socket.destroy(), onClosed: () => {} };
    const connection = new UpstreamConnection(socket, "", owner, wheel, limits);
    this.#connection = connection;
    socket.on("connect", () => {
      clearTimeout(late);
      const { responseBody } = plan.timeouts;
      const pause = responseBody === 0 ? 0 : responseBody + fillStallWait;
      connection.begin(this, text, exchange.method, false, wait, pause);
      connection.endRequest("", false);
      connection.flush();
    });
    socket.on("data", (bytes: Buffer) => connection.onBytes(bytes, 0, bytes.length));
    socket.on("drain", () => connection.onDrain());
    socket.on("end", () => connection.onEnd());
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(late);
      connection.onClosed();
      this.#lose();
    });
  }

  #lose(): void {
    this.#end()?.onLost();
  }

  #end(): PeerSink | null {
    const sink = this.#sink;
    this.#sink = null;
    return sink;
  }

  resume(): void {
    this.#connection?.resume();
  }

  stop(): void {
    this.#sink = null;
    this.#socket?.destroy();
  }

  onResponseHead(head: ResponseHead): void {
    const { status, fields, bodyLength } = head;
    const said = fields.get(peerField);
    if (said !== undefined) {
      const code = failureOf(said);
      const sink = this.#end();
      if (code === undefined) sink?.onLost();
      else sink?.onFailed(code, status);
      this.#socket?.destroy();
      return;
    }
    dropHopByHop(fields);
    this.#sink?.onHead({ ...filledHeadOf(status, fields, bodyLength), isFromPeer: true });
  }

  onResponseData(buffer: Buffer, start: number, end: number): void {
    this.#sink?.onData(buffer, start, end);
  }

  onResponseFlush(): void {
    if (this.#sink?.onFlush() === false) this.#connection?.pause();
  }

  onResponseEnd(trailers: string): void {
    this.#end()?.onEnd(trailers);
  }

  onResponseFailed(): void {
    this.#lose();
  }

  onUpstreamDrain(): void {
    this.#connection?.flush();
  }

  onInterim(): void {}

  onErrorText(): void {}

  onBackendData(): void {}

  onBackendEnd(): void {}

  onBackendClosed(): void {}
}
