// An address that is open but not accepted on: bound at once, so that a failure shows early, listening when
// somebody is ready to take connections. Such a socket can also be handed to another process. Node offers
// neither publicly; its own cluster module is built on what is used here. docs/decisions/0005-listening.md

import { chmod, rm, stat } from "node:fs/promises";
import { connect } from "node:net";
import net from "node:net";
import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";

import type { Address } from "../config/snapshot.ts";

/** Where clients can connect; a unix socket has its path as host, and port 0. */
export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

export interface OpenOptions {
  /** Further sockets of this user may be opened on the address; the kernel deals connections out. */
  readonly isShared: boolean;
  /** A unix socket is replaced although somebody listens on it. */
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

  private constructor(handle: RawHandle, bound: BoundAddress) {
    this.#handle = handle;
    this.bound = bound;
  }

  /** Opens an address. Throws what the system says, with its code. */
  static async open(
    address: Address,
    { isShared, isTakeOver }: OpenOptions,
  ): Promise<ListeningSocket> {
    if (address.kind === "unix") return openUnix(address.path, isTakeOver);
    const flags = isShared ? reusePort : 0;
    try {
      return openTcp(address.host, address.port, flags);
    } catch (error) {
      // No IPv6 on this machine: "all addresses" then means all of IPv4.
      if (address.host !== "::" || !hasCode(error, "EAFNOSUPPORT", "EADDRNOTAVAIL")) throw error;
      return openTcp("0.0.0.0", address.port, flags);
    }
  }

  /** Takes what another process handed over. Throws when it is none of ours. */
  static from(handle: unknown, bound: BoundAddress): ListeningSocket {
    if (!isRawHandle(handle)) throw new Error(`${bound.host}:${bound.port} came without a socket`);
    return new ListeningSocket(handle, bound);
  }

  /** Takes an open descriptor, as systemd hands it over. Throws when it is no listening socket. */
  static fromDescriptor(descriptor: number): ListeningSocket {
    const handle = create(null, undefined, undefined, descriptor);
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

  close(): void {
    this.#handle.close();
  }
}

/** libuv's UV_TCP_REUSEPORT. */
const reusePort = 2;

function openTcp(host: string, port: number, flags: number): ListeningSocket {
  const handle = create(host, port, host.includes(":") ? 6 : 4, undefined, flags);
  const bound = boundOf(handle);
  if (bound !== undefined && bound.port !== 0) return ListeningSocket.from(handle, bound);
  // libuv keeps a taken address to itself until `listen`. A socket without a port tells it now.
  handle.close();
  throw systemError(-constants.errno.EADDRINUSE, "listen", nameOf({ host, port }));
}

/** Throws EADDRINUSE when somebody listens there, even one that would share. */
export function assertFree(address: Address): void {
  if (address.kind === "unix" || address.port === 0) return;
  try {
    openTcp(address.host, address.port, 0).close();
  } catch (error) {
    if (hasCode(error, "EADDRINUSE")) throw error;
  }
}

async function openUnix(path: string, isTakeOver: boolean): Promise<ListeningSocket> {
  if (isTakeOver) await rm(path, { force: true });
  else await removeStaleSocket(path);
  const socket = ListeningSocket.from(create(path, -1, -1), { host: path, port: 0 });
  // As TCP ports, it is for everybody who reaches it; its folder's rights say who does.
  await chmod(path, 0o777);
  return socket;
}

function create(...args: readonly unknown[]): RawHandle {
  const createServerHandle: unknown = Reflect.get(net, "_createServerHandle");
  if (typeof createServerHandle !== "function") {
    throw new Error(`Node.js ${process.version} has changed how sockets are opened`);
  }
  const made: unknown = Reflect.apply(createServerHandle, net, args);
  if (isRawHandle(made)) return made;
  const [host, port] = args.map(String);
  throw systemError(Number(made), "listen", port === "-1" ? `${host}` : `${host}:${port}`);
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

/** An error as `net` would give it. @param status a negative errno */
export function systemError(status: number, call: string, where: string): Error {
  const [code = "UNKNOWN", what = "unknown error"] = getSystemErrorMap().get(status) ?? [];
  return Object.assign(new Error(`${call} ${code}: ${what} ${where}`), { code });
}

/** Removes what a killed process left behind. A socket that somebody listens on is not ours to take. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || !found.isSocket()) return;
  const isAlive = await new Promise<boolean>((resolve) => {
    const probe = connect({ path }, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on("error", () => resolve(false));
  });
  if (!isAlive) await rm(path, { force: true });
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
