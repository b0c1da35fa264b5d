// The listening sockets of the whole program, held by the supervisor as long as somebody wants them. Workers
// and primaries come and go with copies; the connections and datagrams waiting in a socket stay, because it stays.

import type { Address } from "../config/snapshot.ts";
import { clearDatagramAddress, DatagramSocket } from "../listen/datagram-socket.ts";
import { clearAddress, ListeningSocket } from "../listen/listening-socket.ts";
import {
  isDatagramSocket,
  openDescriptor,
  type OpenSocket,
  takeSocket,
  type Transport,
} from "../listen/open-socket.ts";
import { type AddressLock, lockAddress, lockNameOf } from "./address-lock.ts";
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
  readonly socket: OpenSocket;
}

export interface HeldOptions {
  readonly warn: (message: string) => void;
  /** How long another program that is starting on an address is waited for, ms. */
  readonly patience: number;
}

/** Longer than a start takes on a busy machine, shorter than a service manager waits for one. */
const patienceMs = 10_000;

interface InheritedSocket {
  readonly name: string;
  readonly socket: OpenSocket;
}

interface HeldAddress {
  readonly protocol: Transport;
  readonly sockets: OpenSocket[];
  /** There is one socket, for all workers: a UDP or unix socket, or one that was inherited. */
  readonly isShared: boolean;
  /** Of an inherited one. */
  readonly name: string | undefined;
}

export class HeldSockets {
  readonly #held = new Map<string, HeldAddress>();
  /** Not asked for now. Never closed: the service manager would not open them again. */
  readonly #inherited: InheritedSocket[];
  /** Of addresses that nobody may listen on yet. */
  readonly #locks: AddressLock[] = [];
  /** One at a time: who asks second gets what was opened for the first. */
  #opening: Promise<unknown> = Promise.resolve();
  readonly #options: HeldOptions;

  /** Throws when an inherited descriptor is neither a listening socket nor a UDP socket. */
  constructor(
    inherited: readonly Inherited[],
    {
      warn = (message) => process.emitWarning(message),
      patience = patienceMs,
    }: Partial<HeldOptions> = {},
  ) {
    this.#options = { warn, patience };
    this.#inherited = inherited.map(({ fd, name }) => ({
      name,
      socket: openDescriptor(fd),
    }));
  }

  /**
   * Opens what is missing, all or nothing, and returns every socket of the wished addresses.
   * @param count sockets of each TCP address, at least
   * @param isTakeOver processes of ours may listen there still
   */
  open(wishes: readonly AddressWish[], count: number, isTakeOver: boolean): Promise<HeldSocket[]> {
    const result = this.#opening.then(() => this.#openAll(wishes, count, isTakeOver));
    this.#opening = result.catch(() => {}); // who asked is told
    return result;
  }

  async #openAll(
    wishes: readonly AddressWish[],
    count: number,
    isTakeOver: boolean,
  ): Promise<HeldSocket[]> {
    const locks = await this.#clear(wishes, isTakeOver);
    const opened: { readonly key: string; readonly socket: OpenSocket }[] = [];
    try {
      // Nothing is awaited here: `keep` must not find half of it.
      for (const wish of wishes) {
        const held = this.#held.get(wish.key) ?? this.#adopt(wish);
        const missing = (held.isShared ? 1 : count) - held.sockets.length;
        for (let made = 0; made < missing; made++) {
          const socket = openNext(wish.address, held, isTakeOver);
          held.sockets.push(socket);
          opened.push({ key: wish.key, socket });
        }
        this.#held.set(wish.key, held);
      }
    } catch (error) {
      for (const { key, socket } of opened) this.#drop(key, socket);
      for (const lock of locks) lock.release();
      throw error;
    }
    this.#locks.push(...locks);
    return wishes.flatMap(({ key }) => this.#socketsOf(key));
  }

  /**
   * Makes sure that nobody else has, or is about to have, the addresses that are new. A shared address does not
   * tell that it belongs to somebody else: it is asked for as one who does not share.
   */
  async #clear(wishes: readonly AddressWish[], isTakeOver: boolean): Promise<AddressLock[]> {
    const left = [...this.#inherited];
    const fresh = wishes.filter(
      (each) => !this.#held.has(each.key) && takeFor(each, left) === undefined,
    );
    const locks = await this.#lock(fresh);
    try {
      for (const each of fresh) {
        if (isTakeOver || this.#covers(each)) continue;
        if (each.protocol === "udp") clearDatagramAddress(each.address);
        else await clearAddress(each.address);
      }
    } catch (error) {
      for (const lock of locks) lock.release();
      throw error;
    }
    return locks;
  }

  /** Always in the same order, or two programs would wait for each other. */
  async #lock(wishes: readonly AddressWish[]): Promise<AddressLock[]> {
    const names = new Set(wishes.flatMap((each) => lockNameFor(each) ?? []));
    for (const { name } of this.#locks) names.delete(name);
    const locks: AddressLock[] = [];
    for (const name of [...names].sort((a, b) => (a < b ? -1 : 1))) {
      const lock = await lockAddress(name, this.#options.patience);
      if (typeof lock !== "string") locks.push(lock);
      if (lock !== "busy") continue;
      this.#options.warn(
        `another process holds the lock @tidegate:${name} and does not let go of it (ss -xlp shows who); ` +
          "going on without, so make sure that no second program starts on the same address",
      );
    }
    return locks;
  }

  #adopt(wish: AddressWish): HeldAddress {
    const { address, protocol } = wish;
    const inherited = takeFor(wish, this.#inherited);
    if (inherited !== undefined) {
      const { handle, bound } = inherited.socket;
      // A unix socket does not know its own path.
      const known = address.kind === "unix" ? { host: address.path, port: 0 } : bound;
      // Another object each time it is asked for: who gave up the one before has to be given it again.
      return {
        protocol,
        sockets: [takeSocket(protocol, handle, known)],
        isShared: true,
        name: inherited.name,
      };
    }
    const isShared = protocol === "udp" || address.kind === "unix";
    return { protocol, sockets: [], isShared, name: undefined };
  }

  /** Whether we have the port for a wider or narrower address: `:8080` may become `127.0.0.1:8080` without a gap. */
  #covers({ address, protocol }: AddressWish): boolean {
    if (address.kind === "unix") return false;
    const held = [...this.#held.values()].filter((each) => each.protocol === protocol);
    const all = held.flatMap(({ sockets }) => sockets);
    return all.some(
      ({ bound }) => bound.port === address.port && doOverlap(bound.host, address.host),
    );
  }

  #drop(key: string, socket: OpenSocket): void {
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
      note: noteOf(key, index, held, socket),
      socket,
    }));
  }

  /** Somebody listens on these addresses now. Closes all others. */
  keep(keys: readonly string[]): void {
    for (const [key, { sockets, name }] of this.#held) {
      if (keys.includes(key)) continue;
      for (const socket of sockets) {
        if (name === undefined) socket.close();
        else this.#inherited.push({ name, socket });
      }
    }
    this.forget(keys);
  }

  /** As `keep`, where whoever accepts on a socket closes it. */
  forget(keys: readonly string[]): void {
    for (const key of this.#held.keys()) if (!keys.includes(key)) this.#held.delete(key);
    for (const { sockets } of this.#held.values()) for (const each of sockets) this.#publish(each);
    for (const lock of this.#locks.splice(0)) lock.release();
  }

  /** One that cannot be found at its path is no reason to take the others away. */
  #publish(socket: OpenSocket): void {
    if (isDatagramSocket(socket)) return;
    try {
      socket.publish();
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      this.#options.warn(`the socket cannot be put in its place: ${cause}`);
    }
  }
}

function noteOf(key: string, index: number, held: HeldAddress, { bound }: OpenSocket): SocketNote {
  const { protocol, isShared } = held;
  return { kind: "socket", key, protocol, index, bound, isShared };
}

/** The same port of the other protocol is another address. */
function lockNameFor({ address, protocol }: AddressWish): string | undefined {
  const name = lockNameOf(address);
  return protocol === "udp" ? name?.replace("tcp:", "udp:") : name;
}

function openNext(address: Address, held: HeldAddress, isTakeOver: boolean): OpenSocket {
  // Shared, so that a successor can open it while workers of ours, who lost their supervisor, still serve.
  if (held.protocol === "udp") return DatagramSocket.open(address, true);
  if (address.kind === "unix")
    return ListeningSocket.open(address, { isShared: false, isTakeOver });
  const first = held.sockets[0];
  // Port 0 is chosen once for all sockets of the address.
  const port = first?.bound.port ?? address.port;
  const host = first?.bound.host ?? address.host;
  return ListeningSocket.open({ ...address, host, port }, { isShared: true, isTakeOver: false });
}

/** Whether one is all addresses of the machine and the other among them. */
function doOverlap(a: string, b: string): boolean {
  const isIn = (narrow: string, wide: string) =>
    wide === "::" || (wide === "0.0.0.0" && !narrow.includes(":"));
  return a === b || isIn(a, b) || isIn(b, a);
}

/** Removes it from the list. By the address first: several may have the name of one listener. */
function takeFor(
  { address, protocol, listener }: AddressWish,
  list: InheritedSocket[],
): InheritedSocket | undefined {
  const fitting = list.filter(({ socket }) => isDatagramSocket(socket) === (protocol === "udp"));
  const found =
    fitting.find(({ socket }) => isAt(socket, address)) ??
    fitting.find(({ name }) => name === listener);
  if (found !== undefined) list.splice(list.indexOf(found), 1);
  return found;
}

function isAt({ bound }: OpenSocket, address: Address): boolean {
  if (address.kind === "unix") return bound.host === address.path;
  const isAny = (host: string) => host === "::" || host === "0.0.0.0";
  return (
    bound.port === address.port &&
    (bound.host === address.host || (isAny(bound.host) && isAny(address.host)))
  );
}
