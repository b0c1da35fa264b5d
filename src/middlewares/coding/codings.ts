// The content codings of a body, as its head lists them.

import { mostCodings } from "../../config/coding-limits.ts";

const known: ReadonlySet<string> = new Set(["gzip", "x-gzip", "deflate", "br", "zstd"]);

/** In the order in which they were put on; "many" = more than anybody means; undefined = one that we do not know. */
export function codingsOf(field: string | undefined): readonly string[] | "many" | undefined {
  if (field === undefined) return [];
  const names = field
    .split(",")
    .map((each) => each.trim().toLowerCase())
    .filter((each) => each !== "" && each !== "identity");
  if (names.length > mostCodings) return "many";
  return names.every((each) => known.has(each)) ? names : undefined;
}

/** `x-gzip` is gzip. */
export function usualName(coding: string): string {
  return coding === "x-gzip" ? "gzip" : coding;
}
