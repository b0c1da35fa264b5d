// The part of the command line that is about certificates.

import type { Command } from "commander";
import { type Common, common, type Finish, running } from "./operating-command.ts";

interface ChangeFlags extends Common {
  readonly dryRun: boolean;
  readonly note?: string;
}

/** Options that both have are taken by the first command, wherever they stand. */
function changing(command: Command) {
  const flags = command.optsWithGlobals<ChangeFlags>();
  return { ...common(flags), dryRun: flags.dryRun, note: flags.note };
}

export function addCertificateCommands(program: Command, finish: Finish): void {
  const certificates = running(
    program,
    "certs",
    "show certificates and how it stands with them; exit code 1 if one that is needed is no good",
  ).action((options: Common) =>
    finish(async () => (await import("./certificates.ts")).certificates(common(options))),
  );
  running(certificates, "renew", "have a certificate ordered now that is had by itself")
    .argument("<name>", "one of its names, or its fingerprint")
    .action((name: string, _: Common, command: Command) =>
      finish(async () => {
        const options = common(command.optsWithGlobals<Common>());
        return (await import("./certificates.ts")).renew(name, options);
      }),
    );
  addChanges(certificates, finish);
}

function addChanges(certificates: Command, finish: Finish): void {
  const change = (name: string, description: string, examples: readonly string[]) =>
    running(certificates, name, description, examples)
      .argument("<name>", "what the store calls it; any name")
      .option("--dry-run", "say what would change, and change nothing", false)
      .option("--note <text>", "why, for the history");
  change("put", "write a certificate with its key into the store", [
    "tidegate certs put shop --cert fullchain.pem --key privkey.pem",
    "tidegate certs put shop --cert both.pem",
  ])
    .requiredOption("--cert <file>", "PEM: the certificate, and those above it")
    .option("--key <file>", "PEM: its key, unless it stands in the same file")
    .action((name: string, { cert, key }: { cert: string; key?: string }, command: Command) =>
      finish(async () => {
        const { putCertificate } = await import("./certificate-changes.ts");
        return putCertificate({ name, cert, key }, changing(command));
      }),
    );
  change("remove", "take a certificate out of the store", ["tidegate certs remove shop"]).action(
    (name: string, _: Common, command: Command) =>
      finish(async () => {
        const { removeCertificate } = await import("./certificate-changes.ts");
        return removeCertificate(name, changing(command));
      }),
  );
}
