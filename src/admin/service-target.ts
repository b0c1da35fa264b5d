// Which service or backend a request is about, read from its body. Names are whatever somebody sent until
// the program has compared them with its own, so they are only bounded here, and shown with care.

import * as z from "zod";

/** Longer than any name or URL of a configuration that anybody can read. */
const maxNameLength = 4096;
const shownLength = 200;

const name = z
  .string({ error: "must be a text" })
  .min(1, "is empty")
  .max(maxNameLength, `is longer than ${maxNameLength} characters`)
  // Half a surrogate pair would come out as another name.
  .refine((text) => text.isWellFormed(), "is not Unicode text");

/** What is not known is refused: a backend that nobody reads would pause its whole service. */
export const serviceTarget = z.strictObject({ service: name });
export const backendTarget = z.strictObject({ service: name, backend: name });
export const releaseTarget = z.strictObject({ service: name, backend: z.exactOptional(name) });
export const switchTarget = z.strictObject({
  service: name,
  on: z.boolean({ error: "must be true or false" }),
});

/** What is taken out of caches. */
export const purgeTarget = z.strictObject({
  kind: z.enum(["url", "prefix", "tag", "all"], { error: "must be url, prefix, tag or all" }),
  value: z.string({ error: "must be a text" }).max(maxNameLength, "is too long"),
  owner: z.exactOptional(name),
});

export type TargetReading<T> =
  | { readonly kind: "target"; readonly target: T }
  | { readonly kind: "bad"; readonly why: string };

/** @param example of a body, for whoever sent something else */
export function readTarget<T>(
  body: unknown,
  schema: z.ZodType<T>,
  example: Readonly<Record<string, unknown>>,
): TargetReading<T> {
  const { data, error } = schema.safeParse(body);
  if (data !== undefined) return { kind: "target", target: data };
  const remedy = `write ${JSON.stringify(example)}`;
  const [issue] = error?.issues ?? [];
  const key = issue?.path[0];
  if (issue?.code === "unrecognized_keys") {
    return { kind: "bad", why: `${shown(issue.keys.join(", "))} is not known here; ${remedy}` };
  }
  const why = key === undefined ? "this is no JSON object" : `"${String(key)}" ${issue?.message}`;
  return { kind: "bad", why: `${why}; ${remedy}` };
}

function shown(text: string): string {
  return JSON.stringify(text.length > shownLength ? `${text.slice(0, shownLength)}…` : text);
}
