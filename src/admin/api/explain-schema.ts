// The shape of an explanation, as the API gives it and the command reads it.

import * as z from "zod";
import type { Explanation } from "../../explain/explanation.ts";
import { name } from "./schemas.ts";

const text = z.string();
const place = text.meta({ description: "Where it was written." });
const why = text.meta({ description: "A sentence." });

const request = z.object({
  method: text,
  url: text,
  host: text.meta({ description: "As rules see it." }),
  path: text.meta({ description: "As rules see it." }),
  client: text.meta({ description: "The client's address, as rules see it." }),
  clientWhy: why,
});

const candidate = z.object({
  name: text,
  rule: text,
  place,
  outcome: z
    .enum(["wins", "outranked", "fails"])
    .meta({ description: "`outranked`: it would take the request too." }),
  clause: text.meta({ description: 'The condition that failed; "" = none did.' }),
  why,
});

const middleware = z.object({
  kind: text,
  owner: text.meta({ description: "`listener web`, `route a.example`, `service shop`." }),
  settings: z.unknown().meta({ description: "As they are written, without secrets." }),
  does: why,
  outcome: z.enum(["passes", "answers", "depends", "unreached"]).meta({
    description:
      "`passes` and `answers` were tried with this request. `depends`: on what only traffic shows; what follows is told as if it let the request pass. `unreached`: one before it answers.",
  }),
  effect: text.meta({ description: 'What came of it; "" = nothing to tell.' }),
});

const service = z.object({
  name: text,
  kind: text,
  state: text.nullable(),
  how: text.meta({ description: "How whoever is asked is chosen." }),
  backends: z.array(
    z.object({
      url: text,
      state: text,
      weight: z.number(),
      tier: z.int(),
      isEligible: z.boolean().meta({ description: "It may be the one that is asked." }),
      why,
    }),
  ),
  moreBackends: z.int(),
  parts: z.array(z.object({ name: text, isEligible: z.boolean(), why })),
});

export const explanation = name(
  "Explanation",
  z.object({
    request,
    fault: text
      .nullable()
      .meta({ description: "Why it is refused before any route is looked for." }),
    listener: z.object({ name: text.nullable(), bind: z.array(text), why }),
    certificate: z
      .object({ names: z.array(text), until: text.nullable(), why })
      .nullable()
      .meta({ description: "null = TLS does not end here." }),
    route: z
      .object({ name: text, rule: text, place, service: text.nullable(), why })
      .nullable()
      .meta({ description: "null = none takes it." }),
    candidates: z.array(candidate).meta({ description: "The most telling first." }),
    moreCandidates: z.int(),
    middlewares: z.array(middleware),
    answer: z
      .object({
        status: z.int().meta({ description: "0 = the connection is closed without an answer." }),
        location: text.nullable(),
        by: text,
      })
      .nullable()
      .meta({ description: "Given without asking a service; null = one is asked." }),
    path: text.nullable().meta({ description: "What the backend is asked for, without a query." }),
    services: z.array(service).meta({
      description: "The one that is asked, and those that it leads to.",
    }),
    hints: z.array(text),
  }),
) satisfies z.ZodType<Explanation>;

/** undefined = it is none. */
export function readExplanation(body: unknown): Explanation | undefined {
  return explanation.safeParse(body).data;
}
