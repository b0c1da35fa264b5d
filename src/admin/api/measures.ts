// Numbers of what runs: once, as a stream for who looks on, and as Prometheus reads them.

import * as z from "zod";
import { measureLimits as limits } from "../../config/metrics-limits.ts";
import { measured } from "../measures.ts";
import { type Endpoint, endpoint, noBody, noQuery } from "./endpoint.ts";
import { measuresStream } from "./measures-stream.ts";
import { done, refused } from "./reply.ts";
import { number } from "./schemas.ts";

const tag = "state";
const limit = number(
  `Routes, services and backends to show, of each at most ${limits.mostRows}; usually ${limits.rows}.`,
);

export const measureEndpoints: readonly Endpoint[] = [
  endpoint({
    method: "get",
    path: "/v1/measures",
    ...{ tag, id: "measures", role: "read", body: noBody },
    summary: "How much is asked, how fast it is answered, and what fails",
    description: "Rates of rows are of the last five to ten seconds.",
    query: z.strictObject({
      limit,
      history: number(`Seconds of the history, at most ${limits.history}; usually all.`),
    }),
    answer: { description: "Sums, rates and the busiest rows.", schema: measured },
    run({ operations, query }) {
      const { limit: rows = limits.rows, history = limits.history } = query;
      const wish = { rows: rowsOf(rows), history: Math.min(history, limits.history) };
      return done(operations.measures.now(wish));
    },
  }),
  endpoint({
    method: "get",
    path: "/v1/live",
    ...{ tag, id: "live", role: "read", body: noBody },
    summary: "The same every second, until the client goes",
    description:
      "Server-sent events of the type `measures`, each with the last second for a history. Who does not read is cut off.",
    query: z.strictObject({ limit }),
    refusals: [503],
    answer: { description: "Events.", type: "text/event-stream" },
    run({ operations, query, closing, isHead, drop, keepOpen }) {
      const type = "text/event-stream";
      const headers = { "Cache-Control": "no-cache" };
      if (isHead) return { status: 200, body: "", type, headers };
      const rows = rowsOf(query.limit ?? limits.rows);
      const body = measuresStream(operations.measures, { rows, closing, drop });
      if (body === undefined) {
        const detail = `${limits.followers} look on already; ask /v1/measures, or come again`;
        return refused(503, { detail });
      }
      keepOpen();
      return { status: 200, body, type, headers };
    },
  }),
  endpoint({
    method: "get",
    path: "/metrics",
    ...{ tag, id: "metrics", role: "read", query: noQuery, body: noBody },
    summary: "All numbers, as Prometheus reads them",
    description: "Text format 0.0.4. docs/reference/metrics.md explains each.",
    answer: { description: "Metrics.", type: "text/plain; version=0.0.4; charset=utf-8" },
    async run({ operations }) {
      const type = "text/plain; version=0.0.4; charset=utf-8";
      return { status: 200, body: await operations.measures.exposition(), type };
    },
  }),
];

function rowsOf(limit: number): number {
  return Math.min(limit, limits.mostRows);
}
