// Two connections spliced after a 101: bytes go through as they come, each side's end is passed on, and a
// slow reader pauses its writer. Silence in both directions for too long ends it.

import type { Exchange, TunnelEnd } from "../http/exchange.ts";
import { Deadline, type Deadlined, type Wheel } from "../lib/wheel.ts";
import type { BackendConnection } from "../upstream/backend-connection.ts";

export class Tunnel implements TunnelEnd, Deadlined {
  readonly #exchange: Exchange;
  readonly #connection: BackendConnection;
  readonly #wheel: Wheel;
  readonly #idleMs: number;
  readonly #onOver: () => void;
  readonly #deadline: Deadline;
  #isClientEnded = false;
  #isBackendEnded = false;
  #isOver = false;

  /** @param onOver called once, when the backend is no longer in use */
  constructor(
    exchange: Exchange,
    connection: BackendConnection,
    { wheel, idleMs, onOver }: { wheel: Wheel; idleMs: number; onOver: () => void },
  ) {
    this.#onOver = onOver;
    this.#exchange = exchange;
    this.#connection = connection;
    this.#wheel = wheel;
    this.#idleMs = idleMs;
    this.#deadline = new Deadline(this);
    wheel.arm(this.#deadline, idleMs);
  }

  // --- from the client

  onTunnelData(buffer: Buffer, start: number, end: number): void {
    this.#wheel.arm(this.#deadline, this.#idleMs);
    this.#exchange.requestBytes += end - start;
    this.#connection.writeData(buffer, start, end, false);
    if (!this.#connection.flush()) this.#exchange.client.pauseRequest();
  }

  onTunnelEnd(): void {
    this.#isClientEnded = true;
    this.#connection.endTunnel();
    if (this.#isBackendEnded) this.#finish();
  }

  onTunnelDrain(): void {
    this.#connection.resume();
  }

  onTunnelClosed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#wheel.release(this.#deadline);
    this.#onOver();
    // The client's last words are on their way to the backend.
    this.#connection.destroySoon();
  }

  // --- from the backend

  onBackendData(buffer: Buffer, start: number, end: number): void {
    this.#wheel.arm(this.#deadline, this.#idleMs);
    this.#exchange.client.writeData(buffer, start, end);
  }

  onBackendFlush(): void {
    if (!this.#isOver && !this.#exchange.client.flush()) this.#connection.pause();
  }

  onBackendDrain(): void {
    this.#exchange.client.resumeRequest();
  }

  onBackendEnd(): void {
    this.#isBackendEnded = true;
    this.#exchange.client.endTunnel();
    if (this.#isClientEnded) this.#finish();
  }

  onBackendClosed(): void {
    this.#finish();
  }

  onDeadline(): void {
    this.#exchange.failure = "TUNNEL_TIMEOUT";
    this.#finish();
  }

  /** Nothing more comes from either side; what is on its way is still delivered. */
  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#wheel.release(this.#deadline);
    this.#onOver();
    this.#connection.destroySoon();
    this.#exchange.client.finishTunnel();
  }
}
