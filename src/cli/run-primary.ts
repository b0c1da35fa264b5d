// The primary's process: the control plane of a program whose supervisor started it.

import { Program, WantsSingle } from "../process/program.ts";
import { openDiagnostics } from "./diagnostics.ts";
import { readerFor } from "./config-reader.ts";
import { explanationOf } from "./explanation.ts";
import { readPrimaryArguments } from "../process/primary-arguments.ts";
import { welcome } from "./welcome.ts";

export { callsEnded } from "../process/ending.ts";

/** Returns the exit code. @param argument what the supervisor said */
export async function runPrimary(argument: string | undefined): Promise<number> {
  const { settings, supervisor } = readPrimaryArguments(argument);
  const { log, ring } = openDiagnostics();
  const program = new Program({
    settings,
    reader: await readerFor(settings),
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
