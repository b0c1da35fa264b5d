// The part of the command line that makes the program a service of the machine.

import type { Command } from "commander";
import type { Finish } from "./operating-command.ts";

const defaultUser = "tidegate";
const defaultConfig = "/etc/tidegate/tidegate.yaml";

interface InstallFlags {
  readonly user: string;
  readonly config: string;
  readonly prefix: string;
  readonly dryRun: boolean;
  readonly start: boolean;
  readonly guests: boolean;
}

interface UninstallFlags {
  readonly purge: boolean;
  readonly prefix: string;
  readonly dryRun: boolean;
}

export function addServiceCommands(program: Command, finish: Finish): void {
  program
    .command("install")
    .description("make this program a systemd service: unit, user, folders, configuration")
    .option("--user <name>", "who the service runs as; made when missing", defaultUser)
    .option("--config <file>", "its configuration; written when missing", defaultConfig)
    .option("--prefix <folder>", "put everything below this folder, for packages and images", "")
    .option("--dry-run", "say what would be done, and do nothing", false)
    .option("--no-start", "do not start the service")
    .option("--guests", "with the rights that files and sockets of containers take", false)
    .action((options: InstallFlags) =>
      finish(async () => (await import("./install.ts")).install(options)),
    );
  program
    .command("uninstall")
    .description("remove what install made; configuration, logs and user stay without --purge")
    .option("--purge", "remove those, too", false)
    .option("--prefix <folder>", "as for install", "")
    .option("--dry-run", "say what would be done, and do nothing", false)
    .action((options: UninstallFlags) =>
      finish(async () => (await import("./uninstall.ts")).uninstall(options)),
    );
}
