// A UDP address that is open but not read from: whatever arrives waits in the kernel until somebody receives.
// Such a socket can also be handed to another process. Node's `dgram` reads from whatever it has bound, so
// the handle under its sockets is made here without one. docs/decisions/0005-listening.md

import { createSocket, type Socket } from "node:dgram";
import { constants } from "node:os";

import type { Address } from "../config/snapshot.ts";
import type { BoundAddress } from "./listening-socket.ts";
import { errorCode, systemError } from "./system-error.ts";

/** Who gets the datagrams. */
export interface DatagramReceiver {
  onDatagram(bytes: Buffer, address: string, port: number): void;
  onReceiveFailed(error: Error): void;
}

/** What we use of Node's handle of a UDP socket. The calls return a negative errno when they fail. */
interface RawHandle {
  close(): void;
  bind(host: string, port: number, flags: number): number;
  bind6(host: string, port: number, flags: number): number;
  open(descriptor: number): number;
  getsockname(name: { address?: string; port?: number }): number;
  recvStart(): number;
  recvStop(): number;
}

/** Bytes of answers that may wait for the kernel; beyond that they get lost, as in any full queue. */
const maxUnsentBytes = 1024 * 1024;

export class DatagramSocket {
  readonly #handle: RawHandle;
  readonly bound: BoundAddress;
  /** Node's, once somebody receives. */
  #socket: Socket | undefined;
  #receiver: DatagramReceiver | undefined;
  #isClosed = false;

  private constructor(handle: RawHandle, bound: BoundAddress) {
    this.#handle = handle;
    this.bound = bound;
  }

  /**
   * Opens an address. Throws what the system says, with its code.
   * @param isShared another program of this user may have it open as well, if it shares, too: a successor
   */
  static open(address: Address, isShared: boolean): DatagramSocket {
    if (address.kind !== "tcp") throw new Error("datagrams need an address with a port");
    try {
      return bind(address.host, address.port, isShared);
    } catch (error) {
      // No IPv6 on this machine: "all addresses" then means all of IPv4.
      const isMissing = ["EAFNOSUPPORT", "EADDRNOTAVAIL"].includes(errorCode(error));
      if (address.host !== "::" || !isMissing) throw error;
      return bind("0.0.0.0", address.port, isShared);
    }
  }

  /** Takes what another process handed over. Throws when it is none of ours. */
  static from(handle: unknown, bound: BoundAddress): DatagramSocket {
    if (!isRawHandle(handle)) throw new Error(`${bound.host}:${bound.port} came without a socket`);
    return new DatagramSocket(handle, bound);
  }

  /** Takes an open descriptor, as systemd hands it over. Throws when it is no UDP socket. */
  static fromDescriptor(descriptor: number): DatagramSocket {
    const handle = makeHandle();
    const status = handle.open(descriptor);
    if (status === 0) return new DatagramSocket(handle, boundOf(handle));
    handle.close();
    throw systemError(status, "open", `descriptor ${descriptor}`);
  }

  /** For handing over to another process. */
  get handle(): object {
    return this.#handle;
  }

  /** From now on datagrams are read, those included that wait already. */
  receive(receiver: DatagramReceiver): void {
    this.#receiver = receiver;
    if (this.#isClosed) return;
    if (this.#socket !== undefined) {
      this.#handle.recvStart();
      return;
    }
    const type = this.bound.host.includes(":") ? "udp6" : "udp4";
    // Answers go to addresses that are numbers: nothing is to be looked up, and nothing to be waited for.
    const lookup = asIs;
    this.#socket = createSocket({ type, lookup });
    this.#socket.on("message", (bytes, { address, port }) =>
      this.#receiver?.onDatagram(bytes, address, port),
    );
    this.#socket.on("error", (error) => this.#receiver?.onReceiveFailed(error));
    // The types know no handles. This also begins to read.
    Reflect.apply(this.#socket.bind, this.#socket, [this.#handle]);
  }

  /** Reads no more, but can still send. */
  stop(): void {
    if (!this.#isClosed && this.#socket !== undefined) this.#handle.recvStop();
  }

  /** Only where somebody received before. What cannot be sent is lost, as any datagram may be. */
  send(bytes: Uint8Array, port: number, address: string): void {
    const socket = this.#socket;
    if (this.#isClosed || socket === undefined || port === 0) return;
    if (socket.getSendQueueSize() > maxUnsentBytes) return;
    socket.send(bytes, port, address);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#socket === undefined) this.#handle.close();
    else this.#socket.close();
  }
}

/** Throws EADDRINUSE when somebody has the address, even one that would share it. */
export function clearDatagramAddress(address: Address): void {
  if (address.kind !== "tcp" || address.port === 0) return;
  try {
    bind(address.host, address.port, false).close();
  } catch (error) {
    if (errorCode(error) === "EADDRINUSE") throw error;
  }
}

/** libuv's UV_UDP_REUSEPORT. */
const reusePort = 64;

function bind(host: string, port: number, isShared: boolean): DatagramSocket {
  const handle = makeHandle();
  const call = host.includes(":") ? handle.bind6 : handle.bind;
  let status = call.apply(handle, [host, port, isShared ? reusePort : 0]);
  // Before libuv 1.49 (Node 20) nobody can share: a successor finds the address taken.
  if (status === -constants.errno.EINVAL && isShared) status = call.apply(handle, [host, port, 0]);
  if (status === 0) return DatagramSocket.from(handle, boundOf(handle));
  handle.close();
  const where = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  throw systemError(status, "bind", `${where} (udp)`);
}

function boundOf(handle: RawHandle): BoundAddress {
  const name: { address?: string; port?: number } = {};
  handle.getsockname(name);
  return { host: name.address ?? "", port: name.port ?? 0 };
}

/** The only way to a handle that does not warn of its use: a new one of the kind that a socket has. */
function makeHandle(): RawHandle {
  const socket = createSocket("udp4");
  const symbol = Object.getOwnPropertySymbols(socket).find(
    ({ description }) => description === "state symbol",
  );
  const state: unknown = symbol === undefined ? undefined : Reflect.get(socket, symbol);
  const handle = propertyOf(state, "handle");
  const kind = propertyOf(handle, "constructor");
  socket.close();
  const made: unknown = typeof kind === "function" ? Reflect.construct(kind, []) : undefined;
  if (isRawHandle(made)) return made;
  throw new Error(`Node.js ${process.version} has changed how UDP sockets are opened`);
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function isRawHandle(value: unknown): value is RawHandle {
  const calls = ["bind", "bind6", "open", "getsockname", "recvStart", "recvStop", "close"];
  return calls.every((name) => typeof propertyOf(value, name) === "function");
}

function asIs(
  address: string,
  family: unknown,
  callback: (error: null, address: string, family: number) => void,
): void {
  callback(null, address, family === 6 ? 6 : 4);
}
