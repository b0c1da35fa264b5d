// Settings of `robots`.

import * as z from "zod";
import { unwantedLimits } from "../answer-limits.ts";
import { report } from "../context.ts";
import type { Context } from "../context.ts";
import type { Path } from "../problem.ts";
import { key, mapping, mustBe, oneOrMore, parsed } from "../scalar.ts";
import { formatSize } from "../../lib/size.ts";
import { aiCrawlers } from "./crawlers.ts";
import { define, places } from "./definition.ts";
import { headerValue } from "./header-names.ts";
import type { RobotsUse } from "./uses/unwanted.ts";

const group = z.enum(["all", "ai"], { error: mustBe({ what: "all or ai" }) });

const text = parsed({ what: "a text" }, (value, refuse) =>
  Buffer.byteLength(value) > unwantedLimits.robots
    ? refuse(`is longer than ${formatSize(unwantedLimits.robots)}`)
    : value,
);

const crawler = parsed({ what: "the name of a crawler" }, (value, refuse) =>
  /^[\w .+/-]{2,100}$/.test(value)
    ? value
    : refuse(`${JSON.stringify(value)} is not the name of a crawler`),
);

const whole = mapping({
  deny: key(
    z.union([group, z.array(crawler).min(1).max(unwantedLimits.entries)], {
      error: mustBe({ what: "all, ai, or a list of crawlers" }),
    }),
    "Whom /robots.txt asks to stay away: `all`, `ai` for those that gather texts for language models, or names.",
  ),
  text: key(text, "The whole /robots.txt instead."),
  tag: key(headerValue, "Value of X-Robots-Tag, `noindex, nofollow` for example, of every answer."),
  refuse: key(
    z.union([z.literal("ai"), oneOrMore(crawler, { what: "a crawler, or a list of them" })], {
      error: mustBe({ what: "ai, or a list of crawlers" }),
    }),
    "Crawlers that say so in their User-Agent get nothing but /robots.txt.",
  ),
});

type Written = z.output<typeof whole>;

const settings = z.union([group.transform((deny): Written => ({ deny })), whole], {
  error: mustBe({ what: "all, ai, or a mapping" }),
});

export const robots = define({
  kind: "robots",
  summary: "Answers /robots.txt, marks answers as not to be indexed, and keeps crawlers out.",
  settings,
  place: places.redirect + 50,
  resolve(input: Written, context: Context, path: Path): RobotsUse | undefined {
    const { deny, text: own, tag = "", refuse = [] } = input;
    if (deny !== undefined && own !== undefined) {
      const message = "says twice what /robots.txt is";
      report(context, path, { message, remedy: "write either deny or text" });
      return undefined;
    }
    const refused = refuse === "ai" ? aiCrawlers : refuse;
    if (deny === undefined && own === undefined && tag === "" && refused.length === 0) {
      const message = "does nothing";
      report(context, path, { message, remedy: "write deny, text, tag or refuse" });
      return undefined;
    }
    return {
      kind: "robots",
      text: own ?? (deny === undefined ? undefined : textOf(deny)),
      tag,
      refused: refused.map((name) => name.toLowerCase()),
    };
  },
});

function textOf(deny: "all" | "ai" | readonly string[]): string {
  const names = deny === "all" ? ["*"] : deny === "ai" ? aiCrawlers : deny;
  const agents = names.map((name) => `User-agent: ${name}\n`).join("");
  return deny === "all"
    ? `${agents}Disallow: /\n`
    : `${agents}Disallow: /\n\nUser-agent: *\nDisallow:\n`;
}
