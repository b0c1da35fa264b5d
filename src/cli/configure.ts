// The part of the command line that changes what is routed while the program runs, and looks at what was changed.

import { type Command, InvalidArgumentError } from "commander";
import { changeWatch } from "../config/store-limits.ts";
import { parseDuration } from "../lib/duration.ts";
import { type Common, common, type Finish, running } from "./operating-command.ts";

export function addConfigureCommands(program: Command, finish: Finish): void {
  addChanges(program, finish);
  addHistory(program, finish);
  addCopies(program, finish);
}

interface ChangeFlags extends Common {
  readonly dryRun: boolean;
  readonly note?: string;
  /** ms */
  readonly watch?: number;
}

interface RehearsedFlags extends ChangeFlags {
  readonly rehearse: boolean;
}

const rehearseOption = [
  "--rehearse",
  "say which of the latest requests would go elsewhere, and change nothing",
  false,
] as const;

const changing = ({ dryRun, note, watch, ...rest }: ChangeFlags) => ({
  ...common(rest),
  ...{ dryRun, note, watchFor: watch },
});

function readWatch(text: string): number {
  const read = parseDuration(text, changeWatch.most);
  if (read.kind === "ms" && read.ms >= changeWatch.least) return read.ms;
  throw new InvalidArgumentError("It is a time from 5s to 1h, such as 60s.");
}

function change(
  program: Command,
  name: string,
  description: string,
  examples: readonly string[] = [],
) {
  return running(program, name, description, examples)
    .option("--dry-run", "say what would change, and change nothing", false)
    .option("--note <text>", "why, for the history")
    .option(
      "--watch <time>",
      "take it back by itself when requests fail within this time, such as 60s",
      readWatch,
    );
}

function addChanges(program: Command, finish: Finish): void {
  change(program, "set <section> <name> <value>", "write a route or service into the store", [
    "tidegate set routes shop.example.com http://10.0.0.7:8080",
    `tidegate set services shop '{"backends": ["http://10.0.0.7:8080"], "check": "/health"}'`,
    "tidegate set routes shop.example.com - < shop.json",
    `tidegate set overlays shop@docker '{"timeouts": {"response": "5m"}}'`,
  ])
    .option(...rehearseOption)
    .action((section: string, name: string, value: string, flags: RehearsedFlags) =>
      finish(async () => {
        const { set } = await import("./store-changes.ts");
        return set({ section, name, value }, { ...changing(flags), rehearse: flags.rehearse });
      }),
    );
  change(program, "unset <section> <name>", "take a route or service out of the store", [
    "tidegate unset routes shop.example.com",
  ])
    .option(...rehearseOption)
    .action((section: string, name: string, flags: RehearsedFlags) =>
      finish(async () => {
        const { unset } = await import("./store-changes.ts");
        return unset({ section, name }, { ...changing(flags), rehearse: flags.rehearse });
      }),
    );
  change(program, "rollback <revision>", "make the store what it was at that revision", [
    "tidegate rollback 7 --dry-run",
    'tidegate rollback 7 --note "the new shop does not work"',
  ]).action((revision: string, flags: ChangeFlags) =>
    finish(async () => {
      const { rollback } = await import("./store-changes.ts");
      return rollback(revision, changing(flags));
    }),
  );
  change(
    program,
    "restore <file>",
    "replace all that is in the store by what `export` wrote; - reads standard input",
    ["tidegate restore routes.json --dry-run", "ssh OTHER tidegate export | tidegate restore -"],
  ).action((file: string, flags: ChangeFlags) =>
    finish(async () => {
      const { restore } = await import("./store-changes.ts");
      return restore(file, changing(flags));
    }),
  );
}

function addHistory(program: Command, finish: Finish): void {
  running(program, "history", "print the latest changes of the store", ["tidegate history -n 5"])
    .option("-n, --count <count>", "how many, at most 100", readCount, 20)
    .action((flags: Common & { count: number }) =>
      finish(async () => {
        const { history } = await import("./store-history.ts");
        return history(flags.count, common(flags));
      }),
    );
  running(
    program,
    "diff <from> [to]",
    "print what changed from one revision of the store to another, or to the latest",
    ["tidegate diff 6 7", "tidegate diff 6"],
  ).action((from: string, to: string | undefined, flags: Common) =>
    finish(async () => {
      const { difference } = await import("./store-history.ts");
      return difference({ from, to }, common(flags));
    }),
  );
}

function addCopies(program: Command, finish: Finish): void {
  running(program, "dump", "print all that is served as one configuration, whoever said it", [
    "tidegate dump > tidegate.yaml",
  ]).action((flags: Common) =>
    finish(async () => (await import("./store-copies.ts")).dump(common(flags))),
  );
  running(program, "export", "print all that is in the store, for `restore`", [
    "tidegate export > routes.json",
  ])
    .option("--keys", "with the private keys of certificates, which are left out otherwise", false)
    .action((flags: Common & { keys: boolean }) =>
      finish(async () => {
        const { exportAll } = await import("./store-copies.ts");
        return exportAll({ ...common(flags), keys: flags.keys });
      }),
    );
  running(
    program,
    "backup <file>",
    "have the program copy its store, history and accounts included, to a new file",
    ["tidegate backup /var/backups/tidegate-$(date +%F).db"],
  ).action((file: string, flags: Common) =>
    finish(async () => (await import("./store-copies.ts")).backup(file, common(flags))),
  );
}

function readCount(text: string): number {
  const count = Number(text);
  if (/^\d{1,3}$/.test(text) && count >= 1 && count <= 100) return count;
  throw new InvalidArgumentError("Write a number from 1 to 100.");
}
