// What changes would do to the latest requests, before anybody makes them.

import * as z from "zod";
import { apiLimits } from "../../config/admin-limits.ts";
import type { ItemChange } from "../configuration.ts";
import { changeReply } from "./change-reply.ts";
import { type Endpoint, endpoint, jsonBody, noQuery } from "./endpoint.ts";
import { bareName } from "./item-place.ts";
import { done, pointerOf } from "./reply.ts";
import { section } from "./schemas.ts";

const body = z.strictObject({
  changes: z
    .array(
      z.strictObject({
        section,
        name: z.string().max(300),
        value: z
          .unknown()
          .optional()
          .meta({ description: "What it shall say. Without it it goes away." }),
      }),
    )
    .min(1)
    .max(apiLimits.changes),
});

const way = z.object({
  route: z.string().meta({ description: '"" = none fits.' }),
  service: z.string(),
});

export const rehearsalEndpoints: readonly Endpoint[] = [
  endpoint({
    method: "post",
    path: "/v1/rehearsal",
    ...{ tag: "changes", id: "rehearse", role: "edit", query: noQuery },
    summary: "Say which of the latest requests would go elsewhere, or meet something else",
    description:
      "Takes changes as a transaction does, and makes none. Every worker keeps the heads of some of its latest requests for this; values of cookies and credentials are not among them.",
    body: jsonBody(body, { mostBytes: apiLimits.bulkBody }),
    answer: {
      description: "What would change, the most frequent first.",
      schema: z.object({
        requests: z.int().meta({ description: "It was tried with so many." }),
        lost: z.int().meta({ description: "Of these, so many would find no route any more." }),
        changed: z.array(
          z.object({
            ...{ from: way, to: way },
            differs: z.array(z.enum(["middlewares", "service"])).meta({
              description:
                "Where both ways are the same: what requests meet there that is other than it was.",
            }),
            ...{ count: z.int(), example: z.string() },
          }),
        ),
        notes: z.array(z.string()),
      }),
    },
    refusals: [404, 412, 422, 503],
    async run({ operations, body: sent }) {
      const changes = sent.changes.map(({ section: of, name, value }): ItemChange => ({
        ...{ section: of, name: bareName(of, name), value, expected: undefined },
      }));
      const outcome = await operations.traffic.rehearse(changes);
      if (outcome.kind === "rehearsed") {
        return done({ ...outcome.rehearsed, notes: outcome.notes });
      }
      return changeReply(outcome, {
        what: "rehearsal",
        isDryRun: true,
        pointer: ([of, called, ...rest]) => {
          const at = changes.findIndex((each) => each.section === of && each.name === called);
          return at === -1 ? "" : `/changes/${at}/value${pointerOf(rest)}`;
        },
      });
    },
  }),
];
