// What answering from a cache needs of the process that it happens in.

import type { Exchange } from "../http/exchange.ts";
import type { Caches } from "./caches.ts";
import type { FillContext } from "./filling.ts";
import type { Plan } from "./plan.ts";

export interface CacheContext extends FillContext {
  readonly caches: Caches;
  /** To its backend, past the cache. */
  pass(exchange: Exchange<Plan>, plan: Plan): void;
}
