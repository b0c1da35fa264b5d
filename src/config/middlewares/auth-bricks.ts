// What the settings of several middlewares that look at who asks have in common.

import { hashCost, mostUsers } from "../auth-limits.ts";
import { report } from "../context.ts";
import type { Context } from "../context.ts";
import { resolveDocument } from "../document-settings.ts";
import type { DocumentWish } from "../documents.ts";
import { isToken } from "../http-scalar.ts";
import type { Path } from "../problem.ts";
import { filePath, joinFault, key, mapping, mustBe, oneOrMore, parsed } from "../scalar.ts";
import { secretText } from "../secret-scalar.ts";
import { entryRemedy, readEntry, type UserListForm } from "../../lib/user-list.ts";
import * as z from "zod";
import type { CredentialPlace, UserHash } from "./uses/auth.ts";

/** Without them, or with others, the backend reads another request than we did; and those that say who asks are ours. */
const framing = new Set([
  ...["connection", "content-length", "expect", "host", "keep-alive", "te", "trailer"],
  ...["transfer-encoding", "upgrade", "forwarded", "x-real-ip", "http2-settings"],
  ...["proxy-authenticate", "proxy-authorization", "proxy-connection"],
  ...["x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto"],
  ...["x-forwarded-protocol", "x-forwarded-server", "x-forwarded-prefix"],
]);

/** A field that a middleware sets for the backend. */
export function fieldName() {
  const expected = { what: "a header name", remedy: "write X-Forwarded-User" };
  return parsed(expected, (value, refuse) => {
    const fault = fieldFault(value);
    return fault === undefined ? value : refuse(fault, expected.remedy);
  });
}

/** Why a middleware may not set it; undefined = it may. */
function fieldFault(value: string): string | undefined {
  if (!isToken(value)) return `${JSON.stringify(value)} is not a header name`;
  const name = value.toLowerCase().replaceAll("_", "-");
  return framing.has(name) ? `${value} has a meaning of its own on the way` : undefined;
}

/** Fields that a middleware sets for the backend, and what stands in each. */
export function fieldsOf<Value extends z.ZodType>(value: Value, what: string) {
  return z
    .record(z.string(), value, { error: mustBe({ what: `a mapping of header names to ${what}` }) })
    .superRefine((all, context) => {
      for (const name of Object.keys(all)) {
        const fault = fieldFault(name);
        if (fault === undefined) continue;
        const message = joinFault(fault, "write X-Forwarded-User");
        context.addIssue({ code: "custom", path: [name], message });
      }
    });
}

/** What browsers show above the question for a password; it stands in quotes. */
export const realm = parsed({ what: "a text" }, (value, refuse) =>
  /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(value)
    ? value
    : refuse('may hold ASCII letters, digits, spaces and signs except " and \\'),
);

/** Users, written here or in a file. */
export function userKeys(form: UserListForm, what: string) {
  const entry = secretText("a text", (text, refuse): UserHash | undefined => {
    const found = readEntry(text, form, hashCost);
    return "why" in found ? refuse(found.why, entryRemedy(form)) : [found.key, found.value];
  });
  // Whatever stands there may be a password.
  const error = joinFault("must be a list of texts", entryRemedy(form));
  const entries = z.array(entry, { error }).min(1, joinFault("must not be empty"));
  const all = z.union([entry.transform((one) => [one]), entries], { error });
  return {
    users: key(all.meta({ title: "oneOrMore" }), `${what}; ${entryRemedy(form)}.`),
    file: key(filePath(), "A file with a line for each of them. It is read again when it changes."),
  };
}

interface Written {
  readonly users?: readonly UserHash[] | undefined;
  readonly file?: string | undefined;
}

interface Users {
  readonly users: readonly UserHash[];
  readonly documents: readonly DocumentWish[];
}

/** undefined after it reported that there are none, or one twice. */
export function usersOf(
  { users = [], file }: Written,
  form: UserListForm,
  context: Context,
  path: Path,
  name = "users",
): Users | undefined {
  if (users.length === 0 && file === undefined) {
    report(context, path, {
      message: "nobody is let in",
      remedy: `add ${name} or file`,
      at: "key",
    });
    return undefined;
  }
  const seen = new Set(users.map(([each]) => each));
  if (seen.size < users.length || seen.size > mostUsers) {
    const message = seen.size > mostUsers ? `has more than ${mostUsers}` : "has somebody twice";
    report(context, [...path, name], { message, remedy: "write each of them once" });
    return undefined;
  }
  if (file === undefined) return { users, documents: [] };
  const wish = resolveDocument(context, { file }, form, path);
  return wish === undefined ? undefined : { users, documents: [wish] };
}

const placeRemedy = "write bearer, header:NAME, query:NAME or cookie:NAME";

const place = parsed({ what: "where it stands", remedy: placeRemedy }, (value, refuse) => {
  if (value === "bearer") return { from: "bearer", name: "" } satisfies CredentialPlace;
  const [, from = "", name = ""] = /^(header|query|cookie):\s*(.+)$/.exec(value) ?? [];
  const isKnown = from === "query" ? /^[\w.~-]+$/.test(name) : isToken(name);
  if (!isKnown) return refuse(`${JSON.stringify(value)} is no such place`, placeRemedy);
  return asPlace(from, name);
});

function asPlace(from: string, name: string): CredentialPlace {
  if (from === "header") return { from, name: name.toLowerCase() };
  return { from: from === "query" ? "query" : "cookie", name };
}

export function credentialPlaces() {
  return oneOrMore(place, { what: "a place or a list of places", remedy: placeRemedy });
}

/** What is written in short, or with more. */
export function eitherForm<Short extends z.ZodType, Shape extends z.ZodRawShape>(
  short: Short,
  shape: Shape,
  what: string,
) {
  return z.union([short, mapping(shape)], { error: mustBe({ what }) });
}
