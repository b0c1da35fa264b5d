// What may stand in a list of middlewares, for editors, labels and the reference. The schema that checks lists knows
// nothing of it: what is wrong in one of them is said at its own place, and no schema depends on all kinds.

import * as z from "zod";
import type { JsonSchema } from "../json-schema.ts";
import { listTitle } from "./list-schema.ts";
import { definitions } from "./registry.ts";

/** Where `listJson` has to stand: it is long, and needed in many places. */
export const listReference = "#/$defs/middlewares";

/** As `z.toJSONSchema`, with lists of middlewares as they are meant, by reference. */
export function jsonOf(schema: z.ZodType, options: JsonOptions = {}): JsonSchema {
  return z.toJSONSchema(schema, {
    io: "input",
    override(found) {
      options.override?.(found);
      const { zodSchema, jsonSchema } = found;
      if (z.globalRegistry.get(zodSchema)?.title === listTitle) {
        delete jsonSchema.anyOf;
        jsonSchema.$ref = listReference;
      }
    },
  });
}

interface JsonOptions {
  readonly override?: NonNullable<z.core.ToJSONSchemaParams["override"]>;
}

/** Of the settings of each kind. */
export function settingsJson(): Readonly<Record<string, JsonSchema>> {
  const all = Object.entries(definitions).map(([kind, { settings, summary }]) => {
    const { $schema: _, ...json } = z.toJSONSchema(settings, { io: "input" });
    return [kind, { ...json, description: summary }] as const;
  });
  return Object.fromEntries(all);
}

/** A list, or a mapping. */
export function listJson(): JsonSchema {
  const properties = settingsJson();
  const one: JsonSchema = { type: "object", properties, maxProperties: 1, minProperties: 1 };
  const anyOf: JsonSchema[] = [
    {
      type: "array",
      items: { anyOf: [{ type: "string" }, { ...one, additionalProperties: false }] },
    },
    // Sets may stand in a mapping too, by names that nobody knows here.
    { type: "object", properties, additionalProperties: { const: true } },
  ];
  return { anyOf };
}
