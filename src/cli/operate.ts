// The part of the command line that speaks to the running program over its control socket. All of these
// commands take --json and --control, and end with 0 = done, 1 = refused or failed, 3 = not running.

import { type Command, InvalidArgumentError } from "commander";
import { parseSize } from "../admin/worker-size.ts";
import type { Action } from "./act.ts";
import { addExplain } from "./explain-command.ts";
import { addCertificateCommands } from "./operate-certificates.ts";
import { addServiceOperations } from "./operate-services.ts";
import { addTrafficCommands } from "./traffic-commands.ts";
import { type Common, common, type Finish, running } from "./operating-command.ts";

export function addOperatingCommands(program: Command, finish: Finish): void {
  running(program, "status", "show what the running program is and does").action(
    (options: Common) => finish(async () => (await import("./status.ts")).status(common(options))),
  );
  addExplain(program, finish);
  running(
    program,
    "discover",
    "show what was found on this host, what it became and what was not understood",
  ).action((options: Common) =>
    finish(async () => (await import("./discover.ts")).discover(common(options))),
  );
  running(program, "nodes", "show the programs that share what they know with this one").action(
    (options: Common) => finish(async () => (await import("./nodes.ts")).nodes(common(options))),
  );
  addCertificateCommands(program, finish);
  addTrust(program, finish);
  running(program, "workers", "show the processes that serve, or change how many there are")
    .argument("[size]", "a number or auto; it holds until the program ends", readWorkers)
    .action((size: number | "auto" | undefined, options: Common) =>
      finish(async () => (await import("./workers.ts")).workers(size, common(options))),
    );
  addTrafficCommands(program, finish);
  running(program, "top", "watch what goes through: routes, backends, workers", [
    "tidegate top",
    "tidegate top --once",
  ])
    .option("--once", "print it once, as when stdout is no terminal", false)
    .action((options: Common & { once: boolean }) =>
      finish(async () => {
        const { once } = options;
        return (await import("./top.ts")).top({ ...common(options), once });
      }),
    );
  addActions(program, finish);
  addServiceOperations(program, finish);
}

function addTrust(program: Command, finish: Finish): void {
  interface Wishes extends Common {
    readonly print: boolean;
    readonly remove: boolean;
    readonly folder?: string;
  }
  running(
    program,
    "trust",
    "have this machine and your browsers trust the authority of tls: internal",
    ["sudo tidegate trust", "tidegate trust --print > root.pem"],
  )
    .option("--print", "print its certificate (PEM), and change nothing", false)
    .option("--remove", "trust it no more", false)
    .option("--folder <path>", "state folder to read it from, when the program does not run")
    .action(({ print, remove, folder, ...options }: Wishes) =>
      finish(async () => {
        const wishes = { ...common(options), print, remove, folder };
        return (await import("./trust.ts")).trust(wishes);
      }),
    );
}

function addActions(program: Command, finish: Finish): void {
  const add = (action: Action, description: string) =>
    running(program, action, description).action((options: Common) =>
      finish(async () => (await import("./act.ts")).act(action, common(options))),
    );
  add("reload", "read the configuration again; exit code 1 if it cannot be used");
  add("restart", "replace all workers, one by one, by such that run the code now on disk");
  add("upgrade", "replace the primary, too; the listening sockets stay open");
  running(program, "stop", "finish what runs, then end the program")
    .option("--now", "cut what runs", false)
    .option("--no-wait", "do not wait for its end")
    .action((options: Common & { now: boolean; wait: boolean }) =>
      finish(async () => {
        const { now, wait } = options;
        const { act } = await import("./act.ts");
        return act("stop", { ...common(options), now, wait });
      }),
    );
}

/** For the command line: the error says what to write. */
export function readWorkers(text: string): number | "auto" {
  const size = parseSize(text);
  if (size.kind === "bad") throw new InvalidArgumentError(size.why);
  return size.size;
}
