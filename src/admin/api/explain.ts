// What becomes of a request, and why; also with changes that nobody has made yet.

import * as z from "zod";
import { isEnough } from "../../config/account.ts";
import { apiLimits } from "../../config/admin-limits.ts";
import { explainLimits as limits } from "../../config/explain-limits.ts";
import type { ItemChange } from "../configuration.ts";
import { changeReply } from "./change-reply.ts";
import { type Endpoint, endpoint, jsonBody, noQuery } from "./endpoint.ts";
import { explanation } from "./explain-schema.ts";
import { bareName } from "./item-place.ts";
import { done, pointerOf, refused } from "./reply.ts";
import { name } from "./schemas.ts";
import { change } from "./transactions.ts";

const question = name(
  "Question",
  z.strictObject({
    method: z.string().max(32).default("GET").meta({ description: "What the client asks with." }),
    url: z
      .string()
      .min(1)
      .max(limits.url)
      .meta({ description: "With its scheme, path and query; without a scheme it is http." }),
    headers: z
      .array(z.tuple([z.string(), z.string()]))
      .max(limits.headers)
      .default([])
      .meta({ description: "Names and values." }),
    from: z.string().max(64).nullable().default(null).meta({
      description: "IP address of whoever connects; null = somebody on the internet.",
    }),
    listener: z.string().max(300).nullable().default(null).meta({
      description: "Where it comes in; null = at the one for the URL's scheme and port.",
    }),
    changes: z.array(change).max(apiLimits.changes).default([]).meta({
      description:
        "As in `/v1/transactions`: what would become of it with these. Needs the role `edit`.",
    }),
  }),
);

export const explainEndpoints: readonly Endpoint[] = [
  endpoint({
    method: "post",
    path: "/v1/explain",
    tag: "state",
    id: "explain",
    role: "read",
    summary: "Say what becomes of a request, and why",
    description:
      "Nobody is asked and nothing is counted: the route is found in the table that workers use, and the middlewares that need nothing but the request are tried with it.",
    query: noQuery,
    // Whoever may read may ask: what is tried are a few items, not all there are.
    body: jsonBody(question, { mostBytes: apiLimits.itemBody }),
    answer: { description: "Step by step.", schema: explanation },
    refusals: [404, 412, 422, 503],
    async run({ operations, caller, body }) {
      const { changes: wanted, ...asked } = body;
      // A draft takes its turn among changes, and is as much work.
      if (wanted.length > 0 && !isEnough(caller.role, "edit")) {
        return refused(403, { detail: "changes are tried by those who may make them (edit)" });
      }
      const changes = wanted.map(({ section, name: called, value, expected }): ItemChange => ({
        section,
        name: bareName(section, called),
        value,
        expected,
      }));
      const outcome = await operations.explain(asked, changes);
      if (outcome.kind === "explained") return done(outcome.explanation);
      return changeReply(outcome, {
        what: "explain",
        isDryRun: true,
        pointer([section, called, ...rest]) {
          const at = changes.findIndex((each) => each.section === section && each.name === called);
          return at === -1 ? "" : `/changes/${at}/value${pointerOf(rest)}`;
        },
      });
    },
  }),
];
