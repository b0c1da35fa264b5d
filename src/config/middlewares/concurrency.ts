// Settings of `concurrency`.

import * as z from "zod";
import { formatDuration } from "../../lib/duration.ts";
import { concurrencyLimits as limits } from "../limit-limits.ts";
import { duration, integer, key, mapping, mustBe, networks } from "../scalar.ts";
import { define, places } from "./definition.ts";
import { type ByInput, byKeys, partsOf } from "./limit-by.ts";
import type { ConcurrencyUse } from "./uses/limit.ts";

const remedy = "write 100, or { limit: 100, by: address, queue: 50 }";
const limit = integer(1, limits.most);

const settings = z.union(
  [
    limit.transform((most): Written => ({ limit: most })),
    mapping({
      limit: limit.meta({ description: "Requests that may run at once." }),
      ...byKeys("all"),
      scope: key(
        z.enum(["worker", "host"], { error: mustBe({ what: "worker or host" }) }),
        "Who counts together: each worker for itself, or all workers of this program.",
        "host",
      ),
      queue: key(
        integer(0, limits.mostQueue),
        "Requests that may wait for a place, in each worker.",
        0,
      ),
      queueTime: key(
        duration(1, limits.mostQueueTime),
        "Longest wait for a place.",
        formatDuration(limits.queueTime),
      ),
      exempt: key(networks(), "Networks that are not limited."),
      status: key(integer(400, 599), "Status of the refusal.", 503),
    }),
  ],
  { error: mustBe({ what: "a number or a mapping", remedy }) },
);

export interface Written extends ByInput {
  readonly limit: number;
  readonly scope?: ConcurrencyUse["scope"] | undefined;
  readonly queue?: number | undefined;
  readonly queueTime?: number | undefined;
  readonly exempt?: readonly string[] | undefined;
  readonly status?: number | undefined;
}

export const concurrency = define({
  kind: "concurrency",
  summary: "So many requests at once; others wait in a queue, or are refused.",
  settings,
  place: places.limit + 10,
  resolve(input: Written): ConcurrencyUse {
    return {
      kind: "concurrency",
      limit: input.limit,
      by: partsOf(input, "all"),
      scope: input.scope ?? "host",
      queue: input.queue ?? 0,
      queueTime: input.queueTime ?? limits.queueTime,
      exempt: input.exempt ?? [],
      status: input.status ?? 503,
    };
  },
});
