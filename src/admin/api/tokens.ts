// Tokens, by which scripts ask: one's own, or everybody's for the role admin.

import * as z from "zod";
import { accountLimits } from "../../config/admin-limits.ts";
import type { TokenRow } from "../accounts.ts";
import {
  isAdmin,
  isoOf,
  refuseImpersonal,
  refuseToken,
  tag,
  time,
  withAccounts,
} from "./access-work.ts";
import { type Endpoint, endpoint, jsonBody, noBody, noQuery } from "./endpoint.ts";
import { done } from "./reply.ts";
import { name as named, outcome, role } from "./schemas.ts";

const token = named(
  "Token",
  z.object({
    id: z.string(),
    user: z.string(),
    name: z.string(),
    role,
    created: time,
    expires: time,
    used: time.nullable(),
  }),
);

export const tokenEndpoints: readonly Endpoint[] = [
  endpoint({
    method: "get",
    path: "/v1/tokens",
    ...{ tag, id: "list_tokens", role: "read", query: noQuery, body: noBody },
    summary: "Tokens: one's own, or of everybody for the role admin",
    answer: { description: "Without what is secret about them.", schema: z.array(token) },
    run: ({ operations, caller }) =>
      withAccounts(operations, (accounts) => {
        const all = accounts.tokens();
        const visible = all.filter((each) => isAdmin(caller) || each.user === caller.user);
        return done(visible.map(shownToken));
      }),
  }),
  endpoint({
    method: "post",
    path: "/v1/tokens",
    ...{ tag, id: "add_token", role: "read", query: noQuery },
    summary: "Make a token for a script",
    description: "Not with a token: it could make another one for ever.",
    body: jsonBody(
      z.strictObject({
        name: z.string().max(accountLimits.tokenName).meta({ description: "What it is for." }),
        role,
        days: z
          .int()
          .min(1)
          .max(accountLimits.tokenDaysMost)
          .default(accountLimits.tokenDays)
          .meta({
            description: "How long it is good.",
          }),
      }),
    ),
    answer: {
      status: 201,
      description: "The token, shown this once.",
      schema: z.object({ secret: z.string(), token }),
    },
    refusals: [409, 422],
    run: ({ operations, caller, body }) =>
      withAccounts(operations, (accounts) => {
        const refusal = refuseImpersonal(caller, "make tokens of its own");
        if (refusal !== undefined) return refusal;
        const made = accounts.addToken({ user: caller.user, ...body }, caller);
        const answer = { secret: made.secret, token: shownToken(made.token) };
        return { status: 201, body: answer };
      }),
  }),
  endpoint({
    method: "delete",
    path: "/v1/tokens/{id}",
    ...{ tag, id: "revoke_token", role: "read", query: noQuery, body: noBody },
    summary: "Revoke a token; anybody's for the role admin",
    answer: { description: "It is good for nothing any more.", schema: outcome },
    refusals: [404],
    run: ({ operations, caller, params }) =>
      withAccounts(operations, (accounts) => {
        const id = params["id"] ?? "";
        const refusal = isAdmin(caller) ? undefined : refuseToken(caller, "revoke tokens");
        if (refusal !== undefined) return refusal;
        accounts.revokeToken(id, isAdmin(caller) ? undefined : caller.user, caller);
        return done({ ok: true, message: `token ${id} is revoked` });
      }),
  }),
];

function shownToken({ created, expires, used, ...each }: TokenRow) {
  return {
    ...each,
    created: isoOf(created),
    expires: isoOf(expires),
    used: used === undefined ? null : isoOf(used),
  };
}
