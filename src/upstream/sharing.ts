// Whether a FastCGI program can have several requests on one connection, asked once, and the connections on which it has.

import type { Socket } from "node:net";

import { maxSharedRequests, valuesTimeout } from "../config/gateway-limits.ts";
import { Deadline, type Deadlined } from "../lib/wheel.ts";
import type { BackendConnection } from "./backend-connection.ts";
import { FastcgiConnection } from "./fastcgi-connection.ts";
import type { UpstreamOptions } from "./live-backend.ts";
import type { Pool, PoolTicket, Waiter } from "./pool.ts";
import type { LeaseOwner, Places } from "./pooled.ts";
import { SharedLink } from "./shared-link.ts";

const question = ["FCGI_MPXS_CONNS", "FCGI_MAX_REQS"];

export class Sharing implements Waiter<BackendConnection>, Places<BackendConnection>, Deadlined {
  /** Who reads slowly there holds up the others: a connection of one's own is better. */
  readonly isFirst = false;
  readonly isHopeless = false;
  ticket: PoolTicket<BackendConnection> | null = null;
  /** Requests at once on one connection. */
  perLink = 1;
  readonly #pool: Pool<BackendConnection>;
  readonly #options: UpstreamOptions;
  readonly #connectMs: number;
  readonly #links = new Set<SharedLink>();
  readonly #deadline = new Deadline(this);
  #asking: BackendConnection | undefined;
  #isAsked = false;

  constructor(pool: Pool<BackendConnection>, options: UpstreamOptions, connectMs = valuesTimeout) {
    this.#pool = pool;
    this.#options = options;
    this.#connectMs = connectMs;
  }

  /** A place on a connection that has one. */
  take(): BackendConnection | undefined {
    for (const link of this.#links) {
      const request = link.open();
      if (request !== undefined) return request;
    }
    return undefined;
  }

  /** Whether it takes several at once is known only when one is open. */
  roomSoon(): number {
    return 0;
  }

  /** A new connection, where requests share one; undefined = they do not. */
  adopt(
    socket: Socket,
    address: string,
    owner: LeaseOwner<BackendConnection>,
  ): BackendConnection | undefined {
    if (!this.#isAsked) this.#ask();
    if (this.perLink < 2) return undefined;
    const { wheel, limits } = this.#options;
    const link = new SharedLink({ socket, address, owner, wheel, limits, sharing: this });
    this.#links.add(link);
    return link.first;
  }

  drop(link: SharedLink): void {
    this.#links.delete(link);
  }

  /** One of the connections has a place again. */
  onRoom(): void {
    this.#pool.onRoom();
  }

  // --- asking --------------------------------------------------------------------------------------

  /** On a connection of its own: PHP closes one on which it was asked. */
  #ask(): void {
    this.#isAsked = true;
    this.#pool.open(this, this.#connectMs);
  }

  onLease(connection: BackendConnection): void {
    this.#asking = connection;
    if (!(connection instanceof FastcgiConnection)) return connection.destroy();
    this.#options.wheel.arm(this.#deadline, valuesTimeout);
    connection.askValues(question, (values) => {
      this.#options.wheel.release(this.#deadline);
      if (values?.get("FCGI_MPXS_CONNS") !== "1") return;
      const most = Number(values.get("FCGI_MAX_REQS") ?? maxSharedRequests);
      this.perLink = most >= 2 ? Math.min(most, maxSharedRequests) : 1;
    });
  }

  onDeadline(): void {
    this.#asking?.destroy();
  }

  /** The next connection asks again. */
  onNoLease(): void {
    this.#isAsked = false;
  }

  /** It goes. */
  cancel(): void {
    this.#pool.cancel(this);
    this.#asking?.destroy();
  }
}
