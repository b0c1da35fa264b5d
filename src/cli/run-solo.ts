// `tidegate run` with `workers: 0`: everything in this process.

import type { Inherited } from "../process/held-sockets.ts";
import { Program } from "../process/program.ts";
import type { ProgramSettings } from "../process/program-settings.ts";
import { openDiagnostics } from "./diagnostics.ts";
import { readerFor } from "./config-reader.ts";
import { explanationOf } from "./explanation.ts";
import { welcome } from "./welcome.ts";

export { callsEnded } from "../process/ending.ts";

export interface Surroundings {
  readonly inherited: readonly Inherited[];
  onServing(pidFile: string | undefined, status: string): void;
  onReloading(isDone: boolean): void;
  onStopping(): void;
}

/** Returns the exit code. */
export async function runSolo(
  settings: ProgramSettings,
  { inherited, onServing, onReloading, onStopping }: Surroundings,
): Promise<number> {
  const { log, ring } = openDiagnostics();
  const program = new Program({
    settings,
    reader: await readerFor(settings),
    log,
    ring,
    supervisor: undefined,
    inherited,
    onFirst: (snapshot, bound) => {
      process.stdout.write(welcome(snapshot, bound, settings.config, process.stdout.isTTY));
    },
    onServing,
    onReloading,
  });
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.on(name, () => {
      onStopping();
      program.stop();
    });
  }
  process.on("SIGHUP", () => program.reload());
  process.on("SIGUSR1", () => program.reopenLogs());
  process.on("SIGUSR2", () => program.restart());
  try {
    await program.run();
    return 0;
  } catch (error) {
    process.stderr.write(`${explanationOf(error)}\n`);
    return 1;
  }
}
