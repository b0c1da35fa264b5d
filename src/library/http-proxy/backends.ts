// Connections to targets. Each request may name another one: who is asked again finds its connections kept, and who is not
// asked for a while is forgotten.

import { createSecureContext } from "node:tls";

import { defaultBackendTls } from "../../config/backend-tls-limits.ts";
import { httpProxyLimits, httpProxyPool } from "../../config/http-proxy-limits.ts";
import { defaultLimits } from "../../config/limits.ts";
import type { Backend, BackendTls, PoolSettings } from "../../config/service.ts";
import { Guests } from "../../guest/guests.ts";
import { Tally } from "../../lib/tally.ts";
import { Wheel } from "../../lib/wheel.ts";
import type { BackendConnection } from "../../upstream/backend-connection.ts";
import { Caps } from "../../upstream/caps.ts";
import { UpstreamConnection } from "../../upstream/http1.ts";
import { Pool } from "../../upstream/pool.ts";
import type { Place } from "./options.ts";

export interface BackendOptions {
  /** Its certificate has to be good. */
  readonly verify: boolean;
  /** PEM; undefined = the target's, or the system's. */
  readonly ca: string | undefined;
  /** Connections are kept for the next request. */
  readonly keeps: boolean;
}

interface Known {
  readonly pool: Pool<BackendConnection>;
  /** `performance.now()`. */
  used: number;
}

const responseLimits = {
  headBytes: defaultLimits.responseHeadBytes,
  headerCount: defaultLimits.headerCount,
  trailerBytes: defaultLimits.trailerBytes,
};

export class Backends {
  readonly #settings: PoolSettings;
  readonly #wheel = new Wheel(httpProxyLimits.tick);
  readonly #caps = new Caps(new Tally());
  readonly #guests = new Guests();
  /** Whoever was asked for last is last. */
  readonly #known = new Map<string, Known>();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(settings: Partial<PoolSettings>) {
    this.#settings = { ...httpProxyPool, ...settings };
  }

  get size(): number {
    return this.#known.size;
  }

  /** @throws Error when certificate or key of the target cannot be read */
  poolOf(place: Place, options: BackendOptions): Pool<BackendConnection> {
    const key = keyOf(place, options);
    const known = this.#known.get(key) ?? { pool: this.#made(key, place, options), used: 0 };
    known.used = performance.now();
    this.#known.delete(key);
    this.#known.set(key, known);
    this.#sweeper ??= setInterval(() => this.#sweep(), httpProxyLimits.sweep).unref();
    return known.pool;
  }

  #made(key: string, place: Place, { verify, ca, keeps }: BackendOptions): Pool<BackendConnection> {
    if (this.#known.size >= httpProxyLimits.targets) this.#forgetOne();
    const { cert, key: secret } = place;
    const client =
      cert === undefined || secret === undefined ? undefined : { certificate: cert, key: secret };
    const tls: BackendTls = { ...defaultBackendTls, verify, ca: ca ?? place.ca, client };
    // What cannot be read is said now, and not when there is a connection to be made.
    if (place.isSecure) createSecureContext({ ca: tls.ca, cert, key: secret });
    const settings = keeps ? this.#settings : { ...this.#settings, maxIdle: 0 };
    return new Pool<BackendConnection>({
      ...{ service: key, backend: backendOf(place), settings, tls },
      ...{ wheel: this.#wheel, caps: this.#caps, guests: this.#guests },
      ...{ bufferBytes: defaultLimits.bufferBytes, alpn: ["http/1.1"] },
      adopt: (socket, address, owner) =>
        new UpstreamConnection(socket, address, owner, this.#wheel, responseLimits),
    });
  }

  /** Whoever was not asked for longest. While all are busy there are more: requests bound them then. */
  #forgetOne(): void {
    for (const [key, known] of this.#known) if (this.#forget(key, known)) return;
  }

  #forget(key: string, { pool }: Known): boolean {
    if (pool.busyCount > 0 || pool.waitingCount > 0) return false;
    pool[Symbol.dispose]();
    this.#known.delete(key);
    return true;
  }

  #sweep(): void {
    const oldest = performance.now() - httpProxyLimits.targetIdle;
    for (const [key, known] of this.#known) {
      known.pool.sweep();
      if (known.used < oldest) this.#forget(key, known);
    }
    if (this.#known.size > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }

  /** Closes what is idle; what is in use ends with its request. */
  close(): void {
    for (const { pool } of this.#known.values()) pool[Symbol.dispose]();
    this.#known.clear();
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}

function keyOf(place: Place, { verify, ca, keeps }: BackendOptions): string {
  const { isSecure, host, port, socketPath, cert, key } = place;
  const where = [socketPath, host, port, keeps];
  return JSON.stringify(isSecure ? [...where, verify, ca ?? place.ca, cert, key] : where);
}

function backendOf({ isSecure, host, port, socketPath, authority }: Place): Backend {
  const address =
    socketPath === undefined
      ? ({ kind: "tcp", host, port } as const)
      : ({ kind: "unix", path: socketPath } as const);
  return {
    ...{ url: `${isSecure ? "https" : "http"}://${authority}`, protocol: "http", address },
    ...{ secure: isSecure, basePath: "", authority, weight: 1, tier: 0 },
  };
}
