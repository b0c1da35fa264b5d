// Where connections in the clear wait on a listener with `h2c: true` until their first bytes have told which protocol the client
// speaks: the preface of HTTP/2 (RFC 9113 section 3.3), or a request of HTTP/1.

import type { Socket } from "node:net";

import { preface } from "../http/h2/codes.ts";
import { KeptBytes } from "../lib/kept-bytes.ts";
import { Roster, type Rostered } from "../lib/roster.ts";
import { Deadline, type Deadlined, type Wheel } from "../lib/wheel.ts";
import type { Receiver } from "./adopt.ts";

/** No request of HTTP/1 begins like this: its version is another one. What comes after it is for the protocol to judge. */
const mark = Buffer.from(preface.slice(0, preface.indexOf("\r\n")), "latin1");

/** Called once; `undefined` when the connection was closed before it had said anything. */
export type ProtocolTaker = (protocol: "h2" | "http/1.1" | undefined) => Receiver | undefined;

/** All gates of one listener. */
export class PrefaceGates {
  /** For the first bytes, ms; 0 = for ever. */
  timeout: number;
  readonly wheel: Wheel;
  readonly waiting = new Roster<PrefaceGate>();

  constructor(wheel: Wheel, timeout: number) {
    this.wheel = wheel;
    this.timeout = timeout;
  }

  open(socket: Socket, take: ProtocolTaker): Receiver {
    const gate = new PrefaceGate(this, socket, take);
    this.waiting.add(gate);
    socket.on("end", () => gate.onEnd());
    socket.on("close", () => gate.close());
    return gate;
  }

  closeAll(): void {
    for (const gate of this.waiting.all()) gate.close();
  }
}

class PrefaceGate implements Receiver, Deadlined, Rostered {
  place = -1;
  readonly #gates: PrefaceGates;
  readonly #socket: Socket;
  readonly #deadline: Deadline;
  /** undefined once it is open or closed. */
  #take: ProtocolTaker | undefined;
  #kept: KeptBytes | undefined;
  #next: Receiver | undefined;

  constructor(gates: PrefaceGates, socket: Socket, take: ProtocolTaker) {
    this.#gates = gates;
    this.#socket = socket;
    this.#take = take;
    this.#deadline = new Deadline(this);
    gates.wheel.arm(this.#deadline, gates.timeout);
  }

  onBytes(buffer: Buffer, start: number, end: number): void {
    if (this.#next !== undefined) {
      this.#next.onBytes(buffer, start, end);
      return;
    }
    if (this.#take === undefined) return;
    const kept = this.#kept;
    const seen = kept?.length ?? 0;
    const size = Math.min(end - start, mark.length - seen);
    if (buffer.compare(mark, seen, seen + size, start, start + size) !== 0) {
      this.#hand("http/1.1", buffer, start, end);
    } else if (seen + size === mark.length) {
      this.#hand("h2", buffer, start, end);
    } else {
      this.#kept ??= new KeptBytes();
      this.#kept.add(buffer, start, end);
    }
  }

  #hand(protocol: "h2" | "http/1.1", buffer: Buffer, start: number, end: number): void {
    const kept = this.#kept;
    this.#kept = undefined;
    const next = this.#leave()?.(protocol);
    this.#next = next;
    if (kept !== undefined) next?.onBytes(kept.bytes, 0, kept.length);
    next?.onBytes(buffer, start, end);
  }

  /** It says no more, and has said less than any request. */
  onEnd(): void {
    if (this.#next === undefined) this.close();
  }

  onDeadline(): void {
    this.close();
  }

  /** Without effect once the connection was let through. */
  close(): void {
    const take = this.#leave();
    if (take === undefined) return;
    this.#socket.destroy();
    take(undefined);
  }

  #leave(): ProtocolTaker | undefined {
    const take = this.#take;
    this.#take = undefined;
    this.#gates.wheel.release(this.#deadline);
    this.#gates.waiting.delete(this);
    return take;
  }
}
