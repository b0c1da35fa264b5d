// What a client connection needs from the rest of the program, and what it is allowed.

import type { FailureCode } from "../http/errors.ts";
import type { ClientSide, Exchange } from "../http/exchange.ts";
import type { HeadLimits } from "../http/request-head.ts";
import type { Wheel } from "../lib/wheel.ts";

/** What the connection asks of the rest of the program. */
export interface ExchangeHandler<P> {
  /** A request's head is here. Sets `exchange.sink` unless it answers at once. */
  begin(exchange: Exchange<P>): void;
  /** A request that cannot be understood, or did not come: answers it where that is possible. */
  refuse(exchange: Exchange<P>, code: FailureCode): void;
  /** The exchange is over, in whatever way: write it down. Called once. */
  end(exchange: Exchange<P>): void;
}

/** Shared by all connections of a listener; replaced as a whole when the configuration changes. */
export interface ConnectionSettings {
  readonly limits: HeadLimits & { readonly trailerBytes: number };
  readonly headTimeout: number;
  readonly idleTimeout: number;
}

export interface ConnectionContext<P> {
  settings: ConnectionSettings;
  readonly handler: ExchangeHandler<P>;
  readonly wheel: Wheel;
  /** No more requests after the running one. */
  isDraining: boolean;
  onClosed(connection: ClientSide): void;
}
