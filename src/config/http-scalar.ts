// Bricks of the schema that have a meaning in HTTP: names of fields and cookies, pairs of name and value,
// ranges of status codes, and where a value is taken from (`header:X-Session`).

import * as z from "zod";
import { mustBe, parsed, text } from "./scalar.ts";
import type { Refuse } from "./scalar.ts";
import type { KeySource, StatusRange } from "./service.ts";

/** RFC 9110 section 5.6.2; names of cookies are tokens too. */
export const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

export function pairs(what: string, isName: (name: string) => boolean) {
  return z
    .record(z.string(), text({ what: "a text", remedy: 'put it in quotes: "1"' }), {
      error: mustBe({ what: `a mapping of ${what} to value` }),
    })
    .superRefine((all, context) => {
      for (const name of Object.keys(all)) {
        if (isName(name)) continue;
        const message = `${JSON.stringify(name)} is not a name of a ${what}`;
        context.addIssue({ code: "custom", path: [name], message });
      }
    });
}

export function isToken(name: string): boolean {
  return token.test(name);
}

export const cookieName = parsed({ what: "the name of a cookie" }, (value, refuse) =>
  isToken(value) ? value : refuse(`${JSON.stringify(value)} is not the name of a cookie`),
);

// What may stand in a field value (RFC 9110 section 5.5), without the spaces around it.
export const authority = parsed({ what: "a host name" }, (value, refuse) =>
  /^[\w.:[\]-]+$/.test(value) ? value : refuse(`${JSON.stringify(value)} is not a host name`),
);

/** A status, or a range of them, `500-504`: always a range in the end. `least` to 599. */
export function statuses(least: number) {
  const remedy = "write [502] or [500-504]";
  const wanted = { what: `a status from ${least} to 599, or a range of them`, remedy };
  const error = mustBe(wanted);
  const isStatus = (code: number) => code >= least && code <= 599;
  const one = z
    .union([z.int({ error }), z.string()], { error })
    .meta({ title: "status or range" })
    .transform((value, context): StatusRange => {
      const [, first = "", last = first] = /^(\d{3})(?:\s*-\s*(\d{3}))?$/.exec(String(value)) ?? [];
      const [from, to] = [Number(first), Number(last)];
      if (isStatus(from) && isStatus(to) && from <= to) return [from, to];
      context.addIssue(error({ input: value }));
      return z.NEVER;
    });
  return z.array(one, { error: mustBe({ what: "a list of statuses", remedy }) });
}

/** `header:NAME`, `cookie:NAME` and the like. `plain` are words that stand for themselves. */
export function parseKeySource(
  value: string,
  { plain, named }: { readonly plain: readonly string[]; readonly named: readonly string[] },
  refuse: Refuse,
): KeySource | undefined {
  const forms = [...plain, ...named.map((each) => `${each}:NAME`)];
  const remedy = `write ${forms.slice(0, -1).join(", ")} or ${forms.at(-1) ?? ""}`;
  const shown = JSON.stringify(value);
  if ((value === "client-ip" || value === "path") && plain.includes(value)) return { from: value };
  const colon = value.indexOf(":");
  const from = value.slice(0, Math.max(colon, 0));
  const name = value.slice(colon + 1).trim();
  if (!named.includes(from)) return refuse(`${shown} is not known here`, remedy);
  if (from === "query" && name !== "") return { from, name };
  if (!isToken(name)) return refuse(`${JSON.stringify(name)} is not a name`, remedy);
  if (from === "header") return { from, name: name.toLowerCase() };
  return from === "cookie" ? { from, name } : refuse(`${shown} is not known here`, remedy);
}
