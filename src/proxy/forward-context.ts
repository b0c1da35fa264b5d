// What carrying an exchange to a backend needs of the process that it happens in.

import type { Exchange } from "../http/exchange.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { CopyContext } from "./copies.ts";

/** What a forward needs besides its exchange and plan. */
export interface ForwardContext extends CopyContext {
  readonly wheel: Wheel;
  /** Also send RFC 7239 `Forwarded`. */
  readonly withForwarded: boolean;
  /** A failed answer waits until the other workers know of the dead backend. */
  readonly holdsFailures: boolean;
  /** The client asked for X-Debug-* and may have them. */
  isDebugAllowed(exchange: Exchange): boolean;
  /** A file that a program named cannot be given. */
  onFileTrouble(service: string, cause: string): void;
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
}
