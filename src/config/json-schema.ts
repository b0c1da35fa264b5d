// The JSON Schema (draft 2020-12) of tidegate.yaml, for editors: `tidegate schema > tidegate.schema.json`.
// It knows shapes, not meanings: what `tidegate check` refuses is more.

import * as z from "zod";
import { jsonOf, listJson } from "./middlewares/typed-list.ts";
import { config } from "./schema.ts";

export type JsonSchema = z.core.JSONSchema.JSONSchema;

export function jsonSchema(): JsonSchema {
  const { $schema, ...schema } = jsonOf(config, {
    // zod leaves out the default of what is transformed, as it may have another type then; ours are
    // written as the operator would.
    override({ zodSchema, jsonSchema: target }) {
      const fallback = z.globalRegistry.get(zodSchema)?.["default"];
      if (isJson(fallback)) target.default = fallback;
      else if (Array.isArray(fallback)) target.default = fallback.filter(isJson);
    },
  });
  return {
    $schema: $schema ?? "https://json-schema.org/draft/2020-12/schema",
    title: "Tidegate configuration",
    description: "tidegate.yaml: what to listen on, what to route where, and within which limits.",
    ...schema,
    $defs: { middlewares: listJson() },
  };
}

function isJson(value: unknown): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}
