// Labels are texts. Reads them as what the schema wants in their place, as YAML would: `true`, `10`,
// `[a, b]`, `{ to: /x }`, and `a, b` where a list is wanted; finds keys without regard to case.
// The schema still has to check the result: what cannot be read stays the text it is.

import { isIPv6 } from "node:net";
import { parse } from "yaml";
import type * as z from "zod";
import type { JsonSchema } from "./json-schema.ts";
import { jsonOf, listJson, listReference } from "./middlewares/typed-list.ts";
import { maxAliases } from "./limits.ts";
import { labelBounds } from "./provider-limits.ts";

/** What may stand in a place. */
export interface Shape {
  readonly isText: boolean;
  readonly isNumber: boolean;
  readonly isFlag: boolean;
  /** Of a list's items; undefined = no list. */
  readonly items: Shape | undefined;
  /** By name in lower case; undefined = no mapping. */
  readonly keys: ReadonlyMap<string, { readonly name: string; readonly shape: Shape }> | undefined;
  /** Of a mapping's values whose names are free; undefined = they are not. */
  readonly values: Shape | undefined;
}

export function shapeOf(schema: z.ZodType): Shape {
  return shapeOfJson(jsonOf(schema));
}

/** Of middlewares: with all kinds it is a large one. */
let listShape: Shape | undefined;

function shapeOfJson(schema: JsonSchema | boolean | undefined): Shape {
  if (typeof schema !== "object") return nothing;
  if (schema.$ref === listReference) return (listShape ??= shapeOfJson(listJson()));
  if (schema.anyOf !== undefined) return schema.anyOf.map(shapeOfJson).reduce(joined, nothing);
  const { type, items, properties, additionalProperties } = schema;
  const written = [schema.const, ...(schema.enum ?? [])].map((value) => typeof value);
  const keys = Object.entries(properties ?? {}).map(([name, each]) => {
    return [name.toLowerCase(), { name, shape: shapeOfJson(each) }] as const;
  });
  return {
    isText: type === "string",
    isNumber: type === "integer" || type === "number" || written.includes("number"),
    isFlag: type === "boolean" || written.includes("boolean"),
    items: type === "array" && !Array.isArray(items) ? shapeOfJson(items) : undefined,
    keys: properties === undefined ? undefined : new Map(keys),
    values:
      typeof additionalProperties === "object" ? shapeOfJson(additionalProperties) : undefined,
  };
}

const nothing: Shape = {
  isText: false,
  isNumber: false,
  isFlag: false,
  items: undefined,
  keys: undefined,
  values: undefined,
};

function joined(one: Shape, other: Shape): Shape {
  return {
    isText: one.isText || other.isText,
    isNumber: one.isNumber || other.isNumber,
    isFlag: one.isFlag || other.isFlag,
    items: one.items ?? other.items,
    keys: one.keys ?? other.keys,
    values: one.values ?? other.values,
  };
}

/** undefined = deeper, longer or more than anybody means. */
export function readLabelValue(
  shape: Shape,
  value: unknown,
): { readonly value: unknown } | undefined {
  const reader = { left: labelBounds.values };
  const result = read(reader, shape, value, 0);
  return reader.left < 0 ? undefined : { value: result };
}

/** How many values may still come; below 0 = too many. */
interface Reader {
  left: number;
}

function read(reader: Reader, shape: Shape, value: unknown, depth: number): unknown {
  reader.left -= 1;
  if (depth > labelBounds.depth) reader.left = -1;
  if (typeof value === "string" && value.length > labelBounds.text) reader.left = -1;
  if (reader.left < 0) return undefined;
  const meant = typeof value === "string" ? meaningOf(shape, value) : value;
  if (Array.isArray(meant)) {
    return meant.map((item) => read(reader, shape.items ?? nothing, item, depth + 1));
  }
  if (typeof meant === "object" && meant !== null) {
    const entries = Object.entries(meant);
    // Before anything is made of it: a mapping may have more keys than there is time for.
    if (entries.length > reader.left) reader.left = -1;
    else return mappingOf(reader, shape, entries, depth);
    return undefined;
  }
  return meant;
}

function mappingOf(
  reader: Reader,
  shape: Shape,
  entries: readonly [string, unknown][],
  depth: number,
): Record<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [written, item] of entries) {
    const known = shape.keys?.get(written.toLowerCase());
    const name = known?.name ?? written;
    // Written twice, in two ways: the right one counts.
    if (found.has(name) && written !== name) continue;
    const inner = known?.shape ?? shape.values ?? nothing;
    found.set(name, read(reader, inner, item, depth + 1));
  }
  return Object.fromEntries(found);
}

function meaningOf(shape: Shape, text: string): unknown {
  const bare = text.trim();
  if (shape.isFlag && /^(true|false)$/i.test(bare)) return bare.toLowerCase() === "true";
  if (shape.isNumber && /^-?\d{1,15}(\.\d{1,15})?$/.test(bare)) return Number(bare);
  const flow = flowOf(shape, bare);
  if (flow !== undefined) return flow;
  if (shape.items === undefined) return text;
  if (bare.includes(",")) return bare.split(",").map((each) => each.trim());
  return shape.isText || (shape.keys !== undefined && bare === "") ? text : [bare];
}

// Where a text is right too, only what cannot be meant as one: "[::1]" is a host, "{uri}" a template.
function flowOf(shape: Shape, text: string): unknown {
  const isList = shape.items !== undefined && text.startsWith("[") && text.endsWith("]");
  const takesMapping = shape.keys !== undefined || shape.values !== undefined;
  const isMapping = takesMapping && /^\{[^{}:]*:\s.*\}$|^\{\s*\}$/s.test(text);
  if (!isList && !isMapping) return undefined;
  if (isList && shape.isText && isIPv6(text.slice(1, -1))) return undefined;
  try {
    return parse(text, { logLevel: "silent", maxAliasCount: maxAliases });
  } catch {
    // Then the schema says what it wants instead of a text.
    return undefined;
  }
}
