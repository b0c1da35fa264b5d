// Who may come in at a listener, whatever it speaks: no more than the limits allow, and behind a PROXY
// protocol header where one must come. From there on a connection comes from, and counts for, the address
// that its header names.

import type { Socket } from "node:net";

import type { Listener as ListenerSettings } from "../config/snapshot.ts";
import { plainAddress } from "../lib/ip.ts";
import { Warning } from "../lib/warning.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { Receiver } from "./adopt.ts";
import type { Addresses } from "./addresses.ts";
import { listenerCounts } from "./listener-counts.ts";
import type { Port } from "./port.ts";
import { ProxyGates, type NamedHeader } from "./proxy-gate.ts";

export interface DoorOptions {
  readonly settings: ListenerSettings;
  readonly wheel: Wheel;
  readonly addresses: Addresses;
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
}

/** A connection that was let in. Its address has been counted, until `left` is told. */
export interface Guest {
  readonly address: string;
  /** What a proxy in front says of both ends; undefined = nothing, the connection's own count. */
  readonly header: NamedHeader | undefined;
}

/** What a unix socket's peer is called where others have an address; the log says what nginx's does. */
const unixPeer = "unix:";

export class Door {
  readonly counts = listenerCounts();
  readonly #addresses: Addresses;
  readonly #gates: ProxyGates;
  #isProxied: boolean;
  readonly #tooMany: Warning;
  readonly #failed: Warning;

  constructor({ settings, wheel, addresses, onProblem }: DoorOptions) {
    const { name: listener, trustedProxies, timeouts, proxyProtocol } = settings;
    this.#addresses = addresses;
    this.#gates = new ProxyGates({ listener, wheel, onProblem }, trustedProxies, timeouts.head);
    this.#isProxied = proxyProtocol;
    this.#tooMany = new Warning("too many connections: one was closed", { listener }, onProblem);
    this.#failed = new Warning("a connection could not be accepted", { listener }, onProblem);
  }

  /** Takes over other settings, for connections that come from now on. */
  update({ trustedProxies, timeouts, proxyProtocol }: ListenerSettings): void {
    this.#gates.update(trustedProxies, timeouts.head);
    this.#isProxied = proxyProtocol;
  }

  /**
   * @param admit called for a connection that may come in, at once or when its header is here
   * @returns who gets its bytes; undefined when it was turned away
   */
  enter(
    socket: Socket,
    port: Port,
    admit: (guest: Guest) => Receiver | undefined,
  ): Receiver | undefined {
    const peerIp = plainAddress(socket.remoteAddress ?? "");
    if (peerIp === "" && !port.isUnix) {
      // It was reset before it was accepted: there is nobody to serve, or to tell of.
      socket.on("error", ignore);
      socket.destroy();
      return undefined;
    }
    const isWelcome = !this.#isProxied || port.isUnix || this.#gates.isWelcome(peerIp);
    if (!isWelcome || !this.#addresses.enter(peerIp)) {
      if (isWelcome) this.#tooMany.raise({ address: peerIp });
      this.counts.refused++;
      // Nothing is read and nothing promised: the cheapest way to say no.
      socket.destroy();
      return undefined;
    }
    this.counts.accepted++;
    socket.on("error", ignore);
    const own: Guest = { address: port.isUnix ? unixPeer : peerIp, header: undefined };
    if (!this.#isProxied) return admit(own);
    return this.#gates.open(socket, own.address, (header) => {
      if (header?.kind === "local") return admit(own);
      this.#addresses.leave(peerIp);
      if (header === undefined) return undefined;
      const { address } = header.source;
      if (this.#addresses.enter(address)) return admit({ address, header });
      this.#tooMany.raise({ address });
      socket.destroy();
      return undefined;
    });
  }

  /** A guest is gone. */
  left(address: string): void {
    this.#addresses.leave(address === unixPeer ? "" : address);
  }

  onAcceptFailed(error: Error): void {
    this.#failed.raise({ cause: error.message });
  }

  /** Closes what still waits for its header: nothing has begun there. */
  closeWaiting(): void {
    this.#gates.closeAll();
  }
}

/** A connection's 'close' follows every 'error' and says all that matters. */
function ignore(): void {}
