// `workers: 0`: the primary's own process serves. For embedding and development: what would replace a worker
// has nobody to replace here.

import { type Counts, noCounts, type WorkerRow } from "../admin/operations.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";
import type { BoundAddress, ListeningSocket } from "../listen/listening-socket.ts";
import { DataPlane } from "./data-plane.ts";
import { HeldSockets, type Inherited } from "./held-sockets.ts";
import type { AddressWish, SocketSource } from "./ports.ts";
import type { Serving } from "./serving.ts";

export interface SoloOptions {
  readonly log: Log;
  readonly inherited: readonly Inherited[];
  /** The first addresses are open: what they needed rights for can be given up. */
  onOpened(): void;
}

export class Solo implements Serving, SocketSource {
  readonly #log: Log;
  readonly #sockets: HeldSockets;
  readonly #onOpened: () => void;
  #plane: DataPlane | undefined;

  /** Throws when an inherited socket cannot be used. */
  constructor({ log, inherited, onOpened }: SoloOptions) {
    this.#log = log;
    this.#onOpened = onOpened;
    this.#sockets = new HeldSockets(inherited, { warn: (message) => log.warn(message) });
  }

  async socketsOf(wish: AddressWish): Promise<readonly ListeningSocket[]> {
    const held = await this.#sockets.open([wish], 1, false);
    return held.map(({ socket }) => socket);
  }

  async apply(snapshot: Snapshot): Promise<void> {
    try {
      if (this.#plane === undefined) {
        this.#plane = await DataPlane.start(snapshot, { log: this.#log, sockets: this });
        this.#onOpened();
      } else {
        await this.#plane.apply(snapshot);
      }
    } finally {
      this.#sockets.forget([...(this.#plane?.addressKeys ?? [])]);
    }
  }

  get bound(): Readonly<Record<string, readonly BoundAddress[]>> {
    return this.#plane?.bound ?? {};
  }

  get rows(): readonly WorkerRow[] {
    return [];
  }

  get wanted(): number {
    return 0;
  }

  get counts(): Counts {
    return this.#plane?.counts ?? noCounts;
  }

  get memory(): number {
    return 0;
  }

  reopenLogs(): void {
    this.#plane?.reopenLogs();
  }

  async end(signal: AbortSignal): Promise<void> {
    const plane = this.#plane;
    if (plane === undefined) return;
    const { grace, tunnelGrace } = plane.snapshot.shutdown;
    await plane.drain({ grace, tunnelGrace, isPatient: false, signal });
  }

  hurry(): void {}

  retire(signal: AbortSignal): Promise<void> {
    return this.end(signal);
  }
}
