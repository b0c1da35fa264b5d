// The connections to one backend on which many requests run at once, and what is known of how many it takes.

import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

import { http2BackendLimits as bounds } from "../config/http2-backend-limits.ts";
import type { Backend } from "../config/service.ts";
import type { BackendConnection } from "./backend-connection.ts";
import { Http2Link, type LinkKeeper } from "./http2-link.ts";
import type { UpstreamOptions } from "./live-backend.ts";
import type { Pool } from "./pool.ts";
import type { LeaseOwner, Places } from "./pooled.ts";

export class Multiplexing implements Places<BackendConnection>, LinkKeeper {
  readonly isFirst = true;
  /** WebSockets can be had on its connections. */
  isConnectAllowed = false;
  readonly #pool: Pool<BackendConnection>;
  readonly #options: UpstreamOptions;
  readonly #backend: Backend;
  readonly #links = new Set<Http2Link>();
  /** Its connections take many requests, as far as is known: hoped until the first is open, so that a burst waits for that one. */
  #isShared = true;
  /** Requests at once on one connection, as the last one said. */
  #perLink: number = bounds.streams;

  constructor(pool: Pool<BackendConnection>, options: UpstreamOptions, backend: Backend) {
    this.#pool = pool;
    this.#options = options;
    this.#backend = backend;
  }

  /** A new connection, where it speaks HTTP/2; undefined = it speaks HTTP/1.1. */
  adopt(
    socket: Socket,
    address: string,
    owner: LeaseOwner<BackendConnection>,
  ): BackendConnection | undefined {
    const isSecure = socket instanceof TLSSocket;
    const isHttp2 = isSecure ? socket.alpnProtocol === "h2" : this.#backend.http2 === true;
    if (!isHttp2) {
      this.#isShared = false;
      return undefined;
    }
    const { wheel, limits, bufferBytes } = this.#options;
    const own = { socket, address, isSecure, owner, wheel, limits, bufferBytes };
    const link = new Http2Link({ ...own, multiplexing: this });
    this.#links.add(link);
    return link.first ?? link.take();
  }

  take(isGone: (address: string) => boolean): BackendConnection | undefined {
    for (const link of this.#links) {
      if (link.hasRoom && !isGone(link.options.address)) return link.take();
    }
    return undefined;
  }

  roomSoon(attempts: number): number {
    if (!this.#isShared) return 0;
    let room = attempts * this.#perLink;
    for (const link of this.#links) {
      if (!link.isSettled && !link.isLost) room += this.#perLink - link.runningCount;
    }
    return room;
  }

  get isHopeless(): boolean {
    return this.#isShared && this.#links.size === 0;
  }

  learn(perLink: number, isConnectAllowed: boolean): void {
    this.#isShared = true;
    this.#perLink = Math.max(1, perLink);
    this.isConnectAllowed = isConnectAllowed;
  }

  /** A place became free. */
  onRoom(): void {
    this.#pool.onRoom();
  }

  drop(link: Http2Link): void {
    this.#links.delete(link);
    // Whatever is wrong there: nobody waits for what another one will take.
    if (!link.isSettled) this.#isShared = false;
  }
}
