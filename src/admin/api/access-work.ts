// What the endpoints about users, sessions and tokens have in common.

import * as z from "zod";
import { accountLimits } from "../../config/admin-limits.ts";
import type { Access } from "../access.ts";
import type { Accounts } from "../accounts.ts";
import { TooBusy } from "../accounts-password.ts";
import { AccountRefusal } from "../accounts-refusal.ts";
import type { Caller } from "../accounts-entry.ts";
import { isEnough } from "../../config/account.ts";
import { busy } from "./authentication.ts";
import type { Operations } from "../operations.ts";
import { refused, type Reply } from "./reply.ts";

export const tag = "access";
export const password = z
  .string()
  .max(accountLimits.passwordMost)
  .meta({ description: "Without it one is made and shown this once." });
export const time = z.string().meta({ format: "date-time" });

export function withAccounts(
  operations: Operations,
  work: (accounts: Accounts) => Reply | Promise<Reply>,
): Promise<Reply> {
  return withAccess(operations, ({ accounts }) => work(accounts));
}

export async function withAccess(
  operations: Operations,
  work: (access: Extract<Access, { kind: "open" }>) => Reply | Promise<Reply>,
): Promise<Reply> {
  const access = operations.access();
  if (access.kind === "closed") return refused(503, { detail: access.why });
  try {
    return await work(access);
  } catch (error) {
    if (error instanceof TooBusy) return busy();
    if (!(error instanceof AccountRefusal)) throw error;
    const status = { invalid: 422, missing: 404, conflict: 409 } as const;
    return refused(status[error.kind], { detail: error.message });
  }
}

/** What is made here would let in whoever has it after the token is revoked. */
export function refuseToken({ how }: Caller, what: string): Reply | undefined {
  if (how !== "token") return undefined;
  return refused(403, { detail: `a token cannot ${what}; log in with a password` });
}

/** What only somebody with a password has. */
export function refuseImpersonal(caller: Caller, what: string): Reply | undefined {
  if (caller.how !== "socket") return refuseToken(caller, what);
  const detail = `the control socket is no user and cannot ${what}; use tidegate user and tidegate token`;
  return refused(403, { detail });
}

export function isAdmin(caller: Caller): boolean {
  return isEnough(caller.role, "admin");
}

export function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
