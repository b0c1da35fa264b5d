// `tidegate user`: who may use the admin API. A password is never an argument: those are seen by everybody on the
// machine.

import { text } from "node:stream/consumers";
import type { Role } from "../config/account.ts";
import { readPassword, readUsers } from "../admin/account-answers.ts";
import type { Question } from "../admin/control-client.ts";
import { outcomeOf, refusalOf, tellOutcome } from "./outcome.ts";
import { plain } from "./plain.ts";
import { ask, type CommandOptions, placeOf, printJson, understood } from "./running.ts";
import { table } from "./table.ts";

export interface PasswordOptions extends CommandOptions {
  readonly passwordStdin: boolean;
}

/** Returns the exit code, like all that follow. */
export async function addUser(
  name: string,
  options: PasswordOptions & { readonly role: Role },
): Promise<number> {
  const { role } = options;
  const body = { name, role, ...(await passwordIn(options)) };
  const said = `${name} may use the API with the role ${role}`;
  return withPassword({ route: "/v1/users", method: "POST", body }, said, options);
}

export async function setPassword(name: string, options: PasswordOptions): Promise<number> {
  const body = { name, ...(await passwordIn(options)) };
  const question: Question = { route: "/v1/users/password", method: "POST", body };
  return withPassword(question, `${name} has another password`, options);
}

export async function removeUser(name: string, options: CommandOptions): Promise<number> {
  const question: Question = { route: "/v1/users/remove", method: "POST", body: { name } };
  return tellOutcome(await outcomeOf(placeOf(options), question), options);
}

export async function listUsers(options: CommandOptions): Promise<number> {
  const answer = await ask(placeOf(options), { route: "/v1/users" });
  const refusal = refusalOf(answer);
  if (refusal !== undefined) return tellOutcome(refusal, options);
  const users = understood(answer, readUsers);
  if (options.json) {
    printJson(answer.body);
    return 0;
  }
  const rows = users.map(({ name, role, created }) => [name, role, dateOf(created)]);
  const lines =
    rows.length === 0
      ? ["none: tidegate user add NAME --role admin adds one"]
      : table(["USER", "ROLE", "SINCE"], rows);
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

async function withPassword(
  question: Question,
  said: string,
  options: CommandOptions,
): Promise<number> {
  const answer = await ask(placeOf(options), question);
  const refusal = refusalOf(answer);
  if (refusal !== undefined) return tellOutcome(refusal, options);
  const { password } = understood(answer, readPassword);
  if (options.json) {
    printJson(answer.body);
    return 0;
  }
  const shown = password === null ? "" : `\nthe password, shown this once: ${password}`;
  process.stdout.write(`${plain(said)}${shown}\n`);
  return 0;
}

async function passwordIn({ passwordStdin }: PasswordOptions): Promise<{ password?: string }> {
  if (!passwordStdin) return {};
  return { password: (await text(process.stdin)).replace(/\r?\n$/, "") };
}

export function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
