// The listening sockets of the whole program, held by the supervisor as long as somebody wants them. Workers
// and primaries come and go with copies; the connections waiting in a socket stay, because it stays.

import type { Address } from "../config/snapshot.ts";
import { assertFree, ListeningSocket } from "../listen/listening-socket.ts";
import type { SocketNote } from "./messages.ts";
import type { AddressWish } from "./ports.ts";

/** A socket that the service manager opened and handed over. */
export interface Inherited {
  readonly fd: number;
  /** FileDescriptorName= of the unit; by default the unit's name. */
  readonly name: string;
}

export interface HeldSocket {
  readonly note: SocketNote;
  readonly socket: ListeningSocket;
}

interface HeldAddress {
  readonly sockets: ListeningSocket[];
  /** There is one socket, for all workers: a unix socket, or one that was inherited. */
  readonly isShared: boolean;
}

export class HeldSockets {
  readonly #held = new Map<string, HeldAddress>();
  /** Not asked for yet. Never closed: the service manager would not open them again. */
  readonly #inherited: { readonly name: string; readonly socket: ListeningSocket }[];

  /** Throws when an inherited descriptor is no listening socket. */
  constructor(inherited: readonly Inherited[]) {
    this.#inherited = inherited.map(({ fd, name }) => ({
      name,
      socket: ListeningSocket.fromDescriptor(fd),
    }));
  }

  /**
   * Opens what is missing, all or nothing, and returns every socket of the wished addresses.
   * @param count sockets of each TCP address, at least
   * @param isTakeOver processes of ours may listen there still
   */
  async open(
    wishes: readonly AddressWish[],
    count: number,
    isTakeOver: boolean,
  ): Promise<HeldSocket[]> {
    const opened: { readonly key: string; readonly socket: ListeningSocket }[] = [];
    try {
      for (const wish of wishes) {
        const held = this.#held.get(wish.key) ?? this.#adopt(wish);
        const missing = (held.isShared ? 1 : count) - held.sockets.length;
        for (let made = 0; made < missing; made++) {
          const mayShare = isTakeOver || this.#hasPort(wish.address);
          const socket = await openNext(wish.address, held, mayShare);
          held.sockets.push(socket);
          opened.push({ key: wish.key, socket });
        }
        this.#held.set(wish.key, held);
      }
    } catch (error) {
      for (const { key, socket } of opened) this.#drop(key, socket);
      throw error;
    }
    return wishes.flatMap(({ key }) => this.#socketsOf(key));
  }

  #adopt({ address, listener }: AddressWish): HeldAddress {
    const index = this.#inherited.findIndex(
      ({ name, socket }) => name === listener || isAt(socket, address),
    );
    const found = index === -1 ? undefined : this.#inherited.splice(index, 1)[0];
    if (found !== undefined) {
      // A unix socket does not know its own path.
      const bound = address.kind === "unix" ? { host: address.path, port: 0 } : found.socket.bound;
      return { sockets: [ListeningSocket.from(found.socket.handle, bound)], isShared: true };
    }
    return { sockets: [], isShared: address.kind === "unix" };
  }

  /** Whether an address with the same port is ours: `:8080` may become `127.0.0.1:8080` without a gap. */
  #hasPort(address: Address): boolean {
    if (address.kind === "unix") return false;
    const all = [...this.#held.values()].flatMap(({ sockets }) => sockets);
    return all.some(({ bound }) => bound.port === address.port);
  }

  #drop(key: string, socket: ListeningSocket): void {
    const held = this.#held.get(key);
    socket.close();
    if (held === undefined) return;
    held.sockets.splice(held.sockets.indexOf(socket), 1);
    if (held.sockets.length === 0) this.#held.delete(key);
  }

  #socketsOf(key: string): HeldSocket[] {
    const held = this.#held.get(key);
    if (held === undefined) return [];
    return held.sockets.map((socket, index) => ({
      note: { kind: "socket", key, index, bound: socket.bound, isShared: held.isShared },
      socket,
    }));
  }

  /** Closes all other addresses. */
  keep(keys: readonly string[]): void {
    for (const [key, { sockets }] of this.#held) {
      if (!keys.includes(key)) for (const each of sockets) each.close();
    }
    this.forget(keys);
  }

  /** As `keep`, where whoever accepts on a socket closes it. */
  forget(keys: readonly string[]): void {
    for (const key of this.#held.keys()) if (!keys.includes(key)) this.#held.delete(key);
  }
}

async function openNext(
  address: Address,
  held: HeldAddress,
  mayShare: boolean,
): Promise<ListeningSocket> {
  const first = held.sockets[0];
  // A shared address does not tell that it belongs to somebody else: ask first, as one who does not share.
  if (first === undefined && !mayShare) assertFree(address);
  if (address.kind === "unix")
    return ListeningSocket.open(address, { isShared: false, isTakeOver: mayShare });
  // Port 0 is chosen once for all sockets of the address.
  const port = first?.bound.port ?? address.port;
  const host = first?.bound.host ?? address.host;
  return ListeningSocket.open({ ...address, host, port }, { isShared: true, isTakeOver: false });
}

function isAt({ bound }: ListeningSocket, address: Address): boolean {
  if (address.kind === "unix") return bound.host === address.path;
  const isAny = (host: string) => host === "::" || host === "0.0.0.0";
  return (
    bound.port === address.port &&
    (bound.host === address.host || (isAny(bound.host) && isAny(address.host)))
  );
}
