// From what was written about workers, user, socket and files to settings that are complete. Refuses
// what each key alone allows and what would keep the program from ever running quietly.

import { resolve } from "node:path";
import { given, report } from "./context.ts";
import type { Context } from "./context.ts";
import { defaultWorkers, leastWorkers } from "./limits.ts";
import { formatDuration } from "../lib/duration.ts";
import { formatSize } from "../lib/size.ts";
import type { WorkersInput } from "./process-schema.ts";
import type { RunAs, WorkerSettings } from "./snapshot.ts";

export function resolveWorkers(context: Context, input: WorkersInput | undefined): WorkerSettings {
  const workers = { ...defaultWorkers, ...given(input) };
  const refuse = (name: string, message: string, remedy: string) =>
    report(context, ["workers", name], { message, remedy });
  const { memoryLimit, checkInterval, hangTimeout } = workers;
  if (memoryLimit !== 0 && memoryLimit < leastWorkers.memoryLimit) {
    const least = formatSize(leastWorkers.memoryLimit);
    refuse(
      "memoryLimit",
      "is less than a worker needs for itself",
      `write at least ${least}, or 0 for no limit`,
    );
  }
  if (checkInterval < leastWorkers.checkInterval) {
    const least = formatDuration(leastWorkers.checkInterval);
    const off = checkInterval === 0 ? "; to turn it off write memoryLimit: 0" : "";
    refuse("checkInterval", "is too short", `write at least ${least}${off}`);
  }
  if (hangTimeout !== 0 && hangTimeout < leastWorkers.hangTimeout) {
    const least = formatDuration(leastWorkers.hangTimeout);
    refuse(
      "hangTimeout",
      "is too short: a worker that is only busy would be killed",
      `write at least ${least}, or 0 for never`,
    );
  }
  return workers;
}

export function resolveRunAs(
  context: Context,
  user: string | undefined,
  group: string | undefined,
): RunAs {
  if (group !== undefined && user === undefined) {
    const message = "says nothing without user: root with another group is still root";
    report(context, ["group"], { message, remedy: "add user", at: "key" });
  }
  return { user, group };
}

export function resolveSocket(context: Context, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const place = resolve(context.baseFolder, path);
  const bytes = Buffer.byteLength(place);
  // The kernel's sun_path has 108 bytes, and the last one is a NUL.
  if (bytes > 107) {
    const message = `${place} has ${bytes} bytes, and the system allows a socket 107`;
    report(context, ["controlSocket"], { message, remedy: "choose a shorter path" });
  }
  return place;
}

export function resolvePath(context: Context, path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(context.baseFolder, path);
}
