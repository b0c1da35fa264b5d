// A UDP listener: finds the session a datagram belongs to, or begins one. Senders of UDP can claim any
// address, so sessions are limited, in all and for each address; when there are too many, new ones are
// turned away, and nobody who is served loses anything to a stranger.

import type { Listener as ListenerSettings } from "../config/snapshot.ts";
import { Roster } from "../lib/roster.ts";
import { Warning } from "../lib/warning.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { Destination } from "../upstream/destination.ts";
import type { LiveBackend } from "../upstream/live-backend.ts";
import { BackendPlace } from "./backend-place.ts";
import {
  type AnswerPath,
  DatagramSession,
  type SessionOwner,
  type SessionRecord,
} from "./datagram-session.ts";

export interface DatagramListenerOptions {
  readonly settings: ListenerSettings;
  readonly destination: Destination;
  readonly wheel: Wheel;
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
  /** Called once for each session that a backend was chosen for, when it is over. */
  onEnd?(record: SessionRecord): void;
}

/** Datagrams of all sessions that wait for the name of a backend to be looked up, bytes. */
const maxKeptBytes = 1024 * 1024;

/** Sessions by port, of one address. */
type Sessions = Map<number, DatagramSession>;

export class DatagramListener implements SessionOwner {
  readonly name: string;
  readonly wheel: Wheel;
  destination: Destination;
  isDraining = false;
  #settings: ListenerSettings;
  readonly #options: DatagramListenerOptions;
  readonly #all = new Roster<DatagramSession>();
  readonly #byPath = new Map<AnswerPath, Map<string, Sessions>>();
  readonly #places = new WeakMap<LiveBackend, BackendPlace>();
  #keptBytes = 0;
  readonly #tooMany: Warning;
  readonly #nobody: Warning;
  readonly #trouble: Warning;
  readonly #failed: Warning;

  constructor(options: DatagramListenerOptions) {
    const { settings, destination, wheel, onProblem } = options;
    this.name = settings.name;
    this.wheel = wheel;
    this.destination = destination;
    this.#settings = settings;
    this.#options = options;
    const about = { listener: settings.name };
    this.#tooMany = new Warning(
      "too many sessions: a datagram of a new client was dropped",
      about,
      onProblem,
    );
    this.#nobody = new Warning("a datagram was dropped: no backend can be used", about, onProblem);
    this.#trouble = new Warning("a session could not be opened", about, onProblem);
    this.#failed = new Warning("a datagram could not be received", about, onProblem);
  }

  get idle(): number {
    return this.#settings.datagrams.idle;
  }

  get sessionCount(): number {
    return this.#all.size;
  }

  // --- datagrams ---------------------------------------------------------------------------------

  onDatagram(bytes: Buffer, address: string, port: number, path: AnswerPath): void {
    const known = this.#byPath.get(path)?.get(address)?.get(port);
    if (known !== undefined) known.pass(bytes);
    else this.#begin(path, address, port)?.pass(bytes);
  }

  #begin(path: AnswerPath, address: string, port: number): DatagramSession | undefined {
    // Nobody can be answered at port 0.
    if (this.isDraining || port === 0) return undefined;
    const { sessions, sessionsPerAddress } = this.#settings.datagrams;
    const isFull = this.#all.size >= sessions || this.#countOf(address) >= sessionsPerAddress;
    if (isFull) {
      this.#tooMany.raise({ address, sessions: String(this.#all.size) });
      return undefined;
    }
    const session = new DatagramSession(this, path, address, port);
    this.#all.add(session);
    let byAddress = this.#byPath.get(path);
    if (byAddress === undefined) this.#byPath.set(path, (byAddress = new Map()));
    let byPort = byAddress.get(address);
    if (byPort === undefined) byAddress.set(address, (byPort = new Map()));
    byPort.set(port, session);
    return session;
  }

  #countOf(address: string): number {
    let count = 0;
    for (const byAddress of this.#byPath.values()) count += byAddress.get(address)?.size ?? 0;
    return count;
  }

  onReceiveFailed(error: Error): void {
    this.#failed.raise({ cause: error.message });
  }

  /** An address is closed for good: nobody can be answered from there. */
  onPortClosed(path: AnswerPath): void {
    for (const session of this.#all.all()) if (session.path === path) session.end();
  }

  // --- for its sessions --------------------------------------------------------------------------

  placeOf(backend: LiveBackend): BackendPlace {
    let place = this.#places.get(backend);
    if (place === undefined) {
      place = BackendPlace.of(backend.backend);
      this.#places.set(backend, place);
    }
    return place;
  }

  mayKeep(bytes: number): boolean {
    if (this.#keptBytes + bytes > maxKeptBytes) return false;
    this.#keptBytes += bytes;
    return true;
  }

  unkeep(bytes: number): void {
    this.#keptBytes -= bytes;
  }

  onNoBackend({ clientIp }: DatagramSession): void {
    this.#nobody.raise({ address: clientIp, service: this.destination.name });
  }

  onTrouble(error: Error): void {
    this.#trouble.raise({ cause: error.message });
  }

  onEnded(session: DatagramSession): void {
    const { path, address, port } = session;
    this.#all.delete(session);
    const byAddress = this.#byPath.get(path);
    const byPort = byAddress?.get(address);
    byPort?.delete(port);
    if (byPort?.size === 0) byAddress?.delete(address);
    if (byAddress?.size === 0) this.#byPath.delete(path);
    // Anybody can send datagrams to a service that is down: not a line for each, but the warning.
    if (session.wasCarried) this.#options.onEnd?.(session.record);
  }

  // --- changes and the end -----------------------------------------------------------------------

  /** Sessions go on, but for those whose backend is no longer configured. */
  update(settings: ListenerSettings, destination: Destination): void {
    this.#settings = settings;
    this.destination = destination;
    for (const session of this.#all.all()) session.revise();
  }

  /** Nothing new comes here any more: sessions end as soon as they are answered. */
  drain(): void {
    this.isDraining = true;
    for (const session of this.#all.all()) session.drain();
  }

  /** Ends what is left. */
  cut(): void {
    for (const session of this.#all.all()) session.end();
  }
}
