// What an item may say, as the program itself tells it: a setting that is new there appears here by itself.

import { get } from "../api/client.ts";
import type { Section } from "./item.ts";

export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  /** `duration`, `size`, `network` …, or `oneOrMore`. */
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

type Named = Readonly<Record<string, Schema>>;

const names: Readonly<Record<Section, string>> = {
  routes: "Route",
  overlays: "Overlay",
  services: "Service",
  tcpRoutes: "TcpRoute",
};

let loading: Promise<Named> | undefined;
let known: Named = {};

async function load(): Promise<Named> {
  const { components } = await get<{ components: { schemas: Named } }>("/openapi.json");
  known = components.schemas;
  return known;
}

/** Of the mapping that a section's items are. */
export async function schemaOf(section: Section): Promise<Schema> {
  loading ??= load();
  try {
    const named = await loading;
    return mappingOf(named[names[section]] ?? {}) ?? {};
  } catch (error) {
    loading = undefined;
    throw error;
  }
}

function resolved(schema: Schema): Schema {
  const name = schema.$ref?.split("/").at(-1);
  return name === undefined ? schema : (known[name] ?? {});
}

/** All that it may be, without the choices in between. */
export function formsOf(schema: Schema): readonly Schema[] {
  const { anyOf, ...rest } = resolved(schema);
  return anyOf === undefined ? [rest] : anyOf.flatMap(formsOf);
}

export function mappingOf(schema: Schema): Schema | undefined {
  return formsOf(schema).find(({ properties }) => properties !== undefined);
}

/** How it is asked for in a form. */
export type Kind =
  | { readonly kind: "flag" }
  | { readonly kind: "choice"; readonly options: readonly string[] }
  | { readonly kind: "number" }
  | { readonly kind: "text" }
  /** A list of texts, or one. */
  | { readonly kind: "texts" }
  | { readonly kind: "group"; readonly properties: Readonly<Record<string, Schema>> }
  /** Anything else, as YAML. */
  | { readonly kind: "any" };

const isText = ({ type, enum: words }: Schema) => type === "string" && words === undefined;
const isFlag = ({ type, const: only }: Schema) => type === "boolean" || typeof only === "boolean";
const isNumber = ({ type }: Schema) => type === "integer" || type === "number";

/** Of what can be written with one field; a mapping in its place is written as YAML. */
export function kindOf(schema: Schema): Kind {
  const forms = formsOf(schema);
  const simple = forms.filter(({ type }) => type !== "object");
  if (simple.length === 0) {
    const [only] = forms;
    return only?.properties === undefined
      ? { kind: "any" }
      : { kind: "group", properties: only.properties };
  }
  const words = simple.flatMap(({ enum: all = [] }) => all.map(String));
  if (words.length > 0 && simple.every((each) => each.enum !== undefined || isFlag(each))) {
    return { kind: "choice", options: words };
  }
  if (simple.every(isFlag)) return { kind: "flag" };
  if (simple.every(isNumber)) return { kind: "number" };
  const lists = simple.filter(({ type }) => type === "array");
  const rest = simple.filter(({ type }) => type !== "array");
  const isPlain = rest.every((each) => isText(each) || isNumber(each));
  if (!isPlain) return { kind: "any" };
  if (lists.length === 0) return { kind: "text" };
  const ofTexts = lists.every(({ items }) => items !== undefined && formsOf(items).some(isText));
  return ofTexts && rest.length > 0 ? { kind: "texts" } : { kind: "any" };
}

/** Keys, or words of a value, that can stand below `path`. */
export function suggestionsFor(schema: Schema, path: readonly string[]): readonly Suggestion[] {
  let forms = formsOf(schema);
  for (const key of path) {
    forms = forms.flatMap((each) => {
      const next = key === "-" ? each.items : each.properties?.[key];
      return next === undefined ? [] : formsOf(next);
    });
  }
  const keys = forms.flatMap(({ properties = {} }) =>
    Object.entries(properties).map(([text, { description = "" }]) => ({
      text,
      about: description,
    })),
  );
  return [...new Map(keys.map((each) => [each.text, each])).values()];
}

export function wordsFor(schema: Schema, path: readonly string[]): readonly string[] {
  const key = path.at(-1) ?? "";
  let forms = formsOf(schema);
  for (const step of path.slice(0, -1)) {
    forms = forms.flatMap((each) => {
      const next = step === "-" ? each.items : each.properties?.[step];
      return next === undefined ? [] : formsOf(next);
    });
  }
  const values = forms.flatMap(({ properties }) => {
    const found = properties?.[key];
    return found === undefined ? [] : formsOf(found);
  });
  const words = values.flatMap((each) => {
    if (each.enum !== undefined) return each.enum.map(String);
    return isFlag(each) ? ["true", "false"] : [];
  });
  return [...new Set(words)];
}

export interface Suggestion {
  readonly text: string;
  readonly about: string;
}
