// One connection to a FastCGI program that can have several requests on it at once (FCGI_MPXS_CONNS): each has an id of its
// own, and what comes for one can never be taken for another's. Ids of requests that were given up stay taken until the program
// has ended them. There is no flow control within a connection: a client that reads slowly holds up the
// others on it, and nobody joins them meanwhile.

import type { Socket } from "node:net";

import { maxRecordBytes } from "../config/gateway-limits.ts";
import * as records from "../gateway/fastcgi-records.ts";
import { Pause, Reading } from "../http/reading.ts";
import { Writer } from "../http/writer.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { BackendConnection, ResponseLimits, ResponseSink } from "./backend-connection.ts";
import { FastcgiExchange } from "./fastcgi-exchange.ts";
import type { LeaseOwner, SocketUser } from "./pooled.ts";
import type { Sharing } from "./sharing.ts";

export interface LinkOptions {
  readonly socket: Socket;
  readonly address: string;
  readonly owner: LeaseOwner<SharedRequest>;
  readonly wheel: Wheel;
  readonly limits: ResponseLimits;
  readonly sharing: Sharing;
}

export class SharedLink implements SocketUser {
  readonly options: LinkOptions;
  readonly writer: Writer;
  /** What the pool lends: it stands for the connection, and carries one of the requests. */
  readonly first: SharedRequest;
  readonly #reading: Reading;
  readonly #reader = new records.RecordReader();
  /** By id; also those that were given up, until the program has ended them. */
  readonly #all = new Map<number, SharedRequest>();
  readonly #pausing = new Set<SharedRequest>();
  #isIdle = false;
  isClosed = false;

  constructor(options: LinkOptions) {
    this.options = options;
    this.writer = new Writer(options.socket);
    this.#reading = new Reading(options.socket);
    this.first = new SharedRequest(this, 1);
    this.#all.set(1, this.first);
  }

  /** One more request, where there is room; the pool's own place is lent by the pool. */
  open(): SharedRequest | undefined {
    const { sharing } = this.options;
    if (this.isClosed || this.#isIdle || this.#all.size >= sharing.perLink) return undefined;
    // Somebody reads slowly there: nobody else needs to wait for that one.
    if (this.#reading.isPaused) return undefined;
    let id = 2;
    while (this.#all.has(id)) id++;
    const request = new SharedRequest(this, id);
    this.#all.set(id, request);
    return request;
  }

  /** A request begins. */
  enter(request: SharedRequest): void {
    this.#isIdle = false;
    this.#all.set(request.id, request);
    if (this.#reading.isPaused) request.exchange.answer.pause();
  }

  /** A request has ended; the program's part of it too, so that its id is free. */
  leave(request: SharedRequest): void {
    this.#all.delete(request.id);
    this.setPaused(request, false);
    if (this.isClosed) return;
    const { owner, sharing } = this.options;
    if (this.#hasLive) {
      sharing.onRoom();
    } else if (this.#all.size > 0 || this.writer.isBlocked) {
      // Nobody waits for what the program goes on with.
      this.close();
    } else {
      this.#isIdle = true;
      owner.onReusable(this.first);
    }
  }

  /** Nobody wants its answer any more. @param isEnded the program has nothing more to say of it either */
  giveUp(request: SharedRequest, isEnded: boolean): void {
    if (isEnded) this.#all.delete(request.id);
    this.setPaused(request, false);
    if (!this.#hasLive) {
      this.close();
    } else if (!isEnded) {
      this.writer.text(records.abortRecord(request.id));
      this.writer.flush();
    }
  }

  get #hasLive(): boolean {
    for (const each of this.#all.values()) if (each.isLive) return true;
    return false;
  }

  setPaused(request: SharedRequest, isPaused: boolean): void {
    if (isPaused) this.#pausing.add(request);
    else this.#pausing.delete(request);
    const mustPause = this.#pausing.size > 0;
    if (mustPause === this.#reading.isPaused || this.isClosed) return;
    for (const { exchange } of this.#all.values()) {
      if (mustPause) exchange.answer.pause();
      else exchange.answer.resume();
    }
    if (mustPause) {
      this.#reading.pause(Pause.SINK);
    } else {
      this.#reading.resume(Pause.SINK);
      this.options.sharing.onRoom();
    }
  }

  onBytes(buffer: Buffer, start: number, end: number): void {
    const reader = this.#reader;
    const touched = new Set<SharedRequest>();
    reader.position = start;
    while (!this.isClosed) {
      const event = reader.next(buffer, end);
      if (event === records.Event.MORE) break;
      const request = this.#all.get(reader.id);
      if (event === records.Event.BAD || request === undefined || !request.isBegun) {
        return this.#break(
          reader.fault || `a record is of the request ${reader.id}, which is none`,
        );
      }
      touched.add(request);
      request.take(event, reader, buffer);
    }
    for (const each of touched) each.settle();
  }

  onDrain(): void {
    if (!this.writer.isBlocked) return;
    this.writer.isBlocked = false;
    for (const each of [...this.#all.values()]) each.onDrained();
  }

  onEnd(): void {
    this.onClosed();
  }

  onRefused(): void {
    this.onClosed();
  }

  /** Nobody knows any more what belongs to whom. */
  #break(why: string): void {
    const all = [...this.#all.values()];
    this.close();
    for (const each of all) if (!each.exchange.isDone) each.exchange.bad(why);
    for (const each of all) each.exchange.answer.dispose();
  }

  onClosed(): void {
    const all = [...this.#all.values()];
    this.close();
    for (const each of all) each.exchange.cut();
    for (const each of all) each.exchange.answer.dispose();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const { socket, owner, sharing } = this.options;
    sharing.drop(this);
    socket.destroy();
    owner.onClosed(this.first);
  }
}

/** One of its requests, as whoever makes it sees a connection. */
export class SharedRequest implements BackendConnection {
  readonly id: number;
  readonly address: string;
  /** A place on a connection that is open already may turn out dead, as any that was used before. */
  served: number;
  idleSince = 0;
  readonly exchange: FastcgiExchange;
  /** The program may speak of it. */
  isBegun = false;
  /** Somebody waits for its answer. */
  isLive = true;
  readonly #link: SharedLink;

  constructor(link: SharedLink, id: number) {
    const { address, wheel, limits } = link.options;
    this.#link = link;
    this.id = id;
    this.served = id - 1;
    this.address = address;
    this.exchange = new FastcgiExchange(id, this, wheel, limits);
  }

  get socketUser(): SocketUser {
    return this.#link;
  }

  get isOpen(): boolean {
    return !this.#link.isClosed;
  }

  begin(
    sink: ResponseSink,
    params: string,
    method: string,
    _isUpgrade: boolean,
    responseTimeout: number,
    bodyTimeout: number,
  ): void {
    this.isBegun = true;
    this.isLive = true;
    this.exchange.begin();
    this.exchange.answer.begin(sink, method, responseTimeout, bodyTimeout);
    this.#link.enter(this);
    const begun = records.beginRecord(this.id, true);
    this.#link.writer.text(begun + records.paramsRecords(this.id, params));
  }

  grant(responseTimeout: number): void {
    this.exchange.answer.grant(responseTimeout);
  }

  writeData(buffer: Buffer, start: number, end: number): void {
    if (!this.isLive) return;
    for (let at = start; at < end; at += maxRecordBytes) {
      const stop = Math.min(end, at + maxRecordBytes);
      this.#link.writer.text(records.stdinHeader(this.id, stop - at));
      this.#link.writer.bytes(buffer, at, stop);
    }
  }

  endRequest(): void {
    if (!this.isLive) return;
    this.#link.writer.text(records.stdinHeader(this.id, 0));
    this.exchange.answer.onRequestSent();
  }

  flush(): boolean {
    if (this.#link.isClosed) return true;
    const isTaken = this.#link.writer.flush();
    this.exchange.answer.onWritten(isTaken);
    return isTaken;
  }

  take(event: records.Event, reader: records.RecordReader, buffer: Buffer): void {
    if (this.isLive) {
      this.exchange.take(event, reader, buffer);
      // Nothing may come of it after its end.
      if (this.exchange.isDone) this.isBegun = false;
    } else if (event === records.Event.RECORD) {
      this.#link.leave(this);
    }
  }

  /** Everything of one read has been handed on. */
  settle(): void {
    const { answer, isDone } = this.exchange;
    if (this.isLive) answer.sink?.onResponseFlush();
    if (!this.isLive || !isDone) return;
    this.#forget();
    this.served++;
    this.#link.leave(this);
  }

  onDrained(): void {
    this.exchange.answer.onDrained();
    this.exchange.answer.sink?.onUpstreamDrain();
  }

  pause(): void {
    if (this.isLive) this.#link.setPaused(this, true);
  }

  resume(): void {
    this.#link.setPaused(this, false);
  }

  /** Its answer has failed, or nobody wants it: its id stays taken until the program has ended it. */
  closeNow(): void {
    // It said before that it can; whoever asks again, and all who come, get connections of their own.
    if (this.exchange.isUnshared) this.#link.options.sharing.perLink = 1;
    this.destroy();
  }

  destroy(): void {
    if (this.#link.isClosed) return;
    const isEnded = !this.isBegun || this.exchange.isEnded;
    this.#forget();
    this.#link.giveUp(this, isEnded);
  }

  #forget(): void {
    this.isLive = false;
    // Only the pool's own is used again.
    if (this === this.#link.first) this.exchange.answer.release();
    else this.exchange.answer.dispose();
  }

  destroySoon(): void {
    this.destroy();
  }

  endTunnel(): void {
    this.destroy();
  }
}
