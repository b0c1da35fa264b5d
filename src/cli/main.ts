// The program's entry: reads the command line and starts the command it names.

import { Command, InvalidArgumentError } from "commander";

// First of all: without a listener Node opens its debugger on this signal, which is ours for reopening
// logs. (--disable-sigusr1 is no way out: it blocks the signal for good, listener or not.)
process.on("SIGUSR1", () => {});

const program = new Command("tidegate")
  .description("The front door for a host full of containers and VMs.")
  .version("0.1.0")
  .showHelpAfterError("(tidegate --help shows all commands)");

program
  .command("run")
  .description("serve; without a configuration file with a sample route to try")
  .option("-c, --config <file>", "configuration file (YAML or JSON), watched while running")
  .option("-p, --port <port>", "port of the embedded defaults (also PORT)", readPort)
  .option("--ports-file <file>", "write the opened addresses to this file, as JSON")
  .addHelpText("after", "\nSignals: TERM and INT drain and end, HUP reloads, USR1 reopens logs.")
  .action(async (options: { config?: string; port?: number; portsFile?: string }) => {
    const { run } = await import("./run.ts");
    const port = options.port ?? portOfEnvironment() ?? 8080;
    const { config, portsFile } = options;
    const rest = {
      control: undefined,
      workers: undefined,
      user: undefined,
      group: undefined,
      pidFile: undefined,
    };
    end(await run({ config, port, portsFile, ...rest }));
  });

program
  .command("check <file>")
  .description("say everything that is wrong with a configuration; exit code 1 if anything is")
  .option("--json", "problems as JSON", false)
  .action(async (file: string, options: { json: boolean }) => {
    const { check } = await import("./check.ts");
    end(await check(file, options));
  });

program
  .command("routes <file>")
  .description("print the routes of a configuration, and which of them contradict each other")
  .option("--json", "as JSON", false)
  .action(async (file: string, options: { json: boolean }) => {
    const { routes } = await import("./routes.ts");
    end(await routes(file, options));
  });

program
  .command("schema")
  .description("print the JSON Schema of the configuration, for editors")
  .action(async () => {
    const { schema } = await import("./schema.ts");
    schema();
  });

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

function end(code: number): never {
  process.exit(code);
}

await program.parseAsync();
