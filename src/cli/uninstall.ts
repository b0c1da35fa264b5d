// `tidegate uninstall`: stops the service and removes what `tidegate install` made. Configuration, logs
// and user stay unless `--purge` is given: they may be wanted again, and cannot be made again.

import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { type Terminal, findAccount, hasSystemd, tell, terminal } from "./host.ts";
import { type Made, placesBelow, readRecord } from "./install-record.ts";

export interface UninstallOptions {
  readonly purge: boolean;
  /** As for `install`. */
  readonly prefix: string;
  readonly dryRun: boolean;
}

interface Task extends UninstallOptions {
  readonly output: Terminal;
}

/** Returns the exit code. */
export async function uninstall(options: UninstallOptions, output = terminal): Promise<number> {
  const task = { ...options, output };
  const { prefix, dryRun } = options;
  if (prefix === "" && !dryRun && process.geteuid?.() !== 0) {
    return refuse(task, "needs root. Use sudo, or look first with --dry-run");
  }
  const made = readRecord(prefix);
  if (made.length === 0) {
    const path = placesBelow(prefix).record;
    return refuse(
      task,
      `nothing to remove: there is no ${path}, where \`install\` notes what it made`,
    );
  }
  const units = made.filter((each) => each.kind === "unit" && existsSync(each.name));
  if (units.length > 0 && !removeUnits(units, task)) return 1;
  const others = made.filter((each) => each.kind !== "unit");
  if (task.purge) return purge(others, task);
  for (const each of others) say(task, "keeps", titleOf(each));
  output.say("to remove these, too: tidegate uninstall --purge");
  return 0;
}

/** The unit, and what was put beside it. */
function removeUnits(units: readonly Made[], task: Task): boolean {
  const isLive = task.prefix === "" && hasSystemd();
  if (isLive) {
    say(task, "stops", "tidegate.service");
    const order = ["disable", "--now", "tidegate.service"];
    const said = task.dryRun ? undefined : tell("systemctl", order);
    if (said?.isFine === false) {
      refuse(task, `the service could not be stopped, so nothing was removed: ${said.text}`);
      return false;
    }
  }
  for (const { name } of units) {
    say(task, "removes", name);
    if (task.dryRun) continue;
    rmSync(name);
    // What others put there stays, and so does the folder then.
    if (dirname(name).endsWith(".service.d") && readdirSync(dirname(name)).length === 0) {
      rmdirSync(dirname(name));
    }
  }
  if (task.dryRun) return true;
  if (isLive) {
    tell("systemctl", ["daemon-reload"]);
    // A failed unit is remembered without its file. Nothing to forget is a failure, and fine.
    tell("systemctl", ["reset-failed", "tidegate.service"]);
  }
  return true;
}

/** In the opposite order, so that the record goes last: what failed half-way can be repeated. */
function purge(made: readonly Made[], task: Task): number {
  for (const each of made.toReversed()) {
    say(task, "removes", titleOf(each));
    if (task.dryRun) continue;
    if (each.kind !== "user") rmSync(each.name, { recursive: true, force: true });
    else if (findAccount(each.name) !== undefined) {
      const { isFine, text } = tell("userdel", [each.name]);
      if (!isFine) return refuse(task, `the user ${each.name} could not be removed: ${text}`);
    }
  }
  // Where the settings folder was there before, the record alone is ours.
  if (!task.dryRun) rmSync(placesBelow(task.prefix).record, { force: true });
  return 0;
}

function titleOf({ kind, name }: Made): string {
  return kind === "user" ? `user ${name}` : name;
}

function say({ dryRun, output }: Task, verb: string, what: string): void {
  output.say(`${dryRun ? "would: " : ""}${verb} ${what}`);
}

function refuse({ output }: Task, message: string): number {
  output.complain(`tidegate uninstall: ${message}`);
  return 1;
}
