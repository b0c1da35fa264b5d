// Who asks, from what came with the request: `Authorization: Bearer` or `Basic`, or the cookie of a session.

import { isEnough, type Role } from "../../config/account.ts";
import { isToken, socketActor } from "../accounts.ts";
import type { AccountsEntry, Caller, Entry } from "../accounts-entry.ts";
import { TooBusy } from "../accounts-password.ts";
import { csrfHeader } from "./guard.ts";
import { type Reply, refused } from "./reply.ts";

export type Identified =
  | { readonly kind: "caller"; readonly caller: Caller }
  | { readonly kind: "refused"; readonly reply: Reply };

export interface Asking {
  readonly headers: Headers;
  readonly from: string;
  readonly isTls: boolean;
}

/** Who may open the control socket owns the program. */
export const socketCaller: Caller = {
  ...{ ...socketActor, user: "control socket" },
  ...{ role: "admin", how: "socket", session: undefined },
};

export function cookieName(isTls: boolean): string {
  // With this prefix browsers take it over TLS only, for this host only.
  return isTls ? "__Host-tidegate_session" : "tidegate_session";
}

export async function identify(entry: AccountsEntry, asking: Asking): Promise<Identified> {
  let found: Entry | "nobody";
  try {
    found = await entryOf(entry, asking);
  } catch (error) {
    if (error instanceof TooBusy) return { kind: "refused", reply: busy() };
    throw error;
  }
  if (found === "nobody") return { kind: "refused", reply: notLoggedIn("log in first") };
  switch (found.kind) {
    case "caller":
      return found;
    case "refused":
      return { kind: "refused", reply: notLoggedIn("this is not valid, or not any more") };
    case "wait":
      return { kind: "refused", reply: tooOften(found.ms) };
  }
}

async function entryOf(
  entry: AccountsEntry,
  { headers, from, isTls }: Asking,
): Promise<Entry | "nobody"> {
  const authorization = headers.get("authorization");
  if (authorization !== null) {
    const [, scheme = "", value = ""] = /^(bearer|basic) +([^ ]+) *$/i.exec(authorization) ?? [];
    if (scheme.toLowerCase() === "bearer") return entry.byToken(value, from);
    const pair = scheme === "" ? undefined : pairOf(value);
    // A token may stand in the place of a password, for clients that know nothing else.
    if (pair !== undefined && isToken(pair.password)) return entry.byToken(pair.password, from);
    return pair === undefined ? { kind: "refused" } : entry.byBasic(pair.name, pair.password, from);
  }
  const secret = cookieOf(headers.get("cookie") ?? "", cookieName(isTls));
  return secret === undefined ? "nobody" : entry.bySession(secret, from);
}

function pairOf(base64: string): { readonly name: string; readonly password: string } | undefined {
  const text = Buffer.from(base64, "base64").toString();
  const colon = text.indexOf(":");
  if (colon === -1) return undefined;
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

function cookieOf(header: string, name: string): string | undefined {
  for (const each of header.split(";")) {
    const [key, value] = each.trim().split("=", 2);
    if (key === name && value !== undefined && /^[\w-]{43}$/.test(value)) return value;
  }
  return undefined;
}

/** Basic is not offered: a browser would remember it and send it along with whatever a page asks for. */
function notLoggedIn(why: string): Reply {
  const detail = `${why}: send Authorization: Bearer with a token, or POST /v1/login`;
  return refused(401, { detail, headers: { "WWW-Authenticate": 'Bearer realm="Tidegate"' } });
}

export function tooOften(ms: number): Reply {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  const detail = `too many failed logins; try again in ${seconds} s`;
  return refused(429, { detail, headers: { "Retry-After": String(seconds) } });
}

export function busy(): Reply {
  const detail = "too many logins at once; try again in a moment";
  return refused(503, { detail, headers: { "Retry-After": "2" } });
}

export function refuseRole({ role, user }: Caller, needed: Role): Reply | undefined {
  if (isEnough(role, needed)) return undefined;
  const detail = `this needs the role ${needed}, and ${user} has ${role} here`;
  return refused(403, { detail });
}

/** A cookie comes by itself with every request; this does not. */
export function refuseForged(caller: Caller, headers: Headers): Reply | undefined {
  if (caller.session === undefined || headers.get(csrfHeader) === caller.session.csrf) {
    return undefined;
  }
  const detail = `a session needs the header ${csrfHeader}, with what POST /v1/login answered`;
  return refused(403, { detail });
}
