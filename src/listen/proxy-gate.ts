// Where connections of a listener with `proxyProtocol: true` wait until their PROXY protocol header is
// here. Who may come at all is decided first. A connection that fails is closed without a word: what its
// peer speaks is not known. The gate stays in front of a connection it let through, and passes bytes on.

import type { Socket } from "node:net";

import { NetworkSet } from "../lib/ip.ts";
import { Roster, type Rostered } from "../lib/roster.ts";
import { Warning } from "../lib/warning.ts";
import { Deadline, type Deadlined, type Wheel } from "../lib/wheel.ts";
import type { Receiver } from "./adopt.ts";
import { ProxyHeaderReader, type ProxyReading } from "./proxy-protocol.ts";

export type ProxyHeader = Extract<ProxyReading, { readonly consumed: number }>;

/** One that names the addresses of both ends. */
export type NamedHeader = Extract<ProxyReading, { readonly kind: "proxied" }>;

/**
 * Called once for every connection: with its header, to say who gets the bytes behind it, or with
 * undefined when the connection was closed before that.
 */
export type HeaderTaker = (header: ProxyHeader | undefined) => Receiver | undefined;

export interface ProxyGateOptions {
  readonly listener: string;
  readonly wheel: Wheel;
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
}

/** All gates of one listener. */
export class ProxyGates {
  trusted: NetworkSet;
  headTimeout: number;
  readonly options: ProxyGateOptions;
  readonly waiting = new Roster<ProxyGate>();
  readonly #strangers: Warning;
  readonly #faults: Warning;

  constructor(options: ProxyGateOptions, trustedProxies: readonly string[], headTimeout: number) {
    this.options = options;
    this.trusted = NetworkSet.of(trustedProxies);
    this.headTimeout = headTimeout;
    const { onProblem } = options;
    const about = { listener: options.listener };
    const stranger = "a peer that is not a trusted proxy was turned away";
    this.#strangers = new Warning(stranger, about, onProblem);
    const fault = "a connection without a good PROXY protocol header was closed";
    this.#faults = new Warning(fault, about, onProblem);
  }

  /** Takes over new settings, for connections that come from now on. */
  update(trustedProxies: readonly string[], headTimeout: number): void {
    this.trusted = NetworkSet.of(trustedProxies);
    this.headTimeout = headTimeout;
  }

  /** Whether this peer may connect. Leaves a warning when it may not. */
  isWelcome(peerIp: string): boolean {
    if (this.trusted.has(peerIp)) return true;
    // No address: it is gone already, and nobody was turned away.
    if (peerIp !== "") this.#strangers.raise({ peer: peerIp });
    return false;
  }

  /** @param peer whom a warning names */
  open(socket: Socket, peer: string, take: HeaderTaker): Receiver {
    const gate = new ProxyGate(this, { socket, peer, take });
    this.waiting.add(gate);
    socket.on("end", () => gate.onEnd());
    socket.on("close", () => gate.close());
    return gate;
  }

  warn(peer: string, why: string): void {
    this.#faults.raise({ peer, code: "PROXY_HEADER_INVALID", why });
  }

  /** Closes what still waits: no exchange has begun there. */
  closeAll(): void {
    for (const gate of this.waiting.all()) gate.close();
  }
}

interface Incoming {
  readonly socket: Socket;
  readonly peer: string;
  readonly take: HeaderTaker;
}

class ProxyGate implements Receiver, Deadlined, Rostered {
  place = -1;
  readonly #gates: ProxyGates;
  readonly #deadline: Deadline;
  /** Both undefined once it is open or closed. */
  #incoming: Incoming | undefined;
  #reader: ProxyHeaderReader | undefined = new ProxyHeaderReader();
  #hasBytes = false;
  #next: Receiver | undefined = undefined;

  constructor(gates: ProxyGates, incoming: Incoming) {
    this.#gates = gates;
    this.#incoming = incoming;
    this.#deadline = new Deadline(this);
    gates.options.wheel.arm(this.#deadline, gates.headTimeout);
  }

  onBytes(buffer: Buffer, start: number, end: number): void {
    if (this.#next !== undefined) {
      this.#next.onBytes(buffer, start, end);
      return;
    }
    if (this.#reader === undefined) return;
    this.#hasBytes = true;
    const reading = this.#reader.push(buffer, start, end);
    if (reading.kind === "more") return;
    if (reading.kind === "bad") {
      this.#refuse(reading.why);
      return;
    }
    this.#next = this.#leave()?.take(reading);
    const rest = start + reading.consumed;
    if (rest < end) this.#next?.onBytes(buffer, rest, end);
  }

  onEnd(): void {
    // A load balancer that only looks whether the port is open is no fault.
    if (this.#hasBytes) this.#refuse("the header is cut off");
    else this.close();
  }

  onDeadline(): void {
    this.#refuse("the header did not come in time");
  }

  /** Without effect once the connection was let through. */
  close(): void {
    const incoming = this.#leave();
    incoming?.socket.destroy();
    incoming?.take(undefined);
  }

  #refuse(why: string): void {
    if (this.#incoming !== undefined) this.#gates.warn(this.#incoming.peer, why);
    this.close();
  }

  #leave(): Incoming | undefined {
    const incoming = this.#incoming;
    this.#incoming = undefined;
    this.#reader = undefined;
    this.#gates.options.wheel.release(this.#deadline);
    this.#gates.waiting.delete(this);
    return incoming;
  }
}
