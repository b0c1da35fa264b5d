// Opens connections to backends: plain, TLS or unix socket, within a time limit, with the failure named.
//
// All connections of a process read into one buffer: what is in it is only good until the callback
// returns, and nothing is allocated for reading. Hot: bench/head.ts

import { connect as connectPlain, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls } from "node:tls";

import type { Backend, BackendTls } from "../config/service.ts";
import type { FailureCode } from "../http/errors.ts";
import { Deadline, type Deadlined, type Wheel } from "../lib/wheel.ts";
import type { SocketUser } from "./pooled.ts";

export interface ConnectOptions<C extends SocketUser> {
  readonly backend: Backend;
  /** IP address to connect to; "" for a unix socket. */
  readonly address: string;
  readonly tls: BackendTls;
  readonly timeoutMs: number;
  readonly wheel: Wheel;
  /** Bytes held back for a slow backend before the client is paused. */
  readonly bufferBytes: number;
  /** Application protocols offered in TLS; none = the extension is not sent. */
  readonly alpn: readonly string[];
  /** Makes what is told of everything that happens on the open socket. */
  adopt(socket: Socket, address: string): C;
  onReady(connection: C): void;
  onFailed(code: FailureCode, cause: Error): void;
}

/** As large as what may be held back for a slow reader: a larger one would save CPU and cost memory for each. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** An attempt to connect; it ends with exactly one call of `onReady` or `onFailed`. */
export class Connecting<C extends SocketUser> implements Deadlined {
  readonly #options: ConnectOptions<C>;
  readonly #socket: Socket;
  readonly #deadline: Deadline;
  #connection: C | null = null;
  #isOver = false;

  constructor(options: ConnectOptions<C>) {
    this.#options = options;
    this.#deadline = new Deadline(this);
    options.wheel.arm(this.#deadline, options.timeoutMs);
    this.#socket = openSocket(options, (length, buffer) => {
      this.#connection?.onBytes(buffer, 0, length);
      return true;
    });
    const readyEvent = options.backend.secure ? "secureConnect" : "connect";
    this.#socket.once(readyEvent, () => this.#onReady());
    this.#socket.on("error", (error: NodeJS.ErrnoException) => this.#onError(error));
    this.#socket.on("end", () => this.#connection?.onEnd());
    this.#socket.on("close", () => {
      this.#onError(new Error("closed while connecting"));
      this.#connection?.onClosed();
    });
    this.#socket.on("drain", () => this.#connection?.onDrain());
  }

  #onReady(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.wheel.release(this.#deadline);
    this.#connection = this.#options.adopt(this.#socket, this.#options.address);
    this.#options.onReady(this.#connection);
  }

  #onError(error: NodeJS.ErrnoException): void {
    // On an open connection 'close' follows and says all that matters.
    if (this.#isOver) return;
    this.#fail(failureOf(error, this.#options.backend.secure), error);
  }

  #fail(code: FailureCode, cause: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.wheel.release(this.#deadline);
    this.#socket.destroy();
    this.#options.onFailed(code, cause);
  }

  onDeadline(): void {
    this.#fail("CONNECT_TIMEOUT", new Error("timed out"));
  }

  /** Has so long left at most. */
  hurry(ms: number): void {
    const { timeoutMs, wheel } = this.#options;
    if (!this.#isOver && (timeoutMs === 0 || timeoutMs > ms)) wheel.arm(this.#deadline, ms);
  }

  /** Gives up; nobody is told. */
  cancel(): void {
    this.#isOver = true;
    this.#options.wheel.release(this.#deadline);
    this.#socket.destroy();
  }
}

function openSocket<C extends SocketUser>(
  options: ConnectOptions<C>,
  onBytes: (length: number, buffer: Buffer) => boolean,
): Socket {
  const { backend, address, tls, alpn } = options;
  const onread = {
    buffer: readBuffer,
    callback: (length: number) => onBytes(length, readBuffer),
  };
  const where =
    backend.address.kind === "unix"
      ? { path: backend.address.path }
      : { host: address, port: backend.address.port };
  const common = { ...where, onread, allowHalfOpen: true, highWaterMark: options.bufferBytes };
  if (!backend.secure) return connectPlain({ ...common, noDelay: true });
  const name = tls.serverName ?? hostOf(backend);
  return connectTls({
    ...common,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    // An IP address is no server name (RFC 6066 section 3), but the certificate must name it.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    rejectUnauthorized: tls.verify,
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
    minVersion: "TLSv1.2",
  }).setNoDelay(true);
}

function hostOf(backend: Backend): string {
  return backend.address.kind === "tcp" ? backend.address.host : "localhost";
}

function failureOf(error: NodeJS.ErrnoException, isSecure: boolean): FailureCode {
  switch (error.code) {
    case "ECONNREFUSED":
    case "ENOENT":
      return "CONNECT_REFUSED";
    case "ETIMEDOUT":
      return "CONNECT_TIMEOUT";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EACCES":
    case "EADDRNOTAVAIL":
    case "EMFILE":
      return "CONNECT_FAILED";
    default:
      return isSecure ? "TLS_FAILED" : "CONNECT_FAILED";
  }
}
