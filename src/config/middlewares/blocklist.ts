// Settings of `blocklist`.

import * as z from "zod";
import { unwantedLimits } from "../answer-limits.ts";
import { report } from "../context.ts";
import type { Context } from "../context.ts";
import { parsePattern } from "../pattern.ts";
import type { Path } from "../problem.ts";
import { flag, key, mapping, mustBe, oneOrMore, parsed } from "../scalar.ts";
import type { Refuse } from "../scalar.ts";
import { isBounded } from "../../lib/bounded-regexp.ts";
import { normaliseHost } from "../../lib/host.ts";
import { define, places } from "./definition.ts";
import type { BlocklistUse, Wanted } from "./uses/unwanted.ts";

/** `~` and a regular expression. Whatever a client sends, it must not hold up the others. */
function patternIn(value: string, refuse: Refuse): Wanted | undefined {
  const read = parsePattern(value.slice(1));
  if (read.kind === "bad") return refuse(read.why);
  const { pattern, flags } = read;
  if (isBounded(pattern, flags)) return { is: "like", pattern, flags };
  return refuse(`${value} could take very long for what somebody sends`, "write it simpler");
}

const agent = parsed({ what: "a part of a User-Agent" }, (value, refuse): Wanted | undefined => {
  if (value.startsWith("~")) return patternIn(value, refuse);
  return value.trim() === "" ? refuse("is empty") : { is: "holds", text: value.toLowerCase() };
});

const referer = parsed({ what: "a host name" }, (value, refuse): Wanted | undefined => {
  if (value.startsWith("~")) return patternIn(value, refuse);
  const host = normaliseHost(value);
  return host === undefined || host === ""
    ? refuse(`${JSON.stringify(value)} is not a host name`, "write spam.example")
    : { is: "holds", text: host };
});

const place = parsed({ what: "a path" }, (value, refuse): Wanted | undefined => {
  if (value.startsWith("~")) return patternIn(value, refuse);
  const remedy = "write /private, /private/*, *.bak or ~REGEX";
  const text = value.toLowerCase();
  const bare = text.replace(/^\*|\*$/, "");
  if (bare.includes("*") || bare === "") return refuse("a * stands at one end", remedy);
  if (text.startsWith("*")) return { is: "ends", text: bare };
  if (!text.startsWith("/"))
    return refuse(`${JSON.stringify(value)} does not begin with /`, remedy);
  return { is: text.endsWith("*") ? "begins" : "exactly", text: bare };
});

const listOf = (item: z.ZodType<Wanted, string>, what: string) =>
  oneOrMore(item, { what: `${what}, or a list of them` }).refine(
    (all) => all.length <= unwantedLimits.entries,
    { error: `has more than ${unwantedLimits.entries} entries` },
  );

const whole = mapping({
  paths: key(
    listOf(place, "a path"),
    "`/exactly`, `/below/*`, `*.bak`, or `~` and a regular expression; in any case of letters.",
  ),
  userAgents: key(
    listOf(agent, "a part of a User-Agent"),
    "Parts of it in any case of letters, or `~` and a regular expression.",
  ),
  referers: key(
    listOf(referer, "a host name"),
    "Hosts that links come from, and all below them, or `~` and a regular expression for the whole URL.",
  ),
  scanners: key(
    flag(),
    "What is looked for where nothing is: `/.env`, `/.git`, `/wp-login.php` and the like.",
    false,
  ),
  except: key(listOf(place, "a path"), "Paths that are let through all the same."),
  noUserAgent: key(flag(), "Also who sends no User-Agent.", false),
  answer: key(
    z.literal([403, 404, 410, "close"], { error: mustBe({ what: "403, 404, 410 or close" }) }),
    "What they get; with `close` the connection ends without a word.",
    403,
  ),
});

type Written = z.output<typeof whole>;

const settings = z.union(
  [z.literal("scanners").transform((): Written => ({ scanners: true })), whole],
  { error: mustBe({ what: "scanners, or a mapping" }) },
);

export const blocklist = define({
  kind: "blocklist",
  summary: "Keeps out by path, User-Agent and Referer, scanners among them.",
  settings,
  place: places.address + 10,
  resolve(input: Written, context: Context, path: Path): BlocklistUse | undefined {
    const { paths = [], userAgents = [], referers = [], except = [], answer = 403 } = input;
    const { scanners = false, noUserAgent = false } = input;
    const count = paths.length + userAgents.length + referers.length;
    if (count === 0 && !scanners && !noUserAgent) {
      const remedy = "write scanners: true, paths, userAgents or referers";
      report(context, path, { message: "keeps nobody out", remedy });
      return undefined;
    }
    return {
      kind: "blocklist",
      paths,
      userAgents,
      referers,
      except,
      scanners,
      noUserAgent,
      status: answer === "close" ? null : answer,
    };
  },
});
