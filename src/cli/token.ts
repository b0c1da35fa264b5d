// `tidegate token`: by what scripts use the admin API.

import type { Role } from "../config/account.ts";
import { readMadeToken, readTokens } from "../admin/account-answers.ts";
import type { Question } from "../admin/control-client.ts";
import { outcomeOf, refusalOf, tellOutcome } from "./outcome.ts";
import { ask, type CommandOptions, placeOf, printJson, understood } from "./running.ts";
import { table } from "./table.ts";
import { dateOf } from "./user.ts";

/** Returns the exit code, like all that follow. */
export async function addToken(
  name: string,
  options: CommandOptions & { readonly user: string; readonly role: Role; readonly days: number },
): Promise<number> {
  const { user, role, days } = options;
  const body = { name, user, role, days };
  const answer = await ask(placeOf(options), { route: "/v1/tokens", method: "POST", body });
  const refusal = refusalOf(answer);
  if (refusal !== undefined) return tellOutcome(refusal, options);
  const { secret, token } = understood(answer, readMadeToken);
  if (options.json) {
    printJson(answer.body);
    return 0;
  }
  process.stderr.write(`shown this once; good until ${dateOf(token.expires)}:\n`);
  process.stdout.write(`${secret}\n`);
  return 0;
}

export async function listTokens(options: CommandOptions): Promise<number> {
  const answer = await ask(placeOf(options), { route: "/v1/tokens" });
  const refusal = refusalOf(answer);
  if (refusal !== undefined) return tellOutcome(refusal, options);
  const tokens = understood(answer, readTokens);
  if (options.json) {
    printJson(answer.body);
    return 0;
  }
  const rows = tokens.map(({ id, name, user, role, expires, used }) => {
    return [id, name, user, role, dateOf(expires), used === undefined ? "never" : dateOf(used)];
  });
  const lines =
    rows.length === 0 ? ["none"] : table(["ID", "FOR", "USER", "ROLE", "UNTIL", "USED"], rows);
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

export async function revokeToken(id: string, options: CommandOptions): Promise<number> {
  const question: Question = { route: "/v1/tokens/revoke", method: "POST", body: { id } };
  return tellOutcome(await outcomeOf(placeOf(options), question), options);
}
