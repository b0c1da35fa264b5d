// Answers that need no backend, as routes and lists of middlewares write them: redirects and fixed texts.

import * as z from "zod";
import { nearest } from "../lib/nearest.ts";
import { regex } from "./path-schema.ts";
import { missingGroup } from "./pattern.ts";
import { flag, integer, joinFault, key, mapping, mustBe } from "./scalar.ts";
import { oneOrMore, parsed, text } from "./scalar.ts";
import type { Refuse } from "./scalar.ts";

export const placeholders = ["scheme", "host", "uri", "path", "query"];

function readTemplate(value: string, refuse: Refuse) {
  const shown = JSON.stringify(value);
  if (/[\s\p{Cc}]/u.test(value)) return refuse(`${shown} has a space or a control character`);
  for (const [whole, name = ""] of value.matchAll(/\{([^{}]*)\}/g)) {
    if (placeholders.includes(name)) continue;
    const near = nearest(name, placeholders);
    const known = placeholders.map((each) => `{${each}}`).join(", ");
    return refuse(`${whole} is not known`, near === undefined ? `use ${known}` : `write {${near}}`);
  }
  return /^([a-z][a-z0-9+.-]*:\/\/.|\{scheme\}:\/\/.|\/|\{(uri|path)\})/i.test(value)
    ? value
    : refuse(`${shown} is not a URL`, "begin with https://, / or {scheme}://");
}

/** Or to the same URL by https. */
const target = parsed({ what: "a URL" }, (value, refuse) =>
  value === "https" ? value : readTemplate(value, refuse),
);

type Matching = Parameters<typeof missingGroup>[0];

/** Of a redirect with a pattern. */
function readReplacement(value: string, pattern: Matching, refuse: Refuse) {
  const shown = JSON.stringify(value);
  if (/[\s\p{Cc}]/u.test(value)) return refuse(`${shown} has a space or a control character`);
  const [placeholder] = /\{[^{}]*\}/.exec(value) ?? [];
  if (placeholder !== undefined) {
    return refuse(`${placeholder} is not known here`, "the pattern has groups: write $1");
  }
  const missing = missingGroup(pattern, value);
  if (missing !== undefined) return refuse(missing, "put it in ( )");
  return /^([a-z][a-z0-9+.-]*:\/\/.|\/|\$)/i.test(value)
    ? value
    : refuse(`${shown} is not a URL`, "begin with https://, / or $1");
}

const redirectStatus = z.union(
  [z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)],
  { error: mustBe({ what: "one of 301, 302, 303, 307, 308" }) },
);

const oneRedirect = z.union(
  [
    target.transform((to) => ({
      ...{ to, pattern: undefined },
      status: to === "https" ? (308 as const) : (302 as const),
    })),
    mapping({
      to: text({ what: "a URL" }).describe(
        "The URL to go to, with the placeholders above; with `pattern`: with $1, $2 …",
      ),
      status: key(redirectStatus, "301 and 308 are kept by browsers, for long.", 302),
      pattern: key(
        regex(),
        "A JavaScript regular expression for the whole URL, `https://HOST/PATH?QUERY`; other requests go on.",
      ),
    }).transform(({ to, status = 302 as const, pattern }, context) => {
      const refuse: Refuse = (message, remedy) => {
        context.addIssue({ code: "custom", path: ["to"], message: joinFault(message, remedy) });
        return undefined;
      };
      const url =
        pattern === undefined ? readTemplate(to, refuse) : readReplacement(to, pattern, refuse);
      return url === undefined ? z.NEVER : { to: url, status, pattern };
    }),
  ],
  { error: mustBe({ what: "a URL or { to, status, pattern }" }) },
);

export const redirect = oneOrMore(oneRedirect, {
  what: "a URL, { to, status, pattern }, or a list of them",
});

export const forceHttps = z.union(
  [
    flag().transform((isOn): ForceHttpsMapping | undefined => (isOn ? {} : undefined)),
    mapping({
      status: key(redirectStatus, "301 and 308 are kept by browsers, for long.", 308),
      port: key(integer(1, 65_535), "Port of the URL to go to. Without it: the usual one."),
    }),
  ],
  { error: mustBe({ what: "true, false or { status, port }" }) },
);

export interface ForceHttpsMapping {
  readonly status?: z.output<typeof redirectStatus> | undefined;
  readonly port?: number | undefined;
}

export const respond = mapping({
  status: key(integer(200, 599), "Status of the answer.", 200),
  body: key(text({ what: "a text" }), "Body of the answer.", ""),
  contentType: key(
    parsed({ what: "a media type" }, (value, refuse) =>
      /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(\s*;[\x20-\x7e]*)?$/.test(value)
        ? value
        : refuse(`${JSON.stringify(value)} is not a media type`, "write text/plain"),
    ),
    "Its media type.",
    "text/plain; charset=utf-8",
  ),
});

export type RedirectInput = z.output<typeof redirect>;
export type RespondInput = z.output<typeof respond>;
