// What is asked about users and tokens over the control socket: whoever may connect there may do everything, so it
// is also the way back in for who forgot the password.

import type { Context } from "hono";
import * as z from "zod";
import { roles } from "../config/account.ts";
import { accountLimits as limits } from "../config/admin-limits.ts";
import { TooBusy } from "./accounts-password.ts";
import { AccountRefusal } from "./accounts-refusal.ts";
import { type Accounts, socketActor } from "./accounts.ts";
import type { App } from "./app.ts";
import type { Operations } from "./operations.ts";
import { badRequest, refuse } from "./problem-answer.ts";
import { body } from "./request-body.ts";
import { readTarget } from "./service-target.ts";

const text = z.string({ error: "must be a text" }).max(1000, "is too long");
const role = z.enum(roles, { error: `must be one of ${roles.join(", ")}` });
const daysError = { error: `must be a whole number from 1 to ${limits.tokenDaysMost}` };
const days = z.int(daysError).min(1, daysError).max(limits.tokenDaysMost, daysError);

export function addAccounts(app: App, operations: Operations): void {
  app.get("/v1/users", (c) => answered(c, operations, (all) => all.users()));
  app.get("/v1/tokens", (c) => answered(c, operations, (all) => all.tokens()));
  app.post("/v1/users", (c) =>
    ordered(c, operations, {
      schema: z.strictObject({ name: text, role, password: text.optional() }),
      example: { name: "alice", role: "edit" },
      perform: async (accounts, { name, role: may, password }) => ({
        name,
        password: (await accounts.addUser({ name, role: may, password }, socketActor)) ?? null,
      }),
    }),
  );
  app.post("/v1/users/password", (c) =>
    ordered(c, operations, {
      schema: z.strictObject({ name: text, password: text.optional() }),
      example: { name: "alice" },
      perform: async (accounts, { name, password }) => ({
        name,
        password: (await accounts.setPassword(name, password, socketActor)) ?? null,
      }),
    }),
  );
  app.post("/v1/users/remove", (c) =>
    ordered(c, operations, {
      schema: z.strictObject({ name: text }),
      example: { name: "alice" },
      perform(accounts, { name }) {
        accounts.removeUser(name, socketActor);
        return { ok: true, message: `${name} is removed, with all sessions and tokens` };
      },
    }),
  );
  app.post("/v1/tokens", (c) =>
    ordered(c, operations, {
      schema: z.strictObject({ user: text, name: text, role, days: days.optional() }),
      example: { user: "alice", name: "deploy", role: "edit" },
      perform(accounts, { user, name, role: may, days: good = limits.tokenDays }) {
        const wish = { user, name, role: may, days: good };
        return accounts.addToken(wish, socketActor);
      },
    }),
  );
  app.post("/v1/tokens/revoke", (c) =>
    ordered(c, operations, {
      schema: z.strictObject({ id: text }),
      example: { id: "0123456789ab" },
      perform(accounts, { id }) {
        accounts.revokeToken(id, undefined, socketActor);
        return { ok: true, message: `token ${id} is revoked` };
      },
    }),
  );
}

interface Order<T> {
  readonly schema: z.ZodType<T>;
  readonly example: Readonly<Record<string, unknown>>;
  perform(accounts: Accounts, wish: T): unknown;
}

async function ordered<T>(
  c: Context,
  operations: Operations,
  { schema, example, perform }: Order<T>,
): Promise<Response> {
  const reading = readTarget(await body(c), schema, example);
  if (reading.kind === "bad") return badRequest(c, reading.why);
  return answered(c, operations, (accounts) => perform(accounts, reading.target));
}

async function answered(
  c: Context,
  operations: Operations,
  work: (accounts: Accounts) => unknown,
): Promise<Response> {
  const access = operations.access();
  if (access.kind === "closed") {
    return refuse(c, { status: 503, title: "Not available", detail: access.why });
  }
  try {
    return c.json(await work(access.accounts));
  } catch (error) {
    if (error instanceof TooBusy) {
      return refuse(c, { status: 503, title: "Not available", detail: error.message });
    }
    if (!(error instanceof AccountRefusal)) throw error;
    const status = { invalid: 422, missing: 404, conflict: 409 } as const;
    return refuse(c, { status: status[error.kind], title: "Refused", detail: error.message });
  }
}
