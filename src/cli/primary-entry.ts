// What the primary's process begins with, started by the supervisor; nobody calls it by hand.

import { parentMismatch } from "../process/entry.ts";
import { Program, WantsSingle } from "../process/program.ts";
import { explanationOf } from "./explanation.ts";
import { createLogger } from "../lib/log.ts";
import { LogRing } from "../lib/log-ring.ts";
import { readPrimaryArguments } from "../process/primary-arguments.ts";
import { welcome } from "./welcome.ts";

// Without a listener Node opens its debugger on SIGUSR1; a terminal sends the others to all processes, and
// the supervisor tells us what they mean.
for (const name of ["SIGUSR1", "SIGUSR2", "SIGINT", "SIGHUP"] as const) process.on(name, () => {});
process.title = "tidegate: primary";

const mismatch = parentMismatch();
if (mismatch !== undefined) {
  process.stderr.write(`tidegate: ${mismatch}\n`);
  process.exit(1);
}

const { settings, supervisor } = readPrimaryArguments(process.argv[2]);
const ring = new LogRing();
const log = createLogger({
  pretty: process.stderr.isTTY,
  level: "info",
  onRecord: (record) => ring.push(record),
});
const program = new Program({
  settings,
  log,
  ring,
  supervisor,
  inherited: [],
  onFirst(snapshot, bound) {
    if (!supervisor.isFirst) return;
    process.stdout.write(welcome(snapshot, bound, settings.config, process.stdout.isTTY));
  },
  onServing() {},
  onReloading() {},
});
process.on("SIGTERM", () => program.stop());

process.exit(await outcome());

async function outcome(): Promise<number> {
  try {
    await program.run();
    return 0;
  } catch (error) {
    if (error instanceof WantsSingle) {
      await program.leave({ kind: "single" });
      return 0;
    }
    const why = explanationOf(error);
    // Whoever asked for an upgrade reads it where they asked.
    if (supervisor.isFirst) process.stderr.write(`${why}\n`);
    await program.leave({ kind: "not-started", why });
    return 1;
  }
}
