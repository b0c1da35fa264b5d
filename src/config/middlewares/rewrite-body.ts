// Settings of `rewriteBody`.

import { isBounded } from "../../lib/bounded-regexp.ts";
import { formatSize } from "../../lib/size.ts";
import { longestText, matchBytes, mostRules } from "../coding-limits.ts";
import { type Context, report } from "../context.ts";
import type { Path } from "../problem.ts";
import { flag, integer, key, list, mapping, size, text } from "../scalar.ts";
import { bodyTypes } from "./body-types.ts";
import { define, places } from "./definition.ts";
import type { RewriteBodyUse, RewriteRule } from "./uses/body.ts";

const usualTypes = ["text/html"];

const rule = mapping({
  text: key(text({ what: "a text" }), "What is looked for, letter by letter."),
  pattern: key(text({ what: "a regular expression" }), "Instead: a regular expression."),
  ignoreCase: key(flag(), "Of the pattern: a and A are the same.", false),
  replace: text({ what: "a text", remedy: 'write replace: "" to take it out' }).meta({
    description:
      "What stands there instead. {host} is the requested host; of a pattern $1, $<name>.",
  }),
  most: key(integer(0, 1_000_000), "So many in one body; 0 = all.", 0),
  longest: key(
    size(1),
    "Of the pattern: its longest match. So much is kept back of bodies that come slowly.",
    formatSize(matchBytes.usual),
  ),
});

const settings = mapping({
  rules: list(rule, { what: "a list of rules", remedy: "write [{ text: …, replace: … }]" }).meta({
    description: "What is put in the place of what, one rule after the other.",
  }),
  types: key(bodyTypes(), "Media types of the answers that are looked at.", usualTypes),
});

export const rewriteBody = define({
  kind: "rewriteBody",
  summary: "Puts other texts into answers as they come.",
  settings,
  place: places.answer + 10,
  patterns: ({ rules }: RewriteBodyUse) =>
    rules
      .filter(({ isPattern }) => isPattern)
      .map(({ search, flags }) => ({ pattern: search, flags })),
  resolve({ rules, types = usualTypes }, context, path): RewriteBodyUse | undefined {
    if (rules.length > mostRules) {
      report(context, [...path, "rules"], { message: `has more than ${mostRules} rules` });
      return undefined;
    }
    const read = rules.flatMap((each, at) => readRule(each, context, [...path, "rules", at]) ?? []);
    return read.length < rules.length ? undefined : { kind: "rewriteBody", rules: read, types };
  },
});

interface Written {
  readonly text?: string | undefined;
  readonly pattern?: string | undefined;
  readonly ignoreCase?: boolean | undefined;
  readonly replace: string;
  readonly most?: number | undefined;
  readonly longest?: number | undefined;
}

function readRule(written: Written, context: Context, path: Path): RewriteRule | undefined {
  const { text: literal, pattern, replace, ignoreCase = false, most = 0 } = written;
  const { longest = matchBytes.usual } = written;
  const search = literal ?? pattern;
  const wrong = (message: string, remedy?: string, where: Path = path) => {
    report(context, where, remedy === undefined ? { message } : { message, remedy });
    return undefined;
  };
  if (search === undefined || (literal !== undefined && pattern !== undefined)) {
    return wrong("must have either a text or a pattern", "write text: … or pattern: …");
  }
  if (search === "") return wrong("looks for nothing at all");
  if (Math.max(Buffer.byteLength(search), Buffer.byteLength(replace)) > longestText) {
    return wrong(`is longer than ${formatSize(longestText)}`);
  }
  if (longest > matchBytes.most) {
    return wrong(`must be at most ${formatSize(matchBytes.most)}`, undefined, [...path, "longest"]);
  }
  const flags = ignoreCase ? "i" : "";
  const fault = pattern === undefined ? undefined : faultOf(pattern, flags);
  if (fault !== undefined) return wrong(fault.message, fault.remedy, [...path, "pattern"]);
  const isPattern = pattern !== undefined;
  return { search, isPattern, flags, replace, most, longest };
}

function faultOf(pattern: string, flags: string): { message: string; remedy?: string } | undefined {
  let expression: RegExp;
  try {
    expression = new RegExp(pattern, flags);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { message: `is not a regular expression: ${why}` };
  }
  if (expression.test("")) {
    return { message: "matches nothing at all as well", remedy: "write + where * stands" };
  }
  if (/\[[^\]]*[^\0-\x7f]/.test(pattern)) {
    const remedy = "write (?:ä|ö) instead of [äö]";
    return { message: "has letters beyond ASCII between [ and ], and bodies are bytes", remedy };
  }
  if (!isBounded(pattern, flags)) {
    const remedy =
      flags === "i"
        ? "without ignoreCase it may be fine: write [aA]+ instead of a+"
        : "repeat no group that repeats something itself";
    return { message: "would take for ever on some bodies", remedy };
  }
  return undefined;
}
