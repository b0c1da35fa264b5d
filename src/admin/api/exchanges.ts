// What is open now: running requests, WebSockets and other tunnels. Each can be cut.

import * as z from "zod";
import { type Endpoint, endpoint, noBody, noQuery } from "./endpoint.ts";
import { done, refused } from "./reply.ts";
import { outcome } from "./schemas.ts";

export const exchangeEndpoints: readonly Endpoint[] = [
  endpoint({
    method: "get",
    path: "/v1/exchanges",
    ...{ tag: "traffic", id: "exchanges", role: "read", query: noQuery, body: noBody },
    summary: "Requests and tunnels that are open",
    description: "Of each worker at most 1000, those that are open longest.",
    answer: {
      description: "As `tidegate traffic --open --json` prints it.",
      schema: z.array(z.record(z.string(), z.unknown())),
    },
    run: async ({ operations }) => done(await operations.traffic.open()),
  }),
  endpoint({
    method: "delete",
    path: "/v1/exchanges/{id}",
    ...{ tag: "traffic", id: "close_exchange", role: "edit", query: noQuery, body: noBody },
    summary: "Cut a request or a tunnel that is open",
    description: "The client sees a connection that ends. What it sends anew is served.",
    answer: { description: "It is closed.", schema: outcome },
    refusals: [404],
    async run({ operations, params }) {
      const { id = "" } = params;
      const { ok, message } = await operations.traffic.close(id);
      if (!ok) return refused(404, { detail: message });
      return { status: 200, body: { ok, message }, done: { what: `close exchange ${id}` } };
    },
  }),
];
