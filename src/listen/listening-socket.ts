// An address that is open but not accepted on: bound at once, so that a failure shows early, listening when
// somebody is ready to take connections. Such a socket can also be handed to another process. Node offers
// neither publicly; its own cluster module is built on what is used here. docs/decisions/0005-listening.md

import net from "node:net";
import { constants } from "node:os";

import type { Address } from "../config/snapshot.ts";
import { clearPath, SocketFile } from "./socket-file.ts";
import { errorCode, systemError } from "./system-error.ts";

export { systemError };

/** Where clients can connect; a unix socket has its path as host, and port 0. */
export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

export interface OpenOptions {
  /** Further sockets of this user may be opened on the address; the kernel deals connections out. */
  readonly isShared: boolean;
  /** The path of a unix socket is not taken before `publish`: whoever listens there is reachable until then. */
  readonly isTakeOver: boolean;
}

/** Connections that the kernel holds until they are accepted: a burst must not be refused. */
const backlog = 4096;

/** What we use of Node's handle of a listening socket. */
interface RawHandle {
  readonly fd: number;
  close(): void;
  listen(backlog: number): number;
}

export class ListeningSocket {
  readonly #handle: RawHandle;
  readonly bound: BoundAddress;
  /** Where we made the socket: a copy of it leaves the file to others. */
  readonly #file: SocketFile | undefined;

  private constructor(handle: RawHandle, bound: BoundAddress, file?: SocketFile) {
    this.#handle = handle;
    this.bound = bound;
    this.#file = file;
  }

  /** Opens an address. Throws what the system says, with its code. */
  static open(address: Address, { isShared, isTakeOver }: OpenOptions): ListeningSocket {
    if (address.kind === "unix") return ListeningSocket.#openUnix(address.path, isTakeOver);
    const flags = isShared ? reusePort : 0;
    try {
      return openTcp(address.host, address.port, flags);
    } catch (error) {
      // No IPv6 on this machine: "all addresses" then means all of IPv4.
      if (address.host !== "::" || !isNoSuchFamily(error)) throw error;
      return openTcp("0.0.0.0", address.port, flags);
    }
  }

  /** For everybody who reaches it, as TCP ports are; its folder's rights say who does. */
  static #openUnix(path: string, isTakeOver: boolean): ListeningSocket {
    const { bound, file } = SocketFile.make(path, isTakeOver, (hidden) =>
      create(path, hidden, -1, -1),
    );
    return new ListeningSocket(bound, { host: path, port: 0 }, file);
  }

  /** Takes what another process handed over. Throws when it is none of ours. */
  static from(handle: unknown, bound: BoundAddress): ListeningSocket {
    if (!isRawHandle(handle)) throw new Error(`${bound.host}:${bound.port} came without a socket`);
    return new ListeningSocket(handle, bound);
  }

  /** Takes an open descriptor, as systemd hands it over. Throws when it is no listening socket. */
  static fromDescriptor(descriptor: number): ListeningSocket {
    const handle = create(`descriptor ${descriptor}`, null, undefined, undefined, descriptor);
    return new ListeningSocket(handle, boundOf(handle) ?? { host: "", port: 0 });
  }

  /** For handing over to another process, and for whoever accepts on it. */
  get handle(): object {
    return this.#handle;
  }

  /** From now on connections come. Throws what the system says. */
  listen(): void {
    const status = this.#handle.listen(backlog);
    if (status < 0) throw systemError(status, "listen", nameOf(this.bound));
  }

  /**
   * Takes the path of a unix socket from a predecessor, once somebody listens on this one. Throws what the
   * system says. Otherwise, and the second time, it does nothing.
   */
  publish(): void {
    this.#file?.publish();
  }

  close(): void {
    this.#file?.remove();
    this.#handle.close();
  }
}

/** libuv's UV_TCP_REUSEPORT. */
const reusePort = 2;

function openTcp(host: string, port: number, flags: number): ListeningSocket {
  const handle = create(
    nameOf({ host, port }),
    host,
    port,
    host.includes(":") ? 6 : 4,
    undefined,
    flags,
  );
  const bound = boundOf(handle);
  if (bound !== undefined && bound.port !== 0) return ListeningSocket.from(handle, bound);
  // libuv keeps a taken address to itself until `listen`. A socket without a port tells it now.
  handle.close();
  throw systemError(-constants.errno.EADDRINUSE, "listen", nameOf({ host, port }));
}

/**
 * Throws EADDRINUSE when somebody listens there, even one that would share. A unix socket that nobody listens
 * on any more is removed.
 */
export async function clearAddress(address: Address): Promise<void> {
  if (address.kind === "unix") {
    await clearPath(address.path);
    return;
  }
  if (address.port === 0) return;
  try {
    openTcp(address.host, address.port, 0).close();
  } catch (error) {
    if (errorCode(error) === "EADDRINUSE") throw error;
  }
}

function create(where: string, ...args: readonly unknown[]): RawHandle {
  const createServerHandle: unknown = Reflect.get(net, "_createServerHandle");
  if (typeof createServerHandle !== "function") {
    throw new Error(`Node.js ${process.version} has changed how sockets are opened`);
  }
  const made: unknown = Reflect.apply(createServerHandle, net, args);
  if (isRawHandle(made)) return made;
  throw systemError(Number(made), "listen", where);
}

function isRawHandle(value: unknown): value is RawHandle {
  if (typeof value !== "object" || value === null) return false;
  return ["listen", "close"].every((name) => typeof Reflect.get(value, name) === "function");
}

function boundOf(handle: RawHandle): BoundAddress | undefined {
  const ask: unknown = Reflect.get(handle, "getsockname");
  if (typeof ask !== "function") return undefined;
  const name: { address?: string; port?: number } = {};
  if (Reflect.apply(ask, handle, [name]) !== 0) return undefined;
  if (name.address === undefined || name.port === undefined) return undefined;
  return { host: name.address, port: name.port };
}

export function nameOf({ host, port }: BoundAddress): string {
  if (port === 0 && host.startsWith("/")) return host;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function isNoSuchFamily(error: unknown): boolean {
  return ["EAFNOSUPPORT", "EADDRNOTAVAIL"].includes(errorCode(error));
}
