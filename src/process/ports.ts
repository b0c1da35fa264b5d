// All addresses the process listens on. A change is made in two steps, so that it happens whole or not at
// all: first what is missing is opened, then, when all of it could be, addresses change hands and those
// nobody wants any more are closed. An address that stays is never closed in between.

import type { Address, Listener as ListenerSettings } from "../config/snapshot.ts";
import { Port, type PortUser } from "../listen/port.ts";

interface Held {
  readonly port: Port;
  listener: string;
}

/** What `prepare` opened, waiting for `commit` or `undo`. */
export interface Prepared {
  /** Every wanted address, and for which listener. */
  readonly wanted: ReadonlyMap<string, string>;
  readonly opened: ReadonlyMap<string, Port>;
}

/** Until the change is made, nobody is there to take connections of a new address. */
const nobodyYet: PortUser = {
  bufferBytes: 64 * 1024,
  accept(socket) {
    socket.destroy();
    return undefined;
  },
  onAcceptFailed() {},
};

export class Ports {
  readonly #held = new Map<string, Held>();

  /** Opens what is missing. Throws, with nothing changed, when one address cannot be opened. */
  async prepare(listeners: readonly ListenerSettings[]): Promise<Prepared> {
    const wanted = new Map<string, string>();
    const opened = new Map<string, Port>();
    try {
      for (const listener of listeners) {
        for (const [index, address] of listener.bind.entries()) {
          const key = keyOf(address, listener.name, index);
          wanted.set(key, listener.name);
          if (this.#held.has(key) || opened.has(key)) continue;
          opened.set(key, await Port.open(address, nobodyYet));
        }
      }
    } catch (error) {
      this.undo({ wanted, opened });
      throw error;
    }
    return { wanted, opened };
  }

  /** Closes what was opened for a change that is not made. */
  undo({ opened }: Prepared): void {
    for (const port of opened.values()) port.close();
  }

  /** @param userOf who takes the connections of a listener */
  commit({ wanted, opened }: Prepared, userOf: (listener: string) => PortUser | undefined): void {
    for (const [key, port] of opened) this.#held.set(key, { port, listener: "" });
    for (const [key, held] of [...this.#held]) {
      const listener = wanted.get(key);
      const user = listener === undefined ? undefined : userOf(listener);
      if (listener === undefined || user === undefined) {
        held.port.close();
        this.#held.delete(key);
        continue;
      }
      held.listener = listener;
      held.port.user = user;
    }
  }

  /** Where a listener can be reached, with the ports the system chose. */
  boundOf(listener: string): { readonly host: string; readonly port: number }[] {
    return [...this.#held.values()]
      .filter((each) => each.listener === listener)
      .map(({ port }) => port.bound);
  }

  closeAll(): void {
    for (const { port } of this.#held.values()) port.close();
    this.#held.clear();
  }
}

function keyOf(address: Address, listener: string, index: number): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  // Port 0 is another one each time.
  if (address.port === 0) return `${address.host}:0 ${listener} ${index}`;
  return `${address.host}:${address.port}`;
}
