// The backend's end of an upgraded connection, as a stream: what listeners of `open` get, and what is piped to the client.

import { Duplex } from "node:stream";
import type { BackendConnection } from "../../upstream/backend-connection.ts";

export class TunnelStream extends Duplex {
  readonly #connection: BackendConnection;
  #onDrained: (() => void) | undefined;

  constructor(connection: BackendConnection) {
    super({ allowHalfOpen: true, autoDestroy: true });
    this.#connection = connection;
  }

  // --- from the backend ----------------------------------------------------------------------------

  /** The bytes are only valid during the call. */
  takeBytes(buffer: Buffer, start: number, end: number): void {
    if (!this.push(Buffer.from(buffer.subarray(start, end)))) this.#connection.pause();
  }

  /** What had been held back went out. */
  drained(): void {
    const told = this.#onDrained;
    this.#onDrained = undefined;
    told?.();
  }

  // --- from whoever has it -------------------------------------------------------------------------

  override _read(): void {
    this.#connection.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#connection.writeData(chunk, 0, chunk.length, false);
    if (this.#connection.flush()) done();
    else this.#onDrained = done;
  }

  override _final(done: () => void): void {
    this.#connection.endTunnel();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (error === null) this.#connection.destroySoon();
    else this.#connection.destroy();
    done(error);
  }
}
