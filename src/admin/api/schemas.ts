// The shapes that the API takes and gives, under the names they have in its document. What a route or service may
// say is the configuration's own schema; whether it makes sense is looked at when it is put together with the rest.

import * as z from "zod";
import { roles } from "../../config/account.ts";
import { apiLimits } from "../../config/admin-limits.ts";
import { certificateItem } from "../../config/certificate-item.ts";
import { itemSections } from "../../config/item.ts";
import { tcpRoute } from "../../config/listener-schema.ts";
import { changeWatch } from "../../config/store-limits.ts";
import { formatDuration, parseDuration } from "../../lib/duration.ts";
import { route, routeMapping } from "../../config/route-schema.ts";
import { service } from "../../config/service-schema.ts";

/** Those that have a name in the document. */
export const namedSchemas = new Map<z.ZodType, string>();

export function name<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  namedSchemas.set(schema, id);
  return schema;
}

name("Route", route);
name("TcpRoute", tcpRoute);
name("Service", service);
name("Overlay", routeMapping);
name("Certificate", certificateItem);

export const valueSchemas = {
  routes: route,
  tcpRoutes: tcpRoute,
  services: service,
  overlays: routeMapping,
  certificates: certificateItem,
} as const;

export const role = name("Role", z.enum(roles));
export const section = name("Section", z.enum(itemSections));
const time = z.string().meta({ format: "date-time" });
const sentences = z.array(z.string());

export const problem = name(
  "Problem",
  z.object({
    type: z.string(),
    status: z.int(),
    title: z.string(),
    detail: z.string().meta({ description: "What is wrong and what to do, one sentence." }),
    errors: z
      .array(
        z.object({
          pointer: z.string().meta({ description: "JSON pointer into the body." }),
          message: z.string(),
          remedy: z.string().optional(),
        }),
      )
      .optional(),
  }),
);

export const item = name(
  "Item",
  z.object({
    section,
    name: z.string().meta({
      description: "As it is routed by: `NAME@store` for what is kept in the store.",
    }),
    source: z.string().meta({ description: "`store`, `file`, `docker`, …" }),
    place: z.string().meta({ description: "Where it was written." }),
    revision: z.int().nullable().meta({
      description: "Of its last change; null = it is not in the store and cannot be changed here.",
    }),
    notes: sentences.meta({ description: "Why it is not served, or not as written." }),
    value: z.unknown().meta({
      description:
        "As written if it is in the store; otherwise as it was understood. `(not shown)` stands for what lets somebody in.",
    }),
  }),
);

export const itemPage = name(
  "ItemPage",
  z.object({
    items: z.array(item),
    total: z.int().meta({ description: "How many there are on all pages." }),
    next: z.string().nullable().meta({ description: "The `cursor` of the next page." }),
  }),
);

const changedItem = name(
  "ChangedItem",
  z.object({
    section,
    name: z.string(),
    before: z.unknown().optional().meta({ description: "Without it there was none." }),
    after: z.unknown().optional().meta({ description: "Without it there is none any more." }),
  }),
);

export const changeResult = name(
  "ChangeResult",
  z.object({
    dryRun: z.boolean(),
    revision: z.int().meta({ description: "Of the store, after the change." }),
    version: z.int().nullable().meta({
      description: "Of the configuration that all workers serve by now; null = a dry run.",
    }),
    changed: z.array(changedItem),
    notes: sentences.meta({ description: "Conflicts, refusals and warnings about what changed." }),
  }),
);

export const revision = name(
  "Revision",
  z.object({
    number: z.int(),
    at: time,
    by: z.string(),
    note: z.string().nullable(),
    changes: z.array(changedItem),
  }),
);

export const revisionPage = z.object({
  revision: z.int().meta({ description: "The latest." }),
  revisions: z.array(revision),
  next: z.string().nullable(),
});

export const difference = z.object({ from: z.int(), to: z.int(), changed: z.array(changedItem) });

export const exported = name(
  "Export",
  z.strictObject({
    format: z.literal("tidegate-items-1"),
    items: z
      .array(z.strictObject({ section, name: z.string(), value: z.unknown() }))
      .max(apiLimits.changes * 10),
  }),
);

export const outcome = z.object({ ok: z.boolean(), message: z.string() });

export const note = z
  .string()
  .max(apiLimits.note)
  .optional()
  .meta({ description: "For the history: why." });

const whole = (what: string, most: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number")
    .transform(Number)
    .refine((each) => each <= most, `must be at most ${most}`)
    .optional()
    .meta({ description: what });

export const limit = whole(
  `Items on a page, at most ${apiLimits.page}; usually ${apiLimits.pageDefault}.`,
  apiLimits.page,
);

export const number = (what: string) => whole(what, Number.MAX_SAFE_INTEGER);

export const yesOrNo = (what: string) =>
  z
    .enum(["true", "false"], "must be true or false")
    .transform((each) => each === "true")
    .optional()
    .meta({ description: what });

/** As text in a query, as ms in what is read of it. */
export const watch = z
  .string()
  .max(20)
  .transform((text, context) => {
    const read = parseDuration(text, changeWatch.most);
    if (read.kind === "ms" && read.ms >= changeWatch.least) return read.ms;
    const least = formatDuration(changeWatch.least);
    const most = formatDuration(changeWatch.most);
    context.addIssue(`must be a time from ${least} to ${most}, such as 60s`);
    return z.NEVER;
  })
  .optional()
  .meta({
    description:
      "Take the change back by itself when requests to the routes that it touches fail within this time, such as `60s`.",
  });

export const dryRun = yesOrNo("Say what would change, with every conflict, and change nothing.");
