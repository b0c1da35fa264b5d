// All addresses this process accepts on. A change is made in two steps, so that it happens whole or not at
// all: first what is missing is opened, then, when all of it could be, addresses change hands and those
// nobody wants any more are closed. An address that stays is never closed in between, and a new one takes no
// connection before there is somebody to serve it.

import type { Address, Listener as ListenerSettings } from "../config/snapshot.ts";
import { DatagramPort, type DatagramUser } from "../listen/datagram-port.ts";
import { DatagramSocket } from "../listen/datagram-socket.ts";
import { type BoundAddress, ListeningSocket } from "../listen/listening-socket.ts";
import type { OpenSocket, Transport } from "../listen/open-socket.ts";
import { Port, type PortUser } from "../listen/port.ts";

/** Where sockets come from: opened here, or handed over by the process that holds them. */
export interface SocketSource {
  /** Throws when the address cannot be had. The sockets are the caller's to close. */
  socketsOf(wish: AddressWish): Promise<readonly OpenSocket[]>;
}

/** An address that a listener wants. */
export interface AddressWish {
  /** The same for the same address, from one snapshot to the next. */
  readonly key: string;
  readonly protocol: Transport;
  readonly address: Address;
  readonly listener: string;
}

/** Who gets what comes in. */
export type AddressUser = PortUser | DatagramUser;

interface Held {
  readonly port: Port | DatagramPort;
  listener: string;
}

/** What `prepare` opened, waiting for `commit` or `undo`. */
export interface Prepared {
  readonly wishes: readonly AddressWish[];
  readonly opened: ReadonlyMap<string, readonly OpenSocket[]>;
}

export class Ports {
  readonly #held = new Map<string, Held>();
  readonly #source: SocketSource;

  constructor(source: SocketSource) {
    this.#source = source;
  }

  /** Opens what is missing. Throws, with nothing changed, when one address cannot be opened. */
  async prepare(listeners: readonly ListenerSettings[]): Promise<Prepared> {
    const wishes = wishesOf(listeners);
    const opened = new Map<string, readonly OpenSocket[]>();
    try {
      for (const wish of wishes) {
        if (this.#held.has(wish.key) || opened.has(wish.key)) continue;
        opened.set(wish.key, await this.#source.socketsOf(wish));
      }
    } catch (error) {
      this.undo({ wishes, opened });
      throw error;
    }
    return { wishes, opened };
  }

  /** Closes what was opened for a change that is not made. */
  undo({ opened }: Prepared): void {
    for (const sockets of opened.values()) for (const each of sockets) each.close();
  }

  /** @param userOf who takes the connections of a listener, or its datagrams */
  commit({ wishes, opened }: Prepared, userOf: (listener: string) => AddressUser): void {
    const wanted = new Map(wishes.map((each) => [each.key, each]));
    for (const [key, held] of this.#held) {
      if (wanted.has(key)) continue;
      held.port.close();
      this.#held.delete(key);
    }
    for (const { key, address, listener } of wanted.values()) {
      const user = userOf(listener);
      const held = this.#held.get(key);
      if (held !== undefined) {
        held.listener = listener;
        give(held.port, user);
        continue;
      }
      const sockets = opened.get(key) ?? [];
      const port = portFor(address, sockets, user);
      this.#held.set(key, { port, listener });
      use(port, sockets);
    }
  }

  /** Accepts on other sockets of an address from now on. */
  use(key: string, sockets: readonly OpenSocket[]): void {
    const held = this.#held.get(key);
    if (held !== undefined) use(held.port, sockets);
  }

  has(key: string): boolean {
    return this.#held.has(key);
  }

  get keys(): Iterable<string> {
    return this.#held.keys();
  }

  /** Where a listener can be reached, with the ports the system chose. */
  boundOf(listener: string): BoundAddress[] {
    return [...this.#held.values()]
      .filter((each) => each.listener === listener)
      .map(({ port }) => port.bound);
  }

  /** Nothing comes in any more. What datagrams were received is still answered. */
  closeAll(): void {
    for (const { port } of this.#held.values()) {
      if (port instanceof DatagramPort) port.leave();
      else port.close();
    }
    this.#held.clear();
  }
}

/** Every address the listeners want. */
export function wishesOf(listeners: readonly ListenerSettings[]): AddressWish[] {
  return listeners.flatMap(({ name, protocol, bind }) =>
    bind.map((address, index) => {
      const transport = protocol === "udp" ? "udp" : "tcp";
      const key = `${transport === "udp" ? "udp:" : ""}${keyOf(address, name, index)}`;
      return { key, protocol: transport, address, listener: name };
    }),
  );
}

function keyOf(address: Address, listener: string, index: number): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  // Port 0 is another one each time.
  if (address.port === 0) return `${address.host}:0 ${listener} ${index}`;
  return `${address.host}:${address.port}`;
}

function portFor(
  address: Address,
  sockets: readonly OpenSocket[],
  user: AddressUser,
): Port | DatagramPort {
  if (isDatagramUser(user)) return new DatagramPort(user);
  return new Port(address, sockets[0]?.bound ?? { host: "", port: 0 }, user);
}

/** An address of one kind is never wanted by a listener of the other: the key says which it is. */
function give(port: Port | DatagramPort, user: AddressUser): void {
  if (port instanceof DatagramPort) {
    if (isDatagramUser(user)) port.user = user;
  } else if (!isDatagramUser(user)) {
    port.user = user;
  }
}

function use(port: Port | DatagramPort, sockets: readonly OpenSocket[]): void {
  if (port instanceof DatagramPort) {
    port.use(sockets.filter((each) => each instanceof DatagramSocket));
  } else {
    port.use(sockets.filter((each) => each instanceof ListeningSocket));
  }
}

function isDatagramUser(user: AddressUser): user is DatagramUser {
  return "onDatagram" in user;
}
