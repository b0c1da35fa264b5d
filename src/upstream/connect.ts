// Opens connections to backends: plain, TLS or unix socket, within a time limit, with the failure named.
//
// All connections of a process read into one buffer: what is in it is only good until the callback
// returns, and nothing is allocated for reading. Hot: bench/head.ts

import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";

import type { Backend, BackendTls } from "../config/service.ts";
import type { FailureCode } from "../http/errors.ts";
import { quote } from "../lib/quote.ts";
import { Deadline, type Deadlined, type Wheel } from "../lib/wheel.ts";
import { choiceFault, pinFault, tlsOptionsOf } from "./backend-tls.ts";
import type { HeldSocket } from "./guest-socket.ts";
import type { KeptSession, Resumable } from "./kept-session.ts";
import type { SocketUser } from "./pooled.ts";
import { isRefusalOfOurs, tlsFaultText } from "./tls-fault.ts";

interface Connected {
  readonly socketUser: SocketUser;
}

export interface ConnectOptions<C extends Connected> {
  readonly backend: Backend;
  /** IP address to connect to; "" for a unix socket. */
  readonly address: string;
  /** A container's socket, held while it is connected to; undefined = the backend's own path or address leads there. */
  readonly held: HeldSocket | undefined;
  readonly tls: BackendTls;
  readonly timeoutMs: number;
  readonly wheel: Wheel;
  /** Bytes held back for a slow backend before the client is paused. */
  readonly bufferBytes: number;
  /** Application protocols offered in TLS; none = the extension is not sent. */
  readonly alpn: readonly string[];
  /** Of this backend under these settings, and of nothing else. */
  readonly session: KeptSession;
  /** Makes what is told of everything that happens on the open socket. */
  adopt(socket: Socket, address: string): C;
  onReady(connection: C): void;
  onFailed(code: FailureCode, cause: Error): void;
}

/** As large as what may be held back for a slow reader: a larger one would save CPU and cost memory for each. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** An attempt to connect; it ends with exactly one call of `onReady` or `onFailed`. */
export class Connecting<C extends Connected> implements Deadlined {
  readonly #options: ConnectOptions<C>;
  readonly #socket: Socket;
  readonly #deadline: Deadline;
  readonly #offered: Resumable | undefined;
  /** Some servers say what can be resumed before it is known whether they are to be trusted. */
  #early: Buffer | undefined;
  #user: SocketUser | null = null;
  #hasReceived = false;
  #isOver = false;

  constructor(options: ConnectOptions<C>) {
    this.#options = options;
    this.#deadline = new Deadline(this);
    options.wheel.arm(this.#deadline, options.timeoutMs);
    this.#offered = options.backend.secure ? options.session.offered : undefined;
    this.#socket = openSocket(options, this.#offered, (length, buffer) => {
      this.#hasReceived = true;
      this.#user?.onBytes(buffer, 0, length);
      return true;
    });
    const readyEvent = options.backend.secure ? "secureConnect" : "connect";
    this.#socket.once(readyEvent, () => this.#onReady());
    if (options.backend.secure) {
      this.#socket.on("session", (session: Buffer) => this.#onSession(session));
    }
    this.#socket.on("error", (error: NodeJS.ErrnoException) => this.#onError(error));
    this.#socket.on("end", () => this.#user?.onEnd());
    this.#socket.on("close", () => {
      if (this.#user !== null) this.#user.onClosed();
      else if (!this.#isOver) this.#onError(new Error("closed while connecting"));
    });
    this.#socket.on("drain", () => this.#user?.onDrain());
  }

  #onReady(): void {
    if (this.#isOver) return;
    const socket = this.#socket;
    const { tls, backend } = this.#options;
    const fault =
      socket instanceof TLSSocket
        ? (pinFault(socket, tls) ?? choiceFault(socket, backend))
        : undefined;
    if (fault !== undefined) {
      this.#onError(fault);
      return;
    }
    this.#endAttempt();
    const connection = this.#options.adopt(socket, this.#options.address);
    this.#user = connection.socketUser;
    if (this.#early !== undefined) this.#onSession(this.#early);
    this.#options.onReady(connection);
  }

  #onSession(session: Buffer): void {
    if (this.#user === null) this.#early = session;
    else if (this.#socket instanceof TLSSocket) {
      this.#options.session.keep(session, this.#socket, this.#offered);
    }
  }

  #onError(error: NodeJS.ErrnoException): void {
    const { backend, tls, session } = this.#options;
    if (this.#user !== null) {
      // Otherwise 'close' follows and says all that matters.
      if (!backend.secure || this.#hasReceived || !isRefusalOfOurs(error)) return;
      session.forget();
      this.#user.onRefused(tlsFaultText(error, backend, tls));
      return;
    }
    if (this.#isOver) return;
    const code = failureOf(error, backend.secure);
    if (code !== "TLS_FAILED") {
      this.#fail(code, inTermsOf(backend, error));
      return;
    }
    session.forget();
    this.#fail(code, new Error(tlsFaultText(error, backend, tls), { cause: error }));
  }

  #fail(code: FailureCode, cause: Error): void {
    if (this.#isOver) return;
    this.#endAttempt();
    this.#socket.destroy();
    this.#options.onFailed(code, cause);
  }

  #endAttempt(): void {
    this.#isOver = true;
    this.#options.wheel.release(this.#deadline);
    this.#options.held?.release();
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
    if (!this.#isOver) this.#endAttempt();
    this.#socket.destroy();
  }
}

function openSocket<C extends Connected>(
  options: ConnectOptions<C>,
  offered: Resumable | undefined,
  onBytes: (length: number, buffer: Buffer) => boolean,
): Socket {
  const { backend, address, tls, alpn, held } = options;
  const onread = {
    buffer: readBuffer,
    callback: (length: number) => onBytes(length, readBuffer),
  };
  const where =
    backend.address.kind === "unix"
      ? { path: held?.path ?? backend.address.path }
      : { host: address, port: backend.address.port };
  const common = { ...where, onread, allowHalfOpen: true, highWaterMark: options.bufferBytes };
  if (!backend.secure) return connectPlain({ ...common, noDelay: true });
  return connectTls({
    ...common,
    ...tlsOptionsOf(backend, tls, alpn),
    ...(offered === undefined ? {} : { session: offered.session }),
  }).setNoDelay(true);
}

/** A container's socket is connected to by a descriptor, which means nothing to whoever reads of it. */
function inTermsOf({ address }: Backend, error: NodeJS.ErrnoException): Error {
  if (address.kind === "tcp" || address.guest === undefined) return error;
  const remedy =
    error.code === "EACCES"
      ? `: who connects must be allowed to write to it, and user ${process.geteuid?.() ?? "?"}, whom we run as, is not; let others write there (\`listen.mode = 0666\` of php-fpm), or have it listen on a port`
      : "";
  const why = `connect ${error.code ?? error.message} ${quote(address.path)} in ${address.guest}${remedy}`;
  return new Error(why, { cause: error });
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
