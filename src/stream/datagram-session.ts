// One client of a UDP listener: its address and port, and a socket of its own to the backend that was chosen
// for it, so that answers find the way back. UDP has no connections and no end: a session is over when
// nothing was heard from either side for a while. Datagrams are never sent twice; what cannot be sent is lost,
// as UDP allows, and the client asks again.

import { createSocket, type Socket } from "node:dgram";

import type { FailureCode } from "../http/errors.ts";
import { plainAddress } from "../lib/ip.ts";
import { Deadline, type Deadlined, type Wheel } from "../lib/wheel.ts";
import type { Destination } from "../upstream/destination.ts";
import type { LiveBackend } from "../upstream/live-backend.ts";
import type { LiveService } from "../upstream/live-service.ts";
import { isKeptOut } from "../upstream/maintenance.ts";
import type { Asker } from "../upstream/pooled.ts";
import type { BackendPlace } from "./backend-place.ts";

/** The address that a client's datagrams come in on, and answers go out from. */
export interface AnswerPath {
  send(bytes: Uint8Array, port: number, address: string): void;
  /** It is needed for answers: it stays open until as many have let go of it. */
  hold(): void;
  letGo(): void;
}

/** What is known of a session when it is over. */
export interface SessionRecord {
  readonly listener: string;
  readonly service: string | undefined;
  readonly backend: string | undefined;
  readonly clientIp: string;
  /** From the client, and to it. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly datagramsIn: number;
  readonly datagramsOut: number;
  readonly ms: number;
  readonly failure: FailureCode | undefined;
}

/** The listener, as its sessions see it. */
export interface SessionOwner {
  readonly name: string;
  readonly wheel: Wheel;
  readonly destination: Destination;
  /** ms; 0 = for ever. */
  readonly idle: number;
  readonly isDraining: boolean;
  placeOf(backend: LiveBackend): BackendPlace;
  /** Whether so many bytes more may be kept until a backend is there. */
  mayKeep(bytes: number): boolean;
  unkeep(bytes: number): void;
  onNoBackend(session: DatagramSession): void;
  /** It is not the backend's fault. */
  onTrouble(error: Error): void;
  onEnded(session: DatagramSession): void;
}

/** A refusal comes back within the round trip. Silence for so long is none; ms. */
const refusalMs = 1000;
/** Granted at the end of the listener to a session whose last datagram was an answer, ms. */
const answeredMs = 1000;
/** The same where an answer is due: after this most clients have asked again elsewhere, ms. */
const unansweredMs = 5000;
/** Bytes that may wait for the kernel; beyond that datagrams get lost, as in any full queue. */
const maxUnsentBytes = 256 * 1024;
/** Until the backend's address is known; more than a client sends before it hears something. */
const maxKept = 16;

/** The system refuses a socket, whoever the backend is. */
const ours = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL", "EADDRINUSE", "EAGAIN"];

export class DatagramSession implements Deadlined {
  readonly path: AnswerPath;
  /** As the socket says it, which an answer must be sent to. */
  readonly address: string;
  readonly port: number;
  /** In the listener's roster. */
  place = -1;
  readonly #owner: SessionOwner;
  readonly #asker: Asker;
  readonly #deadline: Deadline;
  readonly #startedAt: number;
  #service: LiveService | undefined;
  #backend: LiveBackend | undefined;
  #place: BackendPlace | undefined;
  /** Of the last one. */
  #url: string | undefined;
  #socket: Socket | undefined;
  #isConnected = false;
  /** `performance.now()` of the first datagram to this backend. */
  #askedAt = 0;
  #isJudged = false;
  /** The configuration has it no longer: the next datagram goes elsewhere. */
  #isObsolete = false;
  #isAnswered = false;
  /** Backends that refused; null = none. */
  #refused: LiveBackend[] | null = null;
  /** What came before the backend's address was known. */
  #kept: Buffer[] = [];
  #failure: FailureCode | undefined;
  #isOver = false;
  #bytesIn = 0;
  #bytesOut = 0;
  #datagramsIn = 0;
  #datagramsOut = 0;

  constructor(owner: SessionOwner, path: AnswerPath, address: string, port: number) {
    this.#owner = owner;
    this.path = path;
    this.address = address;
    this.port = port;
    this.#asker = askerOf(plainAddress(address));
    this.#deadline = new Deadline(this);
    this.#startedAt = performance.now();
    path.hold();
  }

  get clientIp(): string {
    return this.#asker.clientIp;
  }

  /** A datagram of the client. */
  pass(bytes: Buffer): void {
    this.#datagramsIn++;
    this.#bytesIn += bytes.length;
    this.#isAnswered = false;
    this.#arm();
    this.#lookAtBackend();
    if (this.#backend === undefined && !this.#choose()) return;
    if (this.#isConnected) this.#send(bytes);
    else this.#keep(bytes);
  }

  #arm(): void {
    const { wheel, idle, isDraining } = this.#owner;
    const rest = this.#isAnswered ? answeredMs : unansweredMs;
    const ms = !isDraining ? idle : idle === 0 ? rest : Math.min(idle, rest);
    wheel.arm(this.#deadline, ms);
  }

  // --- the backend -------------------------------------------------------------------------------

  /** Moves to another one when this one is no longer fit, and there is a better one. */
  #lookAtBackend(): void {
    const backend = this.#backend;
    if (backend === undefined) return;
    this.#judgeSilence();
    if (this.#isObsolete) {
      this.#leave();
      return;
    }
    if (!backend.isDown && !backend.isDead) return;
    const other = this.#service?.pick(this.#asker, [backend]);
    if (other === undefined || other.isDown || other.isDead) return;
    this.#leave();
  }

  /** @returns false when there is none; the session is over then */
  #choose(): boolean {
    const service = this.#owner.destination.choose(this.#asker);
    // Who asked for it knows why nobody is served: no warning.
    if (this.#isUnwanted(service)) {
      this.end();
      return false;
    }
    let backend = service.pick(this.#asker, this.#refused);
    if (backend === undefined && this.#refused !== null) {
      this.#refused = null;
      backend = service.pick(this.#asker, null);
    }
    if (backend === undefined) {
      // Whoever asks does so again by itself, and finds it started.
      service.demand?.want();
      this.#failure ??= service.absence;
      this.#owner.onNoBackend(this);
      this.end();
      return false;
    }
    this.#service = service;
    this.#backend = backend;
    this.#url = backend.url;
    this.#isObsolete = false;
    this.#isJudged = false;
    this.#askedAt = performance.now();
    backend.enter();
    this.#reach(this.#owner.placeOf(backend));
    return true;
  }

  /** The service is being worked on, or is paused, which concerns new clients only. */
  #isUnwanted(service: LiveService): boolean {
    // Whoever waits asks again by itself: a datagram is dropped, where a stream would be held.
    if (service.isPaused && !service.isDisposed && !this.wasCarried) return true;
    return [this.#owner.destination, service].some(
      ({ maintenance }) => maintenance !== undefined && isKeptOut(maintenance, this.clientIp),
    );
  }

  #reach(place: BackendPlace): void {
    this.#place = place;
    const { address } = place;
    if (address !== undefined) this.#connect(address, place.port);
    else if (place.failure !== undefined) this.#fail("NAME_NOT_FOUND");
    else void place.known().then(() => this.#onKnown(place));
  }

  #onKnown(place: BackendPlace): void {
    if (this.#place !== place || this.#socket !== undefined) return;
    const { address } = place;
    if (address === undefined) this.#fail("NAME_NOT_FOUND");
    else this.#connect(address, place.port);
  }

  #connect(address: string, port: number): void {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    this.#socket = socket;
    socket.on("message", (bytes) => this.#onAnswer(socket, bytes));
    socket.on("error", (error) => this.#onError(socket, error));
    socket.once("connect", () => this.#onConnected(socket));
    // To this address, and from no other: nobody else can answer, and a refusal is told to us.
    socket.connect(port, address);
  }

  #onConnected(socket: Socket): void {
    if (socket !== this.#socket) return;
    this.#isConnected = true;
    for (const bytes of this.#kept.splice(0)) {
      this.#owner.unkeep(bytes.length);
      this.#send(bytes);
    }
  }

  #keep(bytes: Buffer): void {
    if (this.#backend === undefined || this.#kept.length >= maxKept) return;
    if (this.#owner.mayKeep(bytes.length)) this.#kept.push(bytes);
  }

  #send(bytes: Buffer): void {
    const socket = this.#socket;
    if (socket === undefined || socket.getSendQueueSize() > maxUnsentBytes) return;
    // Without it the system's refusal of an earlier datagram, which comes with the next one, would be lost.
    socket.send(bytes, this.#onSent);
  }

  readonly #onSent = (error: Error | null): void => {
    if (error !== null && this.#socket !== undefined) this.#onError(this.#socket, error);
  };

  #onError(socket: Socket, error: Error): void {
    if (socket !== this.#socket) {
      close(socket);
      return;
    }
    const code = "code" in error ? String(error.code) : "";
    // Larger than the way to the backend takes: nothing is wrong with the backend, or with the next one.
    if (code === "EMSGSIZE") return;
    if (!ours.includes(code)) {
      this.#fail(code === "ECONNREFUSED" ? "CONNECT_REFUSED" : "CONNECT_FAILED");
      return;
    }
    this.#failure = "INTERNAL";
    this.#owner.onTrouble(error);
    this.end();
  }

  /** Nobody is there. The client's next datagram is tried elsewhere. */
  #fail(code: FailureCode): void {
    const backend = this.#backend;
    if (backend === undefined) return;
    this.#failure = code;
    this.#isJudged = true;
    this.#place?.onFailed();
    backend.connectFailed(code);
    this.#leave();
    (this.#refused ??= []).push(backend);
  }

  #onAnswer(socket: Socket, bytes: Buffer): void {
    if (socket !== this.#socket) return;
    this.#datagramsOut++;
    this.#bytesOut += bytes.length;
    this.#isAnswered = true;
    this.#failure = undefined;
    if (this.#place !== undefined) this.#place.hasAnswered = true;
    this.#judge();
    this.#arm();
    this.path.send(bytes, this.port, this.address);
  }

  #judge(): void {
    if (this.#isJudged || this.#backend === undefined) return;
    this.#isJudged = true;
    this.#backend.judge(true, performance.now() - this.#askedAt, "");
    this.#service?.demand?.met();
  }

  /** Where nobody has ever answered, as with logs, that there was no refusal is all that can be known. */
  #judgeSilence(): void {
    if (this.#isJudged || this.#place === undefined || this.#place.hasAnswered) return;
    if (performance.now() - this.#askedAt >= refusalMs) this.#judge();
  }

  #leave(): void {
    const backend = this.#backend;
    if (backend === undefined) return;
    this.#judgeSilence();
    this.#backend = undefined;
    this.#place = undefined;
    this.#isConnected = false;
    for (const bytes of this.#kept.splice(0)) this.#owner.unkeep(bytes.length);
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) close(socket);
    backend.leave();
  }

  /** The configuration has changed: a backend that is gone gets no more, though its answers are passed on. */
  revise(): void {
    const { destination } = this.#owner;
    const [service, backend] = [this.#service, this.#backend];
    if (service === undefined || backend === undefined) return;
    this.#isObsolete =
      service.isDisposed || !destination.contains(service) || !service.backends.includes(backend);
  }

  // --- the end -----------------------------------------------------------------------------------

  /** No more datagrams of the client come here: waits for what may still be answered. */
  drain(): void {
    this.#arm();
  }

  onDeadline(): void {
    this.end();
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.wheel.release(this.#deadline);
    this.#leave();
    this.path.letGo();
    this.#owner.onEnded(this);
  }

  /** A backend was chosen for it at some time. */
  get wasCarried(): boolean {
    return this.#url !== undefined;
  }

  get record(): SessionRecord {
    return {
      listener: this.#owner.name,
      service: this.#service?.name,
      backend: this.#url,
      clientIp: this.clientIp,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      datagramsIn: this.#datagramsIn,
      datagramsOut: this.#datagramsOut,
      ms: performance.now() - this.#startedAt,
      failure: this.#failure,
    };
  }
}

function askerOf(clientIp: string): Asker {
  return { clientIp, path: "", query: "", header: nothing };
}

function nothing(): undefined {}

/** It may be closed already, by an error that came late. */
function close(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // closed before
  }
}
