// Items as text, in the language of the configuration file.

import { parseDocument, stringify } from "yaml";

export type Parsed =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "fault"; readonly message: string };

export function print(value: unknown): string {
  if (value === undefined) return "";
  if (typeof value === "object" && value !== null && Object.keys(value).length === 0) return "";
  return stringify(value, { lineWidth: 0 });
}

/** An empty text is undefined. */
export function read(text: string): Parsed {
  if (text.trim() === "") return { kind: "value", value: undefined };
  // As the program reads its file: YAML 1.2, each key once.
  const document = parseDocument(text, { version: "1.2", uniqueKeys: true });
  const [first] = document.errors;
  if (first !== undefined) {
    const line = first.linePos?.[0].line;
    const what = first.message.split("\n", 1)[0]?.replace(/ at line \d+.*$/, "") ?? "";
    return { kind: "fault", message: line === undefined ? what : `line ${line}: ${what}` };
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return { kind: "value", value };
  } catch (error) {
    return { kind: "fault", message: error instanceof Error ? error.message : String(error) };
  }
}
