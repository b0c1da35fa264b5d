// From what was written about `balance` and `sticky` to settings that are complete. Refuses what each key
// alone allows and what browsers would silently throw away.

import { report } from "./context.ts";
import type { Context } from "./context.ts";
import type { StickyMapping } from "./balance-schema.ts";
import { defaultHashBound, defaultSessions } from "./limits.ts";
import type { Path } from "./problem.ts";
import type { ServiceInput } from "./service-schema.ts";
import type { Balance, Sticky } from "./service.ts";

export function resolveBalance(input: ServiceInput["balance"]): Balance {
  if (input === undefined) return { policy: "two-random" };
  if ("policy" in input) return input;
  return { policy: "hash", key: input.hash, bound: input.bound ?? defaultHashBound };
}

const defaultCookie = "tidegate";

/** Not the one of its parts: they are often sticky too, and two cookies of one name are one. */
export const defaultPartCookie = "tidegate-part";

const ofCookie = ["cookie", "path", "domain", "maxAge", "sameSite", "httpOnly", "secure"] as const;
const ofSession = ["idle", "sessions"] as const;

export function resolveSticky(
  context: Context,
  input: StickyMapping | undefined,
  path: Path,
  usualName = defaultCookie,
): Sticky | undefined {
  if (input === undefined) return undefined;
  const { session } = input;
  if (session !== undefined) {
    for (const each of [...ofCookie, "legacy"] as const) {
      if (input[each] === undefined) continue;
      const message = `${each} is of a cookie of ours, and session is the application's`;
      report(context, [...path, each], { message, remedy: "leave out one of them", at: "key" });
    }
    const { idle = defaultSessions.idle, sessions = defaultSessions.sessions } = input;
    return { kind: "application", source: session, idle, sessions };
  }
  for (const each of ofSession) {
    if (input[each] === undefined) continue;
    const remedy = "add session: cookie:NAME, or leave it out";
    const message = `${each} is of an application's session`;
    report(context, [...path, each], { message, remedy, at: "key" });
  }
  const name = input.cookie ?? usualName;
  checkCookie(context, name, input, path);
  const maxAge = Math.ceil((input.maxAge ?? 0) / 1000);
  return {
    kind: "cookie",
    name,
    path: input.path ?? "/",
    domain: input.domain,
    maxAge: maxAge === 0 ? undefined : maxAge,
    sameSite: input.sameSite ?? "lax",
    httpOnly: input.httpOnly ?? true,
    secure: input.secure ?? "auto",
    legacy: input.legacy,
  };
}

// What browsers refuse to keep: RFC 6265bis sections 4.1.2.7 and 4.1.3.
function checkCookie(context: Context, name: string, input: StickyMapping, path: Path): void {
  if (input.sameSite === "none" && input.secure === "never") {
    const message = "browsers refuse SameSite=None without Secure";
    report(context, [...path, "secure"], { message, remedy: "write always or auto" });
  }
  if (input.legacy === name) {
    const message = `${name} is the cookie we set ourselves`;
    report(context, [...path, "legacy"], { message, remedy: "name another cookie" });
  }
  const [prefix] = /^__(?:Host|Secure)-/i.exec(name) ?? [];
  if (prefix === undefined) return;
  if (input.secure !== "always") {
    const message = `browsers refuse ${name} without Secure`;
    report(context, [...path, "cookie"], { message, remedy: "add secure: always" });
  }
  if (!/host/i.test(prefix)) return;
  if (input.domain !== undefined || (input.path ?? "/") !== "/") {
    const message = `browsers refuse ${name} with a domain, or with a path other than /`;
    report(context, [...path, "cookie"], { message, remedy: "leave them out" });
  }
}
