// `tidegate run`: serves until it is told to stop. This process holds the sockets and supervises, unless
// everything is to run in one process. It loads little: what reads the configuration is loaded by others.

import { join } from "node:path";

import type { Log } from "../lib/log.ts";
import { prettyLine, lineOf } from "../lib/log-line.ts";
import { remoteLog } from "../lib/remote-log.ts";
import { inheritedSockets } from "../process/inherited.ts";
import { notifier } from "../process/notify.ts";
import { type PidFile, writePidFile } from "../process/pid-file.ts";
import type { ProgramSettings } from "../process/program-settings.ts";
import { type Ending, Supervisor } from "../process/supervisor.ts";

export type RunOptions = ProgramSettings;

/** Returns the exit code. */
export async function run(settings: RunOptions): Promise<number> {
  const log = remoteLog((record) => {
    const line = lineOf(record);
    process.stderr.write(process.stderr.isTTY ? prettyLine(line) : line);
  });
  const systemd = notifier(process.env, log);
  const inherited = inheritedSockets(process.env, process.pid);
  let pidFile: PidFile | undefined;
  let isReady = false;
  let callsEnded = async () => {};
  const announce = {
    onServing(wantedPidFile: string | undefined, status: string) {
      if (wantedPidFile !== undefined) pidFile ??= tryPidFile(wantedPidFile, log);
      isReady = true;
      void systemd.ready(status);
    },
    onReloading(isDone: boolean) {
      // The first reading is the start, which `ready` ends.
      if (isReady) void systemd.reloading(isDone);
    },
    onStopping: () => void systemd.stopping("finishing what runs"),
  };
  try {
    if (settings.workers !== 0) {
      const ending = await supervise(settings, { log, inherited, ...announce });
      if (ending !== "single") return ending;
    }
    const solo = await import("./run-solo.ts");
    callsEnded = solo.callsEnded;
    return await solo.runSolo(settings, { inherited, ...announce });
  } finally {
    pidFile?.[Symbol.dispose]();
    await callsEnded();
  }
}

/** A PID file that cannot be written is no reason not to serve. */
function tryPidFile(path: string, log: Log): PidFile | undefined {
  try {
    return writePidFile(path);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    log.error("the PID file cannot be written", { path, cause });
    return undefined;
  }
}

type Surroundings = Omit<ConstructorParameters<typeof Supervisor>[0], "settings" | "primaryEntry">;

async function supervise(settings: RunOptions, surroundings: Surroundings): Promise<Ending> {
  process.title = "tidegate: supervisor";
  const primaryEntry = join(import.meta.dirname, "primary-entry");
  const supervisor = new Supervisor({ settings, primaryEntry, ...surroundings });
  const signals = {
    SIGTERM: () => supervisor.stop(),
    SIGINT: () => supervisor.stop(),
    SIGHUP: () => supervisor.tell("reload"),
    SIGUSR1: () => supervisor.tell("reopen-logs"),
    SIGUSR2: () => supervisor.tell("restart"),
  };
  for (const [name, listener] of Object.entries(signals)) process.on(name, listener);
  const ending = await supervisor.run();
  for (const [name, listener] of Object.entries(signals)) process.off(name, listener);
  return ending;
}
