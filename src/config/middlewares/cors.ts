// Settings of `cors`.

import type * as z from "zod";
import { report } from "../context.ts";
import type { Context } from "../context.ts";
import { isToken } from "../http-scalar.ts";
import { corsLimits } from "../answer-limits.ts";
import { parsePattern } from "../pattern.ts";
import type { Path } from "../problem.ts";
import { duration, flag, key, mapping, oneOrMore, parsed } from "../scalar.ts";
import { isBounded } from "../../lib/bounded-regexp.ts";
import { define, places } from "./definition.ts";
import type { CorsUse } from "./uses/answer.ts";

type Origin =
  | { readonly is: "text"; readonly text: string }
  | { readonly is: "pattern"; readonly pattern: string; readonly flags: string };

const remedy = "write https://app.example.com, https://*.example.com, ~^https://.*$ or *";

const origin = parsed({ what: "an origin", remedy }, (value, refuse): Origin | undefined => {
  if (value.startsWith("~")) {
    const read = parsePattern(value.slice(1));
    if (read.kind === "bad") return refuse(read.why);
    const pattern = `^(?:${read.pattern})$`;
    return isBounded(pattern, read.flags)
      ? { is: "pattern", pattern, flags: read.flags }
      : refuse(`${value} could take very long for what somebody sends`, "write it simpler");
  }
  const text = value.toLowerCase();
  if (text === "null") return refuse("null is the origin of whoever hides it, so of anybody");
  const isOrigin = /^[a-z][a-z0-9+.-]*:\/\/(?:\*\.)?(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/.test(
    text,
  );
  if (text !== "*" && !isOrigin) return refuse(`${JSON.stringify(value)} is not an origin`, remedy);
  // As browsers say it: without the port that is usual.
  return { is: "text", text: text.replace(/^(http:.*):80$|^(https:.*):443$/, "$1$2") };
});

const tokens = (what: string) =>
  oneOrMore(
    parsed({ what }, (value, refuse) =>
      isToken(value) ? value : refuse(`${JSON.stringify(value)} is not ${what}`),
    ),
    { what: `${what}, or a list of them` },
  );

const settings = mapping({
  origins: oneOrMore(origin, { what: "an origin, or a list of them", remedy }).meta({
    description:
      "Who may ask: `https://app.example.com`, `https://*.example.com` for all below it, `*` for everybody, or `~` and a regular expression for the whole origin.",
  }),
  methods: key(tokens("a method"), "What may be done.", ["GET", "HEAD", "POST"]),
  headers: key(
    tokens("a header name"),
    "Header fields that may be sent besides the usual ones; `*` for whatever is asked for.",
  ),
  exposed: key(tokens("a header name"), "Header fields of answers that scripts may read."),
  credentials: key(flag(), "Cookies and passwords may be sent along. Not with `*`.", false),
  maxAge: key(duration(), "How long a browser need not ask again.", "10m"),
  privateNetwork: key(
    flag(),
    "Sites of the internet may ask this one in a private network.",
    false,
  ),
});

export const cors = define({
  kind: "cors",
  summary: "Lets scripts of other origins use this one, and answers their preflights.",
  settings,
  // Before redirects, which no preflight follows, and before anybody is asked for a password.
  place: places.redirect - 10,
  resolve(input: z.output<typeof settings>, context: Context, path: Path): CorsUse | undefined {
    const { origins, methods = ["GET", "HEAD", "POST"], headers = [], exposed = [] } = input;
    const { credentials = false, maxAge = corsLimits.maxAge, privateNetwork = false } = input;
    const texts = origins.flatMap((each) => (each.is === "text" ? [each.text] : []));
    const isForAll = texts.includes("*");
    if (isForAll && origins.length > 1) {
      const message = "allows everybody, and others besides";
      report(context, [...path, "origins"], { message, remedy: "write * alone, or leave it out" });
      return undefined;
    }
    if (isForAll && credentials) {
      const message = "lets everybody act with the cookies of whoever visits them";
      const name = "name the origins that may";
      report(context, [...path, "credentials"], { message, remedy: name });
      return undefined;
    }
    const isAnyHeader = headers.includes("*");
    return {
      kind: "cors",
      origins: texts,
      patterns: origins.flatMap((each) => (each.is === "pattern" ? [each] : [])).map(plain),
      methods,
      headers: isAnyHeader ? "*" : headers.map((name) => name.toLowerCase()),
      exposed,
      credentials,
      maxAge,
      privateNetwork,
    };
  },
  patterns: ({ patterns }) => patterns,
});

function plain({ pattern, flags }: { readonly pattern: string; readonly flags: string }) {
  return { pattern, flags };
}
