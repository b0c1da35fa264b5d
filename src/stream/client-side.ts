// The client's end of a stream: an accepted socket, with TLS on it once that was asked for. What the rest of
// the stream sees is the same either way. Hot: bench/workloads/tcp.ts

import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

import { Writer } from "../http/writer.ts";
import { breakOff } from "../lib/break-off.ts";
import type { Shown } from "../tls/chooser.ts";
import { peerFault } from "../tls/peer.ts";
import { serverSocket } from "../tls/server-socket.ts";

/** Who is told what the client does. */
export interface ClientUser {
  /** The bytes are only valid during the call. */
  onClientBytes(buffer: Buffer, start: number, end: number): void;
  /** TLS is established. */
  onClientSecure(): void;
  /** TLS is established, and was all that it came for. */
  onClientProven(): void;
  /** It has no certificate that is good here. @param why a sentence about it */
  onClientUntrusted(why: string): void;
  /** The client sends no more, and still reads. */
  onClientEnd(): void;
  /** The client took what had been held back for it. */
  onClientDrain(): void;
  /** The connection is gone, by whoever's doing. */
  onClientClosed(): void;
}

export interface TlsStart {
  readonly shown: Shown;
  /** What the client has sent so far: it is TLS already. */
  readonly received: Buffer;
  /** Protocols that the route is for; empty = it does not say. */
  readonly wanted: readonly string[];
  /** What the client offered. */
  readonly offered: readonly string[];
}

export class ClientSide {
  readonly #user: ClientUser;
  readonly #accepted: Socket;
  /** The same, or TLS on it. */
  #socket: Socket;
  #writer: Writer;
  #isPaused = false;

  constructor(socket: Socket, user: ClientUser) {
    this.#user = user;
    this.#accepted = socket;
    this.#socket = socket;
    this.#writer = new Writer(socket);
    this.#listen(socket);
  }

  #listen(socket: Socket): void {
    socket.on("end", () => this.#user.onClientEnd());
    socket.on("drain", () => this.#onDrain());
    socket.on("close", () => {
      // Under TLS the accepted socket ends a moment before the one on it.
      if (socket === this.#socket) this.#user.onClientClosed();
    });
  }

  #onDrain(): void {
    if (!this.#writer.isBlocked) return;
    this.#writer.isBlocked = false;
    this.#user.onClientDrain();
  }

  /** Ends TLS here from now on. */
  startTls({ shown, received, wanted, offered }: TlsStart): void {
    const { options, protocols, isChallenge } = shown;
    const { clientAuth } = options;
    this.#isPaused = false;
    const chosen = protocolFor(isChallenge ? protocols : wanted, offered);
    const agreed = chosen === undefined ? [] : [chosen];
    const secure = serverSocket(this.#accepted, shown, received, agreed);
    this.#socket = secure;
    this.#writer = new Writer(secure);
    this.#listen(secure);
    // 'close' follows and says all that matters.
    secure.on("error", () => {});
    secure.on("secure", () => {
      if (isChallenge) {
        this.#user.onClientProven();
        return;
      }
      const fault = clientAuth === undefined ? undefined : peerFault(secure, clientAuth);
      if (fault === undefined) this.#user.onClientSecure();
      else this.#user.onClientUntrusted(fault);
    });
    secure.on("data", (bytes: Buffer) => this.#user.onClientBytes(bytes, 0, bytes.length));
  }

  /** What TLS agreed on; "" = nothing. */
  get protocol(): string {
    const { alpnProtocol } = this.#socket instanceof TLSSocket ? this.#socket : noProtocol;
    return typeof alpnProtocol === "string" ? alpnProtocol : "";
  }

  get isSecure(): boolean {
    return this.#socket instanceof TLSSocket;
  }

  /** False: the client is slow, wait for `onClientDrain`. */
  write(buffer: Buffer, start: number, end: number): boolean {
    this.#writer.bytes(buffer, start, end);
    return this.#writer.flush();
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** Sends no more, and still reads. */
  end(): void {
    this.#socket.end();
  }

  /** Closes once what was written has been delivered. Whoever calls it bounds how long that may take. */
  destroySoon(): void {
    this.#socket.destroySoon();
  }

  /** Closes so that the client knows that the stream was not complete. */
  breakOff(): void {
    // With TLS too: many readers take an end without TLS's own for a good one.
    breakOff(this.#accepted);
    this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

const noProtocol = { alpnProtocol: false } as const;

/**
 * One that the route is for. A route that names none takes the only one offered: the client wants that or
 * nothing (PostgreSQL insists on it). Among several only the backend could choose.
 */
function protocolFor(wanted: readonly string[], offered: readonly string[]): string | undefined {
  if (wanted.length > 0) return offered.find((each) => wanted.includes(each));
  return offered.length === 1 ? offered[0] : undefined;
}
