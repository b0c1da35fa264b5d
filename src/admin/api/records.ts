// Whole requests with their answers, recorded on request. What they say may be anything, so only administrators see
// bodies; and what lets somebody in is left out unless it is asked for.

import * as z from "zod";
import { recording as limits } from "../../config/traffic-limits.ts";
import { curlOf } from "../../traffic/curl.ts";
import { harOf } from "../../traffic/har.ts";
import { programVersion } from "../../lib/version.ts";
import { type Endpoint, endpoint, jsonBody, noBody, noQuery } from "./endpoint.ts";
import { done, refused, type Reply } from "./reply.ts";
import { name, outcome } from "./schemas.ts";

const tag = "traffic";
const role = "admin";

const row = name(
  "Record",
  z.object({
    id: z.string(),
    route: z.string(),
    by: z.string(),
    since: z.string().meta({ format: "date-time" }),
    state: z.enum(["recording", "done"]),
    ended: z.string().meta({ description: 'Why it ended; "" = it has not.' }),
    exchanges: z.int(),
    bytes: z.int(),
    count: z.int(),
    body: z.int(),
    time: z.int(),
    withSecrets: z.boolean(),
  }),
);

const wish = z.strictObject({
  route: z.string().min(1).max(300),
  count: z.int().min(1).max(limits.mostCount).default(limits.count),
  body: z.int().min(0).max(limits.mostBody).default(limits.body).meta({
    description: "Bytes that are kept of each body.",
  }),
  time: z.int().min(1000).max(limits.mostTime).default(limits.time).meta({
    description: "When it ends at the latest, ms.",
  }),
  withSecrets: z.boolean().default(false).meta({
    description: "Keep cookies, credentials and the like, too.",
  }),
});

function missing(id: string): Reply {
  return refused(404, { detail: `there is no record ${id}; GET /v1/records lists them` });
}

export const recordEndpoints: readonly Endpoint[] = [
  endpoint({
    method: "get",
    path: "/v1/records",
    ...{ tag, id: "records", role, query: noQuery, body: noBody },
    summary: "Records of whole requests",
    answer: { description: "The oldest first.", schema: z.array(row) },
    run: ({ operations }) => done(operations.traffic.records.rows()),
  }),
  endpoint({
    method: "post",
    path: "/v1/records",
    ...{ tag, id: "start_record", role, query: noQuery, body: jsonBody(wish) },
    summary: "Record the next requests of a route, with their answers",
    description: `It ends by itself. All are kept in memory: at most ${limits.records} records of ${limits.bytes / 1024 ** 2} MiB.`,
    answer: { status: 201, description: "It records.", schema: row },
    refusals: [409],
    async run({ operations, caller, body }) {
      const started = operations.traffic.records.start(body, caller.by);
      if (typeof started === "string") return refused(409, { detail: started });
      const secrets = body.withSecrets ? " with secrets" : "";
      return { status: 201, body: started, done: { what: `record route ${body.route}${secrets}` } };
    },
  }),
  endpoint({
    method: "get",
    path: "/v1/records/{id}",
    ...{ tag, id: "record", role, body: noBody },
    summary: "What was recorded",
    query: z.strictObject({
      format: z
        .enum(["json", "har", "curl"], "must be json, har or curl")
        .optional()
        .meta({ description: "`har` is HAR 1.2 as browsers read it, in JSON as well." }),
    }),
    answer: {
      description: "JSON; with `format=curl` a list of commands for a shell.",
      schema: z.unknown(),
    },
    refusals: [404],
    run({ operations, params, query }) {
      const { id = "" } = params;
      const { records } = operations.traffic;
      const exchanges = records.exchanges(id);
      if (exchanges === undefined) return missing(id);
      switch (query.format) {
        case "har":
          return done(harOf(exchanges, programVersion()));
        case "curl":
          return done(exchanges.map(curlOf));
        default:
          return done({ record: records.row(id), exchanges });
      }
    },
  }),
  endpoint({
    method: "post",
    path: "/v1/records/{id}/end",
    ...{ tag, id: "end_record", role, query: noQuery, body: noBody },
    summary: "End a record; what it has stays",
    answer: { description: "It is done.", schema: outcome },
    refusals: [404],
    run({ operations, params }) {
      const { id = "" } = params;
      if (!operations.traffic.records.end(id)) return missing(id);
      const body = { ok: true, message: `record ${id} is done` };
      return { status: 200, body, done: { what: `end record ${id}` } };
    },
  }),
  endpoint({
    method: "delete",
    path: "/v1/records/{id}",
    ...{ tag, id: "delete_record", role, query: noQuery, body: noBody },
    summary: "Delete a record",
    answer: { description: "It is gone.", schema: outcome },
    refusals: [404],
    run({ operations, params }) {
      const { id = "" } = params;
      if (!operations.traffic.records.remove(id)) return missing(id);
      const body = { ok: true, message: `record ${id} is gone` };
      return { status: 200, body, done: { what: `delete record ${id}` } };
    },
  }),
];
