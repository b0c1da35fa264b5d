// Names and values of header fields that a configuration may write: nothing that says where a message ends.

import * as z from "zod";
import { framingFields } from "../framing-fields.ts";
import { isToken } from "../http-scalar.ts";
import { mustBe, parsed } from "../scalar.ts";

/** Printable, with tabs, of Latin-1 (RFC 9110 section 5.5). */
const value = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What is wrong with changing it, and what to do instead; undefined = nothing. */
export function whyNotChanged(name: string): { message: string; remedy?: string } | undefined {
  const lower = name.toLowerCase();
  if (!isToken(name)) return { message: `${JSON.stringify(name)} is not a header name` };
  if (framingFields.has(lower))
    return { message: `${name} is about the connection, and not changed` };
  return undefined;
}

export const headerName = parsed({ what: "a header name" }, (name, refuse) => {
  const wrong = whyNotChanged(name);
  return wrong === undefined ? name : refuse(wrong.message, wrong.remedy);
});

export const headerValue = parsed(
  { what: "a text", remedy: 'put it in quotes: "1"' },
  (text, refuse) => {
    if (!value.test(text)) return refuse("has characters that no header field can hold");
    return text.trim() === text ? text : refuse("has spaces at its ends, which are never sent");
  },
);

/** `{ X-Name: value }`, in the order they are written. */
export function headerValues() {
  return z
    .record(z.string(), headerValue, { error: mustBe({ what: "a mapping of names to values" }) })
    .superRefine((all, context) => {
      const seen = new Set<string>();
      for (const name of Object.keys(all)) {
        const wrong = whyNotChanged(name);
        const twice = seen.has(name.toLowerCase()) ? `${name} is there twice` : undefined;
        const message = wrong?.message ?? twice;
        if (message !== undefined) context.addIssue({ code: "custom", path: [name], message });
        seen.add(name.toLowerCase());
      }
    });
}
