// Users, and who did what: for the role admin.

import * as z from "zod";
import { accountLimits, apiLimits } from "../../config/admin-limits.ts";
import { isoOf, password, refuseToken, tag, time, withAccounts } from "./access-work.ts";
import { type Endpoint, endpoint, jsonBody, noBody, noQuery } from "./endpoint.ts";
import { done } from "./reply.ts";
import { limit, number, outcome, role } from "./schemas.ts";

const name = z.string().min(1).max(accountLimits.userName);
const user = z.object({ name: z.string(), role, created: time });
const madePassword = z.object({ name: z.string(), password: z.string().nullable() });

const auditPage = z.object({
  entries: z.array(
    z.object({
      number: z.int(),
      at: time,
      by: z.string(),
      from: z.string(),
      what: z.string(),
      outcome: z.string(),
      revision: z.int().nullable().meta({
        description: "Of the store; `GET /v1/history/N` has what was there before and after.",
      }),
    }),
  ),
  next: z.string().nullable(),
});

export const userEndpoints: readonly Endpoint[] = [
  endpoint({
    method: "get",
    path: "/v1/users",
    ...{ tag, id: "list_users", role: "admin", query: noQuery, body: noBody },
    summary: "Who may use the API",
    answer: { description: "Names and roles.", schema: z.array(user) },
    run: ({ operations }) =>
      withAccounts(operations, (accounts) =>
        done(accounts.users().map((each) => ({ ...each, created: isoOf(each.created) }))),
      ),
  }),
  endpoint({
    method: "post",
    path: "/v1/users",
    ...{ tag, id: "add_user", role: "admin", query: noQuery },
    summary: "Add a user",
    description: "Not with a token: who stole one could come back after it is revoked.",
    body: jsonBody(z.strictObject({ name, role, password: password.optional() })),
    answer: { status: 201, description: "The user.", schema: madePassword },
    refusals: [409, 422],
    run: ({ operations, caller, body }) =>
      withAccounts(operations, async (accounts) => {
        const refusal = refuseToken(caller, "add users");
        if (refusal !== undefined) return refusal;
        const made = await accounts.addUser({ ...body, password: body.password }, caller);
        return { status: 201, body: { name: body.name, password: made ?? null } };
      }),
  }),
  endpoint({
    method: "put",
    path: "/v1/users/{name}/password",
    ...{ tag, id: "set_password", role: "admin", query: noQuery },
    summary: "Set a user's password, and end the user's sessions",
    description: "Not with a token, as with adding users.",
    body: jsonBody(z.strictObject({ password: password.optional() })),
    answer: { description: "It is set.", schema: madePassword },
    refusals: [404, 422],
    run: ({ operations, caller, params, body }) =>
      withAccounts(operations, async (accounts) => {
        const refusal = refuseToken(caller, "set passwords");
        if (refusal !== undefined) return refusal;
        const whose = params["name"] ?? "";
        const made = await accounts.setPassword(whose, body.password, caller);
        return done({ name: whose, password: made ?? null });
      }),
  }),
  endpoint({
    method: "delete",
    path: "/v1/users/{name}",
    ...{ tag, id: "remove_user", role: "admin", query: noQuery, body: noBody },
    summary: "Remove a user, with sessions and tokens",
    answer: { description: "It is gone.", schema: outcome },
    refusals: [404, 409],
    run: ({ operations, caller, params }) =>
      withAccounts(operations, (accounts) => {
        const whose = params["name"] ?? "";
        accounts.removeUser(whose, caller);
        return done({ ok: true, message: `${whose} is removed` });
      }),
  }),
  endpoint({
    method: "get",
    path: "/v1/audit",
    ...{ tag, id: "audit", role: "admin", body: noBody },
    summary: "Who did what, when and from where, the latest first",
    query: z.strictObject({ limit, before: number("Only those before this one.") }),
    answer: { description: "A page of it.", schema: auditPage },
    run: ({ operations, query }) =>
      withAccounts(operations, (accounts) => {
        const size = Math.max(1, query.limit ?? apiLimits.pageDefault);
        const found = accounts.audit(query.before, size + 1);
        const entries = found.slice(0, size).map(({ at, revision, ...each }) => ({
          ...each,
          at: isoOf(at),
          revision: revision ?? null,
        }));
        const last = found.length > size ? entries.at(-1)?.number : undefined;
        return done({ entries, next: last === undefined ? null : String(last) });
      }),
  }),
];
