// One connection to a program that speaks SCGI or uwsgi: its params, the body as it is, and an answer that ends with the
// connection. It carries one request and is never lent again.

import type { Socket } from "node:net";

import { Pause, Reading } from "../http/reading.ts";
import { Writer } from "../http/writer.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { BackendConnection, ResponseLimits, ResponseSink } from "./backend-connection.ts";
import { GatewayAnswer } from "./gateway-answer.ts";
import type { LeaseOwner } from "./pooled.ts";

const State = { IDLE: 0, BUSY: 1, CLOSED: 2 } as const;

export class CgiConnection implements BackendConnection {
  readonly socketUser = this;
  readonly address: string;
  readonly served = 0;
  idleSince = 0;
  readonly #socket: Socket;
  readonly #owner: LeaseOwner<CgiConnection>;
  readonly #writer: Writer;
  readonly #reading: Reading;
  readonly #answer: GatewayAnswer;
  #state: (typeof State)[keyof typeof State] = State.IDLE;

  constructor(
    socket: Socket,
    address: string,
    owner: LeaseOwner<CgiConnection>,
    wheel: Wheel,
    limits: ResponseLimits,
  ) {
    this.#socket = socket;
    this.address = address;
    this.#owner = owner;
    this.#writer = new Writer(socket);
    this.#reading = new Reading(socket);
    this.#answer = new GatewayAnswer(this, wheel, limits);
  }

  get isOpen(): boolean {
    return this.#state !== State.CLOSED;
  }

  // --- the request -----------------------------------------------------------------------------

  begin(
    sink: ResponseSink,
    params: string,
    method: string,
    _isUpgrade: boolean,
    responseTimeout: number,
    bodyTimeout: number,
  ): void {
    this.#state = State.BUSY;
    this.#answer.begin(sink, method, responseTimeout, bodyTimeout);
    this.#writer.text(params);
  }

  grant(responseTimeout: number): void {
    this.#answer.grant(responseTimeout);
  }

  writeData(buffer: Buffer, start: number, end: number): void {
    if (this.#state === State.BUSY) this.#writer.bytes(buffer, start, end);
  }

  endRequest(): void {
    if (this.#state === State.BUSY) this.#answer.onRequestSent();
  }

  flush(): boolean {
    if (this.#state === State.CLOSED) return true;
    const isTaken = this.#writer.flush();
    this.#answer.onWritten(isTaken);
    return isTaken;
  }

  onDrain(): void {
    if (!this.#writer.isBlocked) return;
    this.#writer.isBlocked = false;
    this.#answer.onDrained();
    this.#answer.sink?.onUpstreamDrain();
  }

  // --- the answer ------------------------------------------------------------------------------

  onBytes(buffer: Buffer, start: number, end: number): void {
    const { sink } = this.#answer;
    if (this.#state !== State.BUSY || sink === null) {
      // Nobody's answer.
      this.#close();
      return;
    }
    this.#answer.take(buffer, start, end);
    if (this.#answer.sink === sink) sink.onResponseFlush();
  }

  pause(): void {
    if (this.#reading.isPaused || this.#state === State.CLOSED) return;
    this.#answer.pause();
    this.#reading.pause(Pause.SINK);
  }

  resume(): void {
    if (!this.#reading.isPaused || this.#state === State.CLOSED) return;
    this.#answer.resume();
    this.#reading.resume(Pause.SINK);
  }

  /** There are no tunnels here. */
  endTunnel(): void {
    this.destroy();
  }

  /** Its answer is complete, if its length was not told. */
  onEnd(): void {
    if (this.#state === State.BUSY) this.#answer.cut(true);
    this.#close();
  }

  /** Without an end before: broken off. */
  onClosed(): void {
    if (this.#state === State.BUSY) this.#answer.cut(false);
    this.#close();
  }

  onRefused(why: string): void {
    if (this.#state === State.BUSY) this.#answer.fail("TLS_FAILED", why);
    else this.#close();
  }

  closeNow(): void {
    this.#close();
  }

  destroy(): void {
    this.#close();
  }

  destroySoon(): void {
    this.#close();
  }

  #close(): void {
    if (this.#state === State.CLOSED) return;
    this.#state = State.CLOSED;
    this.#answer.dispose();
    this.#socket.destroy();
    this.#owner.onClosed(this);
  }
}
