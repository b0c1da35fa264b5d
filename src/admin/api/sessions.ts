// Logging in and out, and one's own password.

import * as z from "zod";
import { sessionLimits } from "../../config/admin-limits.ts";
import { TooBusy } from "../accounts-password.ts";
import type { Login } from "../accounts-entry.ts";
import { password, refuseImpersonal, tag, withAccess } from "./access-work.ts";
import { busy, cookieName, tooOften } from "./authentication.ts";
import { type Endpoint, endpoint, jsonBody, noBody, noQuery, openEndpoint } from "./endpoint.ts";
import { done, refused } from "./reply.ts";
import { outcome, role } from "./schemas.ts";

const session = z.object({
  user: z.string(),
  role,
  how: z.enum(["session", "basic", "token", "socket"]),
  csrf: z.string().nullable().meta({
    description:
      "Goes into the header X-Tidegate-Csrf of what changes something; null = no session.",
  }),
});

export const sessionEndpoints: readonly Endpoint[] = [
  openEndpoint({
    method: "post",
    path: "/v1/login",
    ...{ tag, id: "login", query: noQuery },
    summary: "Begin a session: for browsers, scripts have tokens",
    body: jsonBody(z.strictObject({ user: z.string().max(1000), password: z.string().max(1000) })),
    answer: {
      description: "The session is in the cookie.",
      schema: session,
      headers: { "Set-Cookie": "The session; HttpOnly, SameSite=Strict." },
    },
    refusals: [401, 422, 429, 503],
    async run({ operations, body, from, isTls }) {
      const access = operations.access();
      if (access.kind === "closed") return refused(503, { detail: access.why });
      let login: Login;
      try {
        login = await access.entry.login(body.user, body.password, from);
      } catch (error) {
        if (error instanceof TooBusy) return busy();
        throw error;
      }
      switch (login.kind) {
        case "wait":
          return tooOften(login.ms);
        case "refused":
          return refused(401, { detail: "user or password is wrong" });
        case "session": {
          const { secret, csrf } = login;
          const cookie = cookieFor(secret, isTls, sessionLimits.longest);
          const answer = { user: body.user, role: login.role, how: "session", csrf };
          return done(answer, { "Set-Cookie": cookie });
        }
      }
    },
  }),
  endpoint({
    method: "post",
    path: "/v1/logout",
    ...{ tag, id: "logout", role: "read", query: noQuery, body: noBody },
    summary: "End the session",
    answer: { description: "It is over.", schema: outcome },
    run({ operations, caller, isTls }) {
      const access = operations.access();
      if (access.kind === "open") access.entry.logout(caller);
      const message = caller.session === undefined ? "there was no session" : "the session is over";
      return done({ ok: true, message }, { "Set-Cookie": cookieFor("", isTls, 0) });
    },
  }),
  endpoint({
    method: "get",
    path: "/v1/session",
    ...{ tag, id: "whoami", role: "read", query: noQuery, body: noBody },
    summary: "Who is asking, and what that one may do",
    answer: { description: "User and role.", schema: session },
    run: ({ caller }) => {
      const { user: who, role: may, how } = caller;
      return done({ user: who, role: may, how, csrf: caller.session?.csrf ?? null });
    },
  }),
  endpoint({
    method: "put",
    path: "/v1/session/password",
    ...{ tag, id: "change_password", role: "read", query: noQuery },
    summary: "Change one's own password, and end all of one's sessions",
    body: jsonBody(z.strictObject({ current: z.string().max(1000), password })),
    answer: { description: "It is set.", schema: outcome },
    refusals: [422],
    run: ({ operations, caller, body }) =>
      withAccess(operations, async ({ accounts, entry }) => {
        const refusal = refuseImpersonal(caller, "change a password of its own");
        if (refusal !== undefined) return refusal;
        const known = await entry.byBasic(caller.user, body.current, caller.from);
        if (known.kind === "wait") return tooOften(known.ms);
        if (known.kind === "refused") {
          const errors = [{ pointer: "/current", message: "is not your password" }];
          return refused(422, { detail: "the current password is another one", errors });
        }
        await accounts.setPassword(caller.user, body.password, caller);
        return done({ ok: true, message: "the password is set; log in again" });
      }),
  }),
];

function cookieFor(secret: string, isTls: boolean, ageMs: number): string {
  const secure = isTls ? "; Secure" : "";
  const age = Math.floor(ageMs / 1000);
  return `${cookieName(isTls)}=${secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${age}${secure}`;
}
