// What the running program answers about users and tokens, read and checked like all that it answers (`answers.ts`).

import * as z from "zod";
import { roles } from "../config/account.ts";
import type { TokenRow, UserRow } from "./accounts.ts";
import { maybe } from "./answers.ts";

const role = z.enum(roles);

const users: z.ZodType<UserRow[]> = z.array(
  z.object({ name: z.string(), role, created: z.number() }),
);

const token: z.ZodType<TokenRow> = z.object({
  id: z.string(),
  user: z.string(),
  name: z.string(),
  role,
  created: z.number(),
  expires: z.number(),
  used: maybe(z.number()),
});

const madePassword = z.object({ name: z.string(), password: z.string().nullable() });
const madeToken = z.object({ secret: z.string(), token });

/** Undefined: not what we answer. */
export function readUsers(body: unknown): readonly UserRow[] | undefined {
  return users.safeParse(body).data;
}

export function readTokens(body: unknown): readonly TokenRow[] | undefined {
  return z.array(token).safeParse(body).data;
}

/** `null`: the password that was sent. */
export function readPassword(body: unknown) {
  return madePassword.safeParse(body).data;
}

export function readMadeToken(body: unknown) {
  return madeToken.safeParse(body).data;
}
