// One connection to a program that speaks FastCGI: one request at a time, then back to its pool where the program keeps it
// open. Records that fit nothing end the connection: no answer may be taken for another's. Hot: bench/head.ts

import type { Socket } from "node:net";

import { maxRecordBytes } from "../config/gateway-limits.ts";
import {
  abortRecord,
  beginRecord,
  decodePairs,
  Event,
  getValuesRecord,
  isManagement,
  paramsRecords,
  Record,
  RecordReader,
  stdinHeader,
} from "../gateway/fastcgi-records.ts";
import { Pause, Reading } from "../http/reading.ts";
import { Writer } from "../http/writer.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { BackendConnection, ResponseLimits, ResponseSink } from "./backend-connection.ts";
import { FastcgiExchange } from "./fastcgi-exchange.ts";
import type { GatewayAnswer } from "./gateway-answer.ts";
import type { LeaseOwner } from "./pooled.ts";

const State = { IDLE: 0, BUSY: 1, DONE: 2, CLOSED: 3, ASKING: 4 } as const;

/** The id of each request: there is one at a time. */
const id = 1;
const beginKept = beginRecord(id, true);
const beginOnce = beginRecord(id, false);
const bodyEnd = stdinHeader(id, 0);

type Values = ReadonlyMap<string, string>;

export class FastcgiConnection implements BackendConnection {
  readonly socketUser = this;
  readonly address: string;
  served = 0;
  idleSince = 0;
  readonly #socket: Socket;
  readonly #owner: LeaseOwner<FastcgiConnection>;
  readonly #isKept: boolean;
  readonly #writer: Writer;
  readonly #reading: Reading;
  readonly #exchange: FastcgiExchange;
  readonly #answer: GatewayAnswer;
  readonly #reader = new RecordReader();
  #onValues: ((values: Values | undefined) => void) | null = null;
  #state: (typeof State)[keyof typeof State] = State.IDLE;

  /** @param isKept the program is asked to leave it open after an answer */
  constructor(
    socket: Socket,
    address: string,
    owner: LeaseOwner<FastcgiConnection>,
    wheel: Wheel,
    limits: ResponseLimits,
    isKept: boolean,
  ) {
    this.#socket = socket;
    this.address = address;
    this.#owner = owner;
    this.#isKept = isKept;
    this.#writer = new Writer(socket);
    this.#reading = new Reading(socket);
    this.#exchange = new FastcgiExchange(id, this, wheel, limits);
    this.#answer = this.#exchange.answer;
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
    this.#exchange.begin();
    this.#answer.begin(sink, method, responseTimeout, bodyTimeout);
    this.#writer.text((this.#isKept ? beginKept : beginOnce) + paramsRecords(id, params));
  }

  grant(responseTimeout: number): void {
    this.#answer.grant(responseTimeout);
  }

  writeData(buffer: Buffer, start: number, end: number): void {
    if (this.#state !== State.BUSY) return;
    for (let at = start; at < end;) {
      const stop = Math.min(end, at + maxRecordBytes);
      this.#writer.text(stdinHeader(id, stop - at));
      this.#writer.bytes(buffer, at, stop);
      at = stop;
    }
  }

  endRequest(): void {
    if (this.#state !== State.BUSY) return;
    this.#writer.text(bodyEnd);
    this.#answer.onRequestSent();
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
    if (this.#state === State.ASKING) return this.#readValues(buffer, start, end);
    if (this.#state !== State.BUSY) {
      // Bytes that belong to no answer: whoever came next would be given them.
      this.#close();
      return;
    }
    const { sink } = this.#answer;
    const reader = this.#reader;
    reader.position = start;
    while (this.#state === State.BUSY) {
      const event = reader.next(buffer, end);
      if (event === Event.MORE) break;
      this.#take(event, buffer);
    }
    if (sink !== null && this.#answer.sink === sink) sink.onResponseFlush();
    if (this.#stateNow() === State.DONE) this.#settle(buffer, end);
  }

  #stateNow(): (typeof State)[keyof typeof State] {
    return this.#state;
  }

  #take(event: Event, buffer: Buffer): void {
    const reader = this.#reader;
    const exchange = this.#exchange;
    if (event === Event.BAD) {
      exchange.bad(reader.fault);
    } else if (isManagement(reader.type)) {
      exchange.bad(`it answers with a record of type ${reader.type} what nobody asked`);
    } else if (reader.id !== id) {
      exchange.bad(`a record is of the request ${reader.id}, not ${id}`);
    } else {
      exchange.take(event, reader, buffer);
      if (exchange.isDone && this.#state === State.BUSY) this.#state = State.DONE;
    }
  }

  /** After the last bytes of an answer were handed on: back to the pool, or closed. */
  #settle(buffer: Buffer, end: number): void {
    const { isRequestSent } = this.#answer;
    this.#answer.release();
    const isAllRead = this.#reader.next(buffer, end) === Event.MORE && this.#reader.isBetween;
    if (!this.#isKept || !isAllRead || !isRequestSent || this.#writer.isBlocked) {
      this.#close();
      return;
    }
    this.#state = State.IDLE;
    this.served++;
    this.#reading.resume(Pause.SINK);
    this.#owner.onReusable(this);
  }

  // --- what the program can do -----------------------------------------------------------------

  /** Asks for values instead of a request, and closes. @param told once; undefined = the program does not say */
  askValues(names: readonly string[], told: (values: Values | undefined) => void): void {
    this.#state = State.ASKING;
    this.#onValues = told;
    this.#writer.text(getValuesRecord(names));
    this.#writer.flush();
  }

  #readValues(buffer: Buffer, start: number, end: number): void {
    const reader = this.#reader;
    reader.position = start;
    const event = reader.next(buffer, end);
    if (event === Event.MORE) return;
    const isAnswer = event === Event.RECORD && reader.type === Record.GET_VALUES_RESULT;
    const values = isAnswer && reader.id === 0 ? decodePairs(reader.content) : undefined;
    const told = this.#onValues;
    this.#onValues = null;
    this.#close();
    told?.(values);
  }

  // --- pausing, ending -------------------------------------------------------------------------

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

  destroySoon(): void {
    this.destroy();
  }

  onEnd(): void {
    this.onClosed();
  }

  onClosed(): void {
    if (this.#state !== State.BUSY) {
      this.#close();
      return;
    }
    this.#exchange.cut();
    this.#close();
  }

  onRefused(why: string): void {
    if (this.#state === State.BUSY) this.#answer.fail("TLS_FAILED", why);
    else this.onClosed();
  }

  /** As for `destroy`, but the program is not told: it ended it, or is not to be believed. */
  closeNow(): void {
    this.#close();
  }

  destroy(): void {
    // A program that looks at its connection stops; where it does not, its next output fails.
    if (this.#state === State.BUSY && !this.#writer.isBlocked) {
      this.#writer.text(abortRecord(id));
      this.#writer.flush();
    }
    this.#close();
  }

  #close(): void {
    if (this.#state === State.CLOSED) return;
    this.#state = State.CLOSED;
    this.#answer.dispose();
    this.#onValues?.(undefined);
    this.#socket.destroy();
    this.#owner.onClosed(this);
  }
}
