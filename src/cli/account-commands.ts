// The part of the command line that is about who may use the admin API.

import { type Command, InvalidArgumentError, Option } from "commander";
import { type Role, roles } from "../config/account.ts";
import { accountLimits as limits } from "../config/admin-limits.ts";
import { type Common, common, type Finish, running } from "./operating-command.ts";

const users = () => import("./user.ts");
const tokens = () => import("./token.ts");

interface PasswordFlags extends Common {
  readonly passwordStdin: boolean;
}

export function addAccountCommands(program: Command, finish: Finish): void {
  const user = program.command("user").description("who may use the admin API");
  withPassword(
    running(user, "add", "add a user; without a password one is made and shown this once", [
      "tidegate user add alice --role edit",
    ]).argument("<name>"),
  )
    .addOption(roleOption("what the user may do", "read"))
    .action((name: string, options: PasswordFlags & { role: Role }) =>
      finish(async () => {
        const { role, passwordStdin } = options;
        return (await users()).addUser(name, { ...common(options), role, passwordStdin });
      }),
    );
  withPassword(
    running(user, "passwd", "give a user another password; ends the user's sessions").argument(
      "<name>",
    ),
  ).action((name: string, options: PasswordFlags) =>
    finish(async () => {
      const { passwordStdin } = options;
      return (await users()).setPassword(name, { ...common(options), passwordStdin });
    }),
  );
  running(user, "remove", "remove a user, with sessions and tokens")
    .argument("<name>")
    .action((name: string, options: Common) =>
      finish(async () => (await users()).removeUser(name, common(options))),
    );
  running(user, "list", "show all users").action((options: Common) =>
    finish(async () => (await users()).listUsers(common(options))),
  );
  addTokens(program, finish);
}

function addTokens(program: Command, finish: Finish): void {
  const token = program.command("token").description("by what scripts use the admin API");
  running(token, "add", "make a token, and show it this once", [
    "tidegate token add deploy --user alice --role edit --days 30",
  ])
    .argument("<name>", "what it is for")
    .option("--user <name>", "whose it is", "admin")
    .addOption(roleOption("what it may do, at most what its user may", "read"))
    .option("--days <count>", "how long it is good", readDays, limits.tokenDays)
    .action((name: string, options: Common & { user: string; role: Role; days: number }) =>
      finish(async () => {
        const { user, role, days } = options;
        return (await tokens()).addToken(name, { ...common(options), user, role, days });
      }),
    );
  running(token, "list", "show all tokens, without what is secret about them").action(
    (options: Common) => finish(async () => (await tokens()).listTokens(common(options))),
  );
  running(token, "revoke", "make a token worthless")
    .argument("<id>", "as `tidegate token list` shows it")
    .action((id: string, options: Common) =>
      finish(async () => (await tokens()).revokeToken(id, common(options))),
    );
}

function roleOption(description: string, usual: Role): Option {
  return new Option("--role <role>", description).choices(roles).default(usual);
}

function withPassword(command: Command): Command {
  return command.option("--password-stdin", "read the password from standard input", false);
}

function readDays(text: string): number {
  const days = Number(text);
  if (/^\d{1,5}$/.test(text) && days >= 1 && days <= limits.tokenDaysMost) return days;
  throw new InvalidArgumentError(`Write a number of days from 1 to ${limits.tokenDaysMost}.`);
}
