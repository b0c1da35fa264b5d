// YAML or JSON that stands inside one label or variable, as plain data. Whoever wrote it is not trusted: what it
// stands for is bounded before it is made.

import { parse } from "yaml";
import { labelBounds } from "./provider-limits.ts";

export type FlowYaml =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "bad"; readonly why: string };

export function parseFlowYaml(text: string): FlowYaml {
  if (text.length > labelBounds.text) {
    return { kind: "bad", why: `it is longer than ${labelBounds.text} characters` };
  }
  try {
    const options = { logLevel: "silent", maxAliasCount: labelBounds.values } as const;
    return { kind: "value", value: parse(text, options) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { kind: "bad", why: why.split("\n", 1)[0] ?? why };
  }
}
