// Paths and patterns as routes and middlewares write them, and what may become of a path.

import * as z from "zod";
import { encodePath, normalisePath } from "../lib/path.ts";
import { parsePattern } from "./pattern.ts";
import { flag, mapping, mustBe, oneOrMore, parsed, text } from "./scalar.ts";
import type { Refuse } from "./scalar.ts";

function readPath(value: string, refuse: Refuse) {
  const shown = JSON.stringify(value);
  if (!value.startsWith("/")) return refuse(`${shown} is not a path`, `write /${value}`);
  if (/[\s\p{Cc}?#]/u.test(value)) return refuse(`${shown} has a space, a control, ? or #`);
  if (value.endsWith("/*")) return refuse("a path is a prefix already", "leave out /*");
  // As requests are matched: `/é` is asked for as `/%C3%A9`, `/a/../b` as `/b`.
  const normal = normalisePath(encodePath(value))?.path;
  return normal ?? refuse(`${shown} has a broken %-encoding or too many ".."`);
}

export function path() {
  return parsed({ what: "a path", remedy: "write /…" }, readPath);
}

export function regex() {
  return parsed({ what: "a regular expression" }, (value, refuse) => {
    const result = parsePattern(value);
    if (result.kind === "bad") return refuse(`not a regular expression: ${result.why}`);
    return { pattern: result.pattern, flags: result.flags };
  });
}

export const replacePrefix = z.union(
  [
    path(),
    mapping({
      from: path().meta({ description: "Prefix to take away; other paths stay as they are." }),
      to: path().meta({ description: "What to put there." }),
    }),
  ],
  { error: mustBe({ what: "a path or { from, to }" }) },
);

export const stripPrefix = z.union(
  [flag(), oneOrMore(path(), { what: "a path or a list of paths" })],
  {
    error: mustBe({ what: "true, a path or a list of paths" }),
  },
);

export const replacePath = mapping({
  pattern: regex().meta({ description: "A JavaScript regular expression." }),
  replacement: text({ what: "a text" }).describe("With $1, $2 … for the groups."),
});

export type StripPrefixInput = z.output<typeof stripPrefix>;
export type ReplacePrefixInput = z.output<typeof replacePrefix>;
export type ReplacePathInput = z.output<typeof replacePath>;
