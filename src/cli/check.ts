// `tidegate check FILE`: says what is wrong with a configuration, all of it, and changes nothing.

import { readConfigFile } from "../config/read.ts";
import type { Snapshot } from "../config/snapshot.ts";
import { tellProblem } from "./paint.ts";
import { counted } from "./units.ts";

/** Returns the exit code: 1 when there is an error, 0 also with warnings. */
export async function check(file: string, options: { json: boolean }): Promise<number> {
  const { snapshot, problems } = await readConfigFile(file);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(problems, null, 2)}\n`);
  } else {
    for (const problem of problems) tellProblem(problem);
    if (snapshot !== undefined) process.stdout.write(`${summary(snapshot)}\n`);
  }
  return snapshot === undefined ? 1 : 0;
}

function summary({ routes, services, listeners }: Snapshot): string {
  const parts = [
    counted(routes.length, "route"),
    counted(services.size, "service"),
    counted(listeners.length, "listener"),
  ];
  return `ok: ${parts.join(", ")}`;
}
