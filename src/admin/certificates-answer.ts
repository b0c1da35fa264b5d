// What the running program answers about certificates, read and checked like all that it answers (`answers.ts`).

import * as z from "zod";
import { maybe } from "./answers.ts";
import type { CertificateRow } from "./operations.ts";

const maybeText = maybe(z.string());

const row: z.ZodType<CertificateRow> = z.object({
  names: z.array(z.string()),
  kind: maybe(z.enum(["ec", "rsa"])),
  fingerprint: maybeText,
  issuer: z.string(),
  from: maybeText,
  until: maybeText,
  state: z.enum([
    ...["ok", "expires soon", "expired", "not yet valid", "unusable"],
    ...["ordering", "waiting"],
  ] as const),
  since: maybeText,
  why: z.string(),
  source: z.string(),
  item: maybeText,
  isNeeded: z.boolean(),
});

/** Undefined: not what we answer. */
export function readCertificates(body: unknown): readonly CertificateRow[] | undefined {
  return z.array(row).safeParse(body).data;
}

const authority = z.object({ certificate: z.string().nullable() });

export function readAuthority(body: unknown): z.output<typeof authority> | undefined {
  return authority.safeParse(body).data;
}
