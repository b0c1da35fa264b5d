// Several changes that go live together or not at all.

import * as z from "zod";
import { apiLimits } from "../../config/admin-limits.ts";
import type { ItemChange } from "../configuration.ts";
import { changeReply, optionsOf } from "./change-reply.ts";
import { type Endpoint, endpoint, jsonBody } from "./endpoint.ts";
import { bareName, storedRow } from "./item-place.ts";
import { type Fault, pointerOf, refused } from "./reply.ts";
import { changeResult, dryRun, name, note, section, watch } from "./schemas.ts";

export const change = z.strictObject({
  section,
  name: z.string().max(300),
  value: z
    .unknown()
    .optional()
    .meta({ description: "What it shall say. Without it it goes away." }),
  expected: z
    .union([z.int().min(0), z.literal("absent")])
    .optional()
    .meta({ description: "Only if its last change was this revision; `absent` = only if new." }),
});

const transaction = name(
  "Transaction",
  z.strictObject({
    changes: z.array(change).min(1).max(apiLimits.changes),
    note,
  }),
);

export const transactionEndpoints: readonly Endpoint[] = [
  endpoint({
    method: "post",
    path: "/v1/transactions",
    tag: "changes",
    id: "transact",
    role: "edit",
    summary: "Make several changes at once, all or none",
    query: z.strictObject({ dryRun, watch }),
    body: jsonBody(transaction, { mostBytes: apiLimits.bulkBody }),
    answer: {
      description: "What changed.",
      schema: changeResult,
    },
    refusals: [404, 409, 412, 422, 503],
    async run({ operations, caller, query, body }) {
      const { configuration } = operations;
      const faults: Fault[] = [];
      const places = new Map<string, number>();
      for (const [at, each] of body.changes.entries()) {
        const bare = bareName(each.section, each.name);
        const key = `${each.section} ${bare}`;
        const pointer = `/changes/${at}/name`;
        if (places.has(key)) faults.push({ pointer, message: `${key} is changed twice` });
        places.set(key, at);
        const other = configuration.row(each.section, bare);
        const isOurs = storedRow(configuration, each.section, bare) !== undefined;
        if (!isOurs && other !== undefined && other.source !== "store") {
          const message = `${bare} is written in ${other.place}`;
          faults.push({ pointer, message, remedy: "change it there" });
        }
      }
      if (faults.length > 0) {
        const detail = `nothing was changed: ${faults[0]?.message}`;
        return refused(409, { detail, errors: faults });
      }
      const changes = body.changes.map(
        ({ section: of, name: called, value, expected }): ItemChange => ({
          section: of,
          name: bareName(of, called),
          value,
          expected,
        }),
      );
      const options = optionsOf(caller, { ...query, note: body.note });
      return changeReply(await configuration.change(changes, options), {
        what: `transaction of ${changes.length} changes`,
        isDryRun: options.isDryRun,
        pointer: ([of, called, ...rest]) => {
          const at = places.get(`${String(of)} ${String(called)}`);
          return at === undefined ? "" : `/changes/${at}/value${pointerOf(rest)}`;
        },
      });
    },
  }),
];
