// The program's entry: reads the command line and starts the command it names.

import { Command, InvalidArgumentError } from "commander";
import { programVersion } from "../lib/version.ts";
import type { HipacheFlags } from "./hipache.ts";
import { addImportCommands } from "./import-commands.ts";
import { addConfigureCommands } from "./configure.ts";
import { addAccountCommands } from "./account-commands.ts";
import { addOperatingCommands, readWorkers } from "./operate.ts";
import { addServiceCommands } from "./service.ts";

// First of all: without a listener Node opens its debugger on this signal, which is ours for reopening
// logs. (--disable-sigusr1 is no way out: it blocks the signal for good, listener or not.)
process.on("SIGUSR1", () => {});

const program = new Command("tidegate")
  .description("The front door for a host full of containers and VMs.")
  .version(programVersion())
  .showHelpAfterError("(tidegate --help shows all commands)");

program
  .command("run")
  .description("serve; without a configuration file with a sample route to try")
  .option("-c, --config <file>", "configuration file (YAML or JSON), watched while running")
  .option("-p, --port <port>", "port of the embedded defaults (also PORT)", readPort)
  .option("--ports-file <file>", "write the opened addresses to this file, as JSON")
  .option(
    "--workers <count>",
    "processes that serve: a number, auto, or 0 for a single one",
    readCount,
  )
  .option("--control <path>", "control socket, by which the other commands find the program")
  .option("--user <name>", "user to run as after opening the ports, when started by root")
  .option("--group <name>", "group to run as; without it the user's own")
  .option("--pid-file <file>", "write the process id to this file while running")
  .addHelpText(
    "after",
    "\nSignals: TERM and INT drain and end, HUP reloads, USR1 reopens logs, USR2 restarts the workers.",
  )
  .action(async (options: RunFlags) => {
    const { run } = await import("./run.ts");
    const { config, control, portsFile, workers, user, group, pidFile } = options;
    const port = options.port ?? portOfEnvironment() ?? 8080;
    end(await run({ config, port, portsFile, control, workers, user, group, pidFile }));
  });

program
  .command("hipache")
  .description("serve with Hipache's config.json and its Redis, as Hipache does")
  .option("-c, --config <file>", "config.json; otherwise config/config.json or /etc/hipache.json")
  .option("-d, --dry", "print the configuration that it comes to, and end", false)
  .option("--ports-file <file>", "write the opened addresses to this file, as JSON")
  .option("--control <path>", "control socket, by which the other commands find the program")
  .option("--pid-file <file>", "write the process id to this file while running")
  .addHelpText(
    "after",
    "\nSETTINGS_FLAVOR=x reads config/config_x.json. Signals are those of `tidegate run`.\n\nExamples:\n  tidegate hipache --dry -c config.json\n  tidegate hipache -c /etc/hipache.json",
  )
  .action(async (flags: HipacheFlags) => {
    const { hipache } = await import("./hipache.ts");
    await endRead(await hipache(flags));
  });

program
  .command("check <file>")
  .description("say everything that is wrong with a configuration; exit code 1 if anything is")
  .option("--json", "problems as JSON", false)
  .action(async (file: string, options: { json: boolean }) => {
    const { check } = await import("./check.ts");
    await endRead(await check(file, options));
  });

program
  .command("routes [file]")
  .description("print the routes of a configuration, or those that the running program serves by")
  .option("--json", "as JSON", false)
  .option("--control <path>", "control socket of the program (also TIDEGATE_CONTROL)")
  .action((file: string | undefined, options: { json: boolean; control?: string }) =>
    finish(async () => {
      const { routes, runningRoutes } = await import("./routes.ts");
      const { json, control } = options;
      return file === undefined ? runningRoutes({ json, control }) : routes(file, { json });
    }),
  );

program
  .command("schema")
  .description("print the JSON Schema of the configuration, for editors")
  .action(async () => {
    const { schema } = await import("./schema.ts");
    schema();
  });

program
  .command("middlewares [kind]")
  .description("list the middlewares there are, or the settings of one with an example")
  .option("--json", "as JSON, as it is when stdout is no terminal", false)
  .action(async (kind: string | undefined, options: { json: boolean }) => {
    const { middlewares } = await import("./middlewares.ts");
    await endRead(middlewares(kind, options));
  });

const own = program
  .command("middleware")
  .description("write middlewares of your own, and try them");

own
  .command("new <name>")
  .description("write NAME.ts, a middleware to begin with, and its test")
  .option("--folder <folder>", "where to, and where `ownMiddlewares` finds it", "middlewares")
  .action(async (name: string, { folder }: { folder: string }) => {
    const { newMiddleware } = await import("./middleware.ts");
    await endRead(newMiddleware(name, folder));
  });

own
  .command("test [name]")
  .description("run the tests of the folder, each in front of a real backend")
  .option("--folder <folder>", "where they are", "middlewares")
  .action(async (name: string | undefined, { folder }: { folder: string }) => {
    const { testMiddlewares } = await import("./middleware.ts");
    await endRead(testMiddlewares(name, folder));
  });

addImportCommands(program, endRead);
addOperatingCommands(program, finish);
addConfigureCommands(program, finish);
addAccountCommands(program, finish);
addServiceCommands(program, finish);

interface RunFlags {
  readonly config?: string;
  readonly port?: number;
  readonly portsFile?: string;
  readonly workers?: number | "auto";
  readonly control?: string;
  readonly user?: string;
  readonly group?: string;
  readonly pidFile?: string;
}

/** 0 is for the start only: a program that runs cannot go over to a single process. */
function readCount(text: string): number | "auto" {
  return text === "0" ? 0 : readWorkers(text);
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) {
    throw new InvalidArgumentError("A port is a number from 0 to 65535.");
  }
  return port;
}

function portOfEnvironment(): number | undefined {
  const text = process.env["PORT"];
  if (text === undefined || text === "") return undefined;
  try {
    return readPort(text);
  } catch {
    process.stderr.write(`tidegate: PORT=${text} is not a port; a number from 0 to 65535 is\n`);
    return end(2);
  }
}

/** Ends with the code of a command; why there was no answer is a message, not a stack. */
async function finish(work: () => Promise<number>): Promise<void> {
  const { NoAnswer } = await import("./running.ts");
  try {
    await endRead(await work());
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    process.stderr.write(`tidegate: ${error.message}\n`);
    await endRead(error.code);
  }
}

/** Once all that was written has been taken: a pipe holds 64 KiB, and its reader may take its time. */
async function endRead(code: number): Promise<never> {
  await Promise.all([process.stdout, process.stderr].map(taken));
  return end(code);
}

function taken(stream: NodeJS.WriteStream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  // A reader that left, as `head` does, has had what it wanted.
  stream.once("error", () => resolve());
  stream.write("", () => resolve());
  return promise;
}

function end(code: number): never {
  process.exit(code);
}

await program.parseAsync();
