// All addresses this process accepts on. A change is made in two steps, so that it happens whole or not at
// all: first what is missing is opened, then, when all of it could be, addresses change hands and those
// nobody wants any more are closed. An address that stays is never closed in between, and a new one takes no
// connection before there is somebody to serve it.

import type { Address, Listener as ListenerSettings } from "../config/snapshot.ts";
import type { BoundAddress, ListeningSocket } from "../listen/listening-socket.ts";
import { Port, type PortUser } from "../listen/port.ts";

/** Where sockets come from: opened here, or handed over by the process that holds them. */
export interface SocketSource {
  /** Throws when the address cannot be had. The sockets are the caller's to close. */
  socketsOf(wish: AddressWish): Promise<readonly ListeningSocket[]>;
}

/** An address that a listener wants. */
export interface AddressWish {
  /** The same for the same address, from one snapshot to the next. */
  readonly key: string;
  readonly address: Address;
  readonly listener: string;
}

interface Held {
  readonly port: Port;
  listener: string;
}

/** What `prepare` opened, waiting for `commit` or `undo`. */
export interface Prepared {
  readonly wishes: readonly AddressWish[];
  readonly opened: ReadonlyMap<string, readonly ListeningSocket[]>;
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
    const opened = new Map<string, readonly ListeningSocket[]>();
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

  /** @param userOf who takes the connections of a listener */
  commit({ wishes, opened }: Prepared, userOf: (listener: string) => PortUser): void {
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
        held.port.user = user;
        continue;
      }
      const sockets = opened.get(key) ?? [];
      const bound = sockets[0]?.bound ?? { host: "", port: 0 };
      const port = new Port(address, bound, user);
      this.#held.set(key, { port, listener });
      port.use(sockets);
    }
  }

  /** Accepts on other sockets of an address from now on. */
  use(key: string, sockets: readonly ListeningSocket[]): void {
    this.#held.get(key)?.port.use(sockets);
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

  closeAll(): void {
    for (const { port } of this.#held.values()) port.close();
    this.#held.clear();
  }
}

/** Every address the listeners want. */
export function wishesOf(listeners: readonly ListenerSettings[]): AddressWish[] {
  return listeners.flatMap(({ name, bind }) =>
    bind.map((address, index) => ({ key: keyOf(address, name, index), address, listener: name })),
  );
}

function keyOf(address: Address, listener: string, index: number): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  // Port 0 is another one each time.
  if (address.port === 0) return `${address.host}:0 ${listener} ${index}`;
  return `${address.host}:${address.port}`;
}
