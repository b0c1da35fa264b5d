// One client connection that speaks HTTP/2: its requests are streams (`http2-stream.ts`), each an exchange of its own; what is
// about the connection is here: how long it may be idle, how it ends, and what is counted of it.

import type { Socket } from "node:net";

import type { ExchangeOrigin } from "../http/exchange.ts";
import { ErrorCode, type ErrorNumber } from "../http/h2/codes.ts";
import type { FieldSection } from "../http/h2/field-section.ts";
import { Session } from "../http/h2/session.ts";
import type { SessionFault, SessionSettings, SessionUser } from "../http/h2/session.ts";
import type { Stream } from "../http/h2/stream.ts";
import { Roster, type Rostered } from "../lib/roster.ts";
import { Deadline, type Deadlined } from "../lib/wheel.ts";
import type { ConnectionContext } from "./connection-context.ts";
import { ClientStream, type StreamOwner } from "./http2-stream.ts";
import { countFlood, type Http2Counts } from "./listener-counts.ts";

/** What may decide whether a connection, or a stream of one, is cut. */
export interface CuttableConnection {
  readonly isTunnel: boolean;
  /** What it is known by; undefined = it has not got so far. */
  readonly origin?: unknown;
}

export interface Http2Options<P> {
  readonly context: ConnectionContext<P>;
  readonly origin: ExchangeOrigin;
  readonly settings: SessionSettings;
  readonly counts: Http2Counts;
  /** We end it for this. It has been counted. */
  onFault(fault: SessionFault): void;
  onClosed(connection: Http2Connection<P>): void;
}

export class Http2Connection<P = unknown>
  implements SessionUser, StreamOwner<P>, Deadlined, Rostered
{
  place = -1;
  readonly context: ConnectionContext<P>;
  readonly origin: ExchangeOrigin;
  readonly #options: Http2Options<P>;
  readonly #session: Session;
  readonly #streams = new Roster<ClientStream<P>>();
  /** Those of the read that is being looked at, to be begun at its end. */
  #new: ClientStream<P>[] = [];
  readonly #idle: Deadline;
  /** It is over for all its streams: what happens to them is not the client's doing. */
  #isLost = false;

  constructor(socket: Socket, options: Http2Options<P>) {
    const { context, origin, counts, settings } = options;
    this.context = context;
    this.origin = origin;
    this.#options = options;
    const { wheel } = context;
    this.#session = new Session({ role: "server", socket, wheel, settings, user: this });
    this.#idle = new Deadline(this);
    wheel.arm(this.#idle, context.settings.idleTimeout);
    counts.connections++;
    counts.open++;
    this.#session.start();
  }

  // --- what happens on its socket ----------------------------------------------------------------

  onBytes(buffer: Buffer, start: number, end: number): void {
    this.#session.onBytes(buffer, start, end);
    const begun = this.#new;
    if (begun.length === 0) return;
    this.#new = [];
    for (const each of begun) each.begin();
  }

  onDrain(): void {
    this.#session.onDrain();
  }

  /** The client leaves: what it leaves behind it has not reset. */
  onEnd(): void {
    this.#isLost = true;
    this.#session.onEnd();
  }

  /** Its socket is closed. */
  onSocketClosed(): void {
    this.#isLost = true;
    this.#session.onClosed();
  }

  // --- what its session says ---------------------------------------------------------------------

  onRequest(stream: Stream, section: FieldSection): void {
    const { context } = this;
    context.wheel.disarm(this.#idle);
    this.#options.counts.streams++;
    // A patient listener takes one more request of each connection, and this is it.
    if (context.isDraining) this.#session.drain();
    const begun = new ClientStream<P>(this, stream, section);
    this.#streams.add(begun);
    this.#new.push(begun);
  }

  onSettings(): void {}

  onGoaway(): void {}

  onIdle(): void {
    const { wheel, settings } = this.context;
    if (!this.#session.isClosed) wheel.arm(this.#idle, settings.idleTimeout);
  }

  onFault(fault: SessionFault): void {
    this.#isLost = true;
    const { counts } = this.#options;
    if (fault.flood === "") counts.faults++;
    else countFlood(counts, fault.flood);
    this.#options.onFault(fault);
  }

  onClosed(): void {
    this.context.wheel.release(this.#idle);
    this.#options.counts.open--;
    this.#options.onClosed(this);
  }

  onStreamOver(stream: ClientStream<P>, isReset: boolean): void {
    this.#streams.delete(stream);
    if (isReset && !this.#isLost) this.#options.counts.resets++;
  }

  // --- what its listener asks and wants ----------------------------------------------------------

  get tunnelCount(): number {
    return this.#streams.count((each) => each.isTunnel);
  }

  /** Requests that are being answered, tunnels apart. */
  get exchangeCount(): number {
    return this.#streams.size - this.tunnelCount;
  }

  /** Nothing but tunnels: it counts as one. */
  get isTunnel(): boolean {
    const { size } = this.#streams;
    return size > 0 && this.tunnelCount === size;
  }

  /** Running requests finish, and tunnels go on; no others begin. */
  drain(): void {
    this.#session.drain();
  }

  /** Ends what it says yes to, and the connection where nothing is left of it. */
  cut(which: (connection: CuttableConnection) => boolean): void {
    const { origin } = this;
    const isMeant = which({ isTunnel: false, origin });
    // All exchanges of a connection are known by one origin. Of these it is those that an operator has named.
    const isNamed = isMeant && !which({ isTunnel: false });
    for (const each of this.#streams.all()) {
      if (isNamed && each.failure !== "OPERATOR_CLOSED") continue;
      if (which({ isTunnel: each.isTunnel, origin })) each.cut();
    }
    if (isMeant && !isNamed && this.#streams.size === 0) this.close();
  }

  close(code: ErrorNumber = ErrorCode.NO_ERROR): void {
    this.#isLost = true;
    this.#session.close(code);
  }

  /** No request for so long. */
  onDeadline(): void {
    if (this.#streams.size === 0) this.#session.drain();
  }
}
