// What runs, as it is now. Nothing here changes anything.

import * as z from "zod";
import { apiLimits } from "../../config/admin-limits.ts";
import { logStream } from "../log-stream.ts";
import { type Endpoint, endpoint, noBody, noQuery } from "./endpoint.ts";
import { done } from "./reply.ts";
import { number, yesOrNo } from "./schemas.ts";

const tag = "state";
const anything = z.record(z.string(), z.unknown());
const rows = z.array(anything);

export const stateEndpoints: readonly Endpoint[] = [
  endpoint({
    method: "get",
    path: "/v1/status",
    ...{ tag, id: "status", role: "read", query: noQuery, body: noBody },
    summary: "What the program is and does",
    answer: { description: "As `tidegate status --json` prints it.", schema: anything },
    run: ({ operations }) => done(operations.status()),
  }),
  endpoint({
    method: "get",
    path: "/v1/listeners",
    ...{ tag, id: "listeners", role: "read", query: noQuery, body: noBody },
    summary: "Where clients can connect",
    answer: { description: "Listeners, with the addresses that are open.", schema: rows },
    run: ({ operations }) => done(operations.status().listeners),
  }),
  endpoint({
    method: "get",
    path: "/v1/providers",
    ...{ tag, id: "providers", role: "read", query: noQuery, body: noBody },
    summary: "Sources of routes, what they found, and what was refused",
    answer: { description: "As `tidegate discover --json` prints it.", schema: anything },
    run: ({ operations }) => done(operations.discovery()),
  }),
  endpoint({
    method: "get",
    path: "/v1/workers",
    ...{ tag, id: "workers", role: "read", query: noQuery, body: noBody },
    summary: "The processes that serve",
    answer: { description: "As `tidegate workers --json` prints it.", schema: rows },
    run: ({ operations }) => done(operations.workers()),
  }),
  endpoint({
    method: "get",
    path: "/v1/health/services",
    ...{ tag, id: "health", role: "read", query: noQuery, body: noBody },
    summary: "Services and their backends as they are now",
    answer: { description: "As `tidegate services --json` prints it.", schema: rows },
    run: async ({ operations }) => done(await operations.services()),
  }),
  endpoint({
    method: "get",
    path: "/v1/cache",
    ...{ tag, id: "cache", role: "read", query: noQuery, body: noBody },
    summary: "What the caches of routes keep",
    answer: { description: "As `tidegate cache --json` prints it.", schema: rows },
    run: async ({ operations }) => done(await operations.caches()),
  }),
  endpoint({
    method: "get",
    path: "/v1/middlewares",
    ...{ tag, id: "middlewares", role: "read", query: noQuery, body: noBody },
    summary: "All kinds of middlewares, and who uses them",
    answer: { description: "`owners` are the first of those that use it.", schema: rows },
    run: ({ operations }) => done(operations.middlewares()),
  }),
  endpoint({
    method: "get",
    path: "/v1/certificates",
    ...{ tag: "certificates", id: "certificates", role: "read", query: noQuery, body: noBody },
    summary: "All certificates and how it stands with them",
    description:
      "Those that have an `item` are asked for by that name; of several with one name it is one text.",
    answer: { description: "As `tidegate certs --json` prints it; without keys.", schema: rows },
    run: ({ operations }) => done(operations.certificates()),
  }),
  endpoint({
    method: "get",
    path: "/v1/settings",
    ...{ tag, id: "settings", role: "read", query: noQuery, body: noBody },
    summary: "What the file says beside routes and services",
    answer: { description: "As it is served, without secrets.", schema: anything },
    run: ({ operations }) => done(operations.settings()),
  }),
  endpoint({
    method: "get",
    path: "/v1/log",
    ...{ tag, id: "log", role: "read", body: noBody },
    summary: "The diagnostics log",
    query: z.strictObject({
      lines: number(`How many to begin with, at most ${apiLimits.logLines}; usually 100.`),
      follow: yesOrNo("Go on with those to come, until the program ends."),
    }),
    answer: { description: "A line of JSON each, the oldest first.", type: "application/x-ndjson" },
    run({ operations, query, closing, isHead, drop, keepOpen }) {
      const { lines = 100 } = query;
      const follow = query.follow === true && !isHead;
      if (follow) keepOpen();
      const options = { lines: Math.min(lines, apiLimits.logLines), follow, closing, drop };
      const body = logStream(operations.log, options);
      return { status: 200, body, type: "application/x-ndjson" };
    },
  }),
];
