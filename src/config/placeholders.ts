// What may stand in braces in the value of a header field, and what such a value is made of.

export const placeholders = [
  "host",
  "method",
  "path",
  "query",
  "uri",
  "scheme",
  "clientIp",
  "port",
  "route",
] as const;

export type Placeholder = (typeof placeholders)[number];

export type ValuePart =
  | { readonly is: "text"; readonly text: string }
  | { readonly is: "placeholder"; readonly name: Placeholder }
  /** Of the request, by its lower-case name. */
  | { readonly is: "header"; readonly name: string };

/** `{host}`, `{header:X-Name}`. Other braces, of JSON say, stay as they are. */
const written = /\{([A-Za-z]+)(?::([^{}]*))?\}/g;

const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** What a value is made of, or the first placeholder that is none. */
export function partsOfValue(value: string): readonly ValuePart[] | { readonly unknown: string } {
  const parts: ValuePart[] = [];
  let from = 0;
  for (const match of value.matchAll(written)) {
    const [whole, name = "", of] = match;
    const known = of === undefined ? placeholders.find((each) => each === name) : undefined;
    const isHeader = name === "header" && of !== undefined && headerName.test(of);
    if (known === undefined && !isHeader) return { unknown: whole };
    if (match.index > from) parts.push({ is: "text", text: value.slice(from, match.index) });
    if (known !== undefined) parts.push({ is: "placeholder", name: known });
    else parts.push({ is: "header", name: (of ?? "").toLowerCase() });
    from = match.index + whole.length;
  }
  if (from < value.length) parts.push({ is: "text", text: value.slice(from) });
  return parts;
}

export function unknownPlaceholder(
  value: string,
): { readonly message: string; readonly remedy: string } | undefined {
  const parts = partsOfValue(value);
  if (!("unknown" in parts)) return undefined;
  const known = [...placeholders, "header:NAME"].map((each) => `{${each}}`).join(" ");
  return { message: `${parts.unknown} is not known here`, remedy: `known are ${known}` };
}
