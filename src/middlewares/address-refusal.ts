// What somebody gets who may not come from where they are.

import type { Exchange } from "../http/exchange.ts";
import type { Verdict } from "./middleware.ts";

/** @param status 0 = the connection is closed; 404 = as if nothing were there */
export function refusedAddress(exchange: Exchange, status: 403 | 404 | 0): Verdict {
  // So the log says why, whatever the client is told.
  exchange.failure ??= "ADDRESS_DENIED";
  if (status === 404) return { failure: "NO_ROUTE" };
  if (status === 0) exchange.client.abort();
  return { failure: "ADDRESS_DENIED" };
}
