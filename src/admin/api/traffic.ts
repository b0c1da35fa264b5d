// Requests as they end, and those that stood out; by any of what one may look for.

import * as z from "zod";
import { watching } from "../../config/traffic-limits.ts";
import { parseDuration } from "../../lib/duration.ts";
import { isNetwork, parseStatus, type TrafficFilter } from "../../traffic/filter.ts";
import { trafficStream } from "../traffic-stream.ts";
import { type Endpoint, endpoint, noBody } from "./endpoint.ts";
import { refused } from "./reply.ts";
import { yesOrNo } from "./schemas.ts";

const text = z.string().min(1).max(1000);
const longest = 3_600_000;

function slowness(written: string, context: z.RefinementCtx): number {
  const read = parseDuration(written, longest);
  if (read.kind === "ms") return read.ms;
  context.addIssue({ code: "custom", message: `${read.why}; write 500ms or 2s` });
  return z.NEVER;
}

function statuses(written: string, context: z.RefinementCtx): readonly [number, number] {
  const read = parseStatus(written);
  if (read !== undefined) return read;
  context.addIssue({ code: "custom", message: "write a status like 404, 5xx or 500-503" });
  return z.NEVER;
}

const query = z.strictObject({
  follow: yesOrNo("Go on with those to come, until the program ends. Without it: what stood out."),
  route: text.optional().meta({ description: "Name of the route, with or without `@provider`." }),
  status: z
    .string()
    .transform(statuses)
    .optional()
    .meta({ description: "`404`, `5xx` or `500-503`." }),
  method: text.optional().meta({ description: "In any case." }),
  text: text.optional().meta({ description: "Anywhere in host, path or query." }),
  from: z
    .string()
    .refine(isNetwork, "write an address or a network: 10.0.0.0/8")
    .optional()
    .meta({ description: "Address or network of the client." }),
  slower: z
    .string()
    .transform(slowness)
    .optional()
    .meta({ description: "At least: `500ms`, `2s`." }),
  failed: yesOrNo("Only failures: of ours, or with a status of 500 and more."),
});

export const trafficEndpoints: readonly Endpoint[] = [
  endpoint({
    method: "get",
    path: "/v1/traffic",
    ...{ tag: "traffic", id: "traffic", role: "read", body: noBody, query },
    summary: "Requests as they end, or those that failed or were slow",
    description:
      'With `follow` each request that fits, as it ends. A line `{"notShown":37}` says that so many more were too many to show. ' +
      "Without it those of the latest minutes that failed, and the slow ones. Cookies, credentials and the values of parameters like `token` are never shown.",
    answer: { description: "A line of JSON each, the oldest first.", type: "application/x-ndjson" },
    refusals: [429],
    async run({ operations, query: wanted, closing, isHead, keepOpen }) {
      const filter = filterOf(wanted);
      const type = "application/x-ndjson";
      if (wanted.follow !== true || isHead) {
        const entries = await operations.traffic.standouts(filter);
        const body = entries.map((each) => `${JSON.stringify(each)}\n`).join("");
        return { status: 200, body, type };
      }
      const body = await trafficStream(operations.traffic, filter, closing);
      if (body === undefined) {
        const detail = `${watching.followers} follow already; try again when somebody left`;
        return refused(429, { detail });
      }
      keepOpen();
      return { status: 200, body, type };
    },
  }),
];

function filterOf(wanted: z.output<typeof query>): TrafficFilter {
  const { route, status, method, text: part, from, slower, failed } = wanted;
  return {
    ...(route === undefined ? {} : { route }),
    ...(status === undefined ? {} : { status }),
    ...(method === undefined ? {} : { method: method.toUpperCase() }),
    ...(part === undefined ? {} : { text: part }),
    ...(from === undefined ? {} : { from }),
    ...(slower === undefined ? {} : { slower }),
    ...(failed === true ? { isFailed: true } : {}),
  };
}
