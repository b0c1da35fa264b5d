// Where connections of a listener with TLS wait until their handshake is done. The hello is read here, before OpenSSL sees it: so
// what a client is shown can differ by the name it asks for in everything, versions and client certificates included; a flood of handshakes
// does not keep others from being served; and who speaks plain HTTP is told so. docs/decisions/0013-tls.md

import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { isDeepStrictEqual } from "node:util";

import type { ClientAuth, TlsOptions } from "../config/tls-settings.ts";
import type { SecureFacts } from "../http/exchange.ts";
import { KeptBytes } from "../lib/kept-bytes.ts";
import { Roster, type Rostered } from "../lib/roster.ts";
import type { Turnstile } from "../lib/turnstile.ts";
import { Warning } from "../lib/warning.ts";
import { Deadline, type Deadlined, type Wheel } from "../lib/wheel.ts";
import { type ClientHello, ClientHelloReader } from "../tls/client-hello.ts";
import { Alert, type AlertCode, type Chooser, type Shown } from "../tls/chooser.ts";
import { peerFault } from "../tls/peer.ts";
import { serverSocket } from "../tls/server-socket.ts";
import type { Receiver } from "./adopt.ts";
import type { ListenerCounts } from "./listener-counts.ts";

export interface Secured {
  readonly socket: TLSSocket;
  readonly facts: SecureFacts;
  /** It was agreed on; otherwise HTTP/1 is spoken. */
  readonly isHttp2: boolean;
  /** Its version and cipher are good enough for HTTP/2 (RFC 9113 section 9.2). */
  readonly isAdequate: boolean;
}

/** Called once: with the connection, or with undefined when it was closed before it was secure. */
export type SecureTaker = (secured: Secured | undefined) => void;

export interface TlsGateOptions {
  readonly listener: string;
  readonly wheel: Wheel;
  readonly handshakes: Turnstile;
  readonly counts: ListenerCounts;
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
}

/** All gates of one listener. */
export class TlsGates {
  chooser: Chooser;
  /** For the whole handshake, ms; 0 = for ever. */
  timeout: number;
  readonly options: TlsGateOptions;
  readonly waiting = new Roster<TlsGate>();
  readonly #refused: Warning;
  readonly #broken: Warning;

  constructor(options: TlsGateOptions, chooser: Chooser, timeout: number) {
    this.options = options;
    this.chooser = chooser;
    this.timeout = timeout;
    const about = { listener: options.listener };
    this.#refused = new Warning("a TLS client was refused", about, options.onProblem);
    this.#broken = new Warning("a certificate cannot be shown", about, options.onProblem);
  }

  open(socket: Socket, peer: string, take: SecureTaker): Receiver {
    const gate = new TlsGate(this, { socket, peer, take });
    this.waiting.add(gate);
    socket.on("end", () => gate.close());
    socket.on("close", () => gate.close());
    return gate;
  }

  /** Its handshake is done. */
  agreed(socket: TLSSocket): void {
    if (socket.getProtocol() === "TLSv1.3") this.options.counts.tls13++;
    else this.options.counts.tls12++;
  }

  secured(socket: TLSSocket, shown: Shown, serverName: string): Secured {
    const isHttp2 = socket.alpnProtocol === "h2";
    const facts = this.#factsOf(socket, shown.options);
    // HTTP/1 clients keep to one host for each connection. Others share it among the names they see in the certificate.
    const isUncovered =
      isHttp2 && serverName !== "" ? (host: string) => shown.covers?.(host) === false : never;
    return {
      ...{ socket, isHttp2, isAdequate: !isHttp2 || isAdequate(socket) },
      facts: { ...facts, isUncovered },
    };
  }

  #factsOf(socket: TLSSocket, { clientAuth }: TlsOptions): Omit<SecureFacts, "isUncovered"> {
    const shown = clientAuth === undefined ? undefined : socket.getPeerX509Certificate();
    return {
      clientCertificate: shown?.raw.toString("base64") ?? "",
      // A name of another connection's certificate could lead around the check that is made for it.
      isMisdirected: (host) => {
        const wanted = this.chooser.optionsFor(host).clientAuth;
        return wanted !== undefined && !isSameCheck(wanted, clientAuth);
      },
    };
  }

  refused(peer: string, why: string): void {
    this.options.counts.handshakesFailed++;
    this.#refused.raise({ peer, code: "TLS_REFUSED", why });
  }

  broken(name: string, error: unknown): void {
    const cause = error instanceof Error ? error.message : String(error);
    this.#broken.raise({ name, cause });
  }

  closeAll(): void {
    for (const gate of this.waiting.all()) gate.close();
  }
}

interface Incoming {
  readonly socket: Socket;
  readonly peer: string;
  readonly take: SecureTaker;
}

class TlsGate implements Receiver, Deadlined, Rostered {
  place = -1;
  readonly #gates: TlsGates;
  readonly #deadline: Deadline;
  readonly #kept = new KeptBytes();
  /** undefined once its TLS has begun: bytes go there by themselves. */
  #reader: ClientHelloReader | undefined = new ClientHelloReader();
  /** undefined once it was let through or closed. */
  #incoming: Incoming | undefined;
  #secure: TLSSocket | undefined;

  constructor(gates: TlsGates, incoming: Incoming) {
    this.#gates = gates;
    this.#incoming = incoming;
    this.#deadline = new Deadline(this);
    gates.options.wheel.arm(this.#deadline, gates.timeout);
  }

  onBytes(buffer: Buffer, start: number, end: number): void {
    if (this.#reader === undefined || this.#incoming === undefined) return;
    this.#kept.add(buffer, start, end);
    const reading = this.#reader.push(buffer, start, end);
    switch (reading.kind) {
      case "more":
        break;
      case "hello":
        this.#greet(reading.hello);
        break;
      case "not-tls":
        this.#correct();
        break;
      case "bad":
        this.#refuse(Alert.DECODE_ERROR, reading.why);
        break;
    }
  }

  #greet(hello: ClientHello): void {
    this.#reader = undefined;
    const isIn = this.#gates.options.handshakes.pass(() => this.#begin(hello));
    if (!isIn) this.#refuse(Alert.INTERNAL_ERROR, "too many handshakes wait");
    // Nothing more is read until it is its turn.
    else if (this.#secure === undefined) this.#incoming?.socket.pause();
  }

  #begin(hello: ClientHello): void {
    if (this.#incoming === undefined) return;
    try {
      const shown = this.#gates.chooser.choose(hello);
      if ("alert" in shown) this.#refuse(shown.alert, shown.why);
      else this.#shake(shown, hello.serverName);
    } catch (error) {
      this.#gates.broken(hello.serverName, error);
      this.#sayAlert(Alert.INTERNAL_ERROR);
    }
  }

  #shake(shown: Shown, serverName: string): void {
    const { socket, peer } = this.#incoming!;
    const { options, protocols, isChallenge } = shown;
    const secure = serverSocket(socket, shown, Buffer.from(this.#kept.bytes), protocols);
    this.#kept.clear();
    this.#secure = secure;
    secure.on("error", (error) => this.#fail(error));
    secure.on("end", () => this.close());
    secure.on("close", () => this.close());
    secure.once("secure", () => {
      if (isChallenge) {
        secure.end();
        return;
      }
      const fault =
        options.clientAuth === undefined ? undefined : peerFault(secure, options.clientAuth);
      if (fault !== undefined) {
        this.#gates.refused(peer, fault);
        this.close();
        return;
      }
      this.#gates.agreed(secure);
      this.#leave()?.take(this.#gates.secured(secure, shown, serverName));
    });
  }

  #fail(error: Error): void {
    const incoming = this.#incoming;
    // Once it was let through, its 'close' follows and says all that matters. Who goes away says nothing either.
    if (incoming === undefined) return;
    const code = "code" in error ? String(error.code) : "";
    // What OpenSSL says, without the places in its source.
    const why = "reason" in error ? String(error.reason) : error.message;
    if (code !== "ECONNRESET" && code !== "EPIPE") this.#gates.refused(incoming.peer, why);
    this.close();
  }

  /** RFC 9110 has no way to say it but an answer in the clear. */
  #correct(): void {
    const body = "This port speaks TLS: ask for https://\n";
    const head = `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
    const incoming = this.#leave();
    incoming?.socket.end(head + body, "latin1", () => incoming.socket.destroySoon());
    incoming?.take(undefined);
  }

  #refuse(alert: AlertCode, why: string): void {
    if (this.#incoming !== undefined) this.#gates.refused(this.#incoming.peer, why);
    this.#sayAlert(alert);
  }

  #sayAlert(alert: AlertCode): void {
    const incoming = this.#leave();
    // A record (RFC 8446 section 5.1) with a fatal alert, before there is any key.
    incoming?.socket.end(Buffer.from([21, 3, 3, 0, 2, 2, alert]));
    incoming?.socket.destroySoon();
    incoming?.take(undefined);
  }

  onDeadline(): void {
    if (this.#incoming !== undefined && (this.#kept.length > 0 || this.#secure !== undefined)) {
      this.#gates.refused(this.#incoming.peer, "its handshake did not end in time");
    }
    this.close();
  }

  /** Without effect once the connection was let through. */
  close(): void {
    const incoming = this.#leave();
    this.#secureIfWaiting(incoming)?.destroy();
    incoming?.socket.destroy();
    incoming?.take(undefined);
  }

  #secureIfWaiting(incoming: Incoming | undefined): TLSSocket | undefined {
    return incoming === undefined ? undefined : this.#secure;
  }

  #leave(): Incoming | undefined {
    const incoming = this.#incoming;
    this.#incoming = undefined;
    this.#reader = undefined;
    this.#gates.options.wheel.release(this.#deadline);
    this.#gates.waiting.delete(this);
    return incoming;
  }
}

function never(): boolean {
  return false;
}

/** RFC 9113 section 9.2.2: with TLS 1.2 a key of its own for each connection, and an AEAD. */
function isAdequate(socket: TLSSocket): boolean {
  const { name, version } = socket.getCipher();
  if (version === "TLSv1.3") return true;
  return version === "TLSv1.2" && /^ECDHE-.*(GCM|CHACHA20)/.test(name);
}

/** Snapshots come and go while a connection lasts. */
function isSameCheck(wanted: ClientAuth, made: ClientAuth | undefined): boolean {
  return wanted === made || isDeepStrictEqual(wanted, made);
}
