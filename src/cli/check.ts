// `tidegate check FILE`: says what is wrong with a configuration, all of it, and changes nothing.

import { formatProblem } from "../config/problem.ts";
import type { Problem } from "../config/problem.ts";
import { readConfigFile } from "../config/read.ts";
import type { Snapshot } from "../config/snapshot.ts";

/** Returns the exit code: 1 when there is an error, 0 also with warnings. */
export async function check(file: string, options: { json: boolean }): Promise<number> {
  const { snapshot, problems } = await readConfigFile(file);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(problems, null, 2)}\n`);
  } else {
    for (const problem of problems) process.stderr.write(`${shown(problem)}\n`);
    if (snapshot !== undefined) process.stdout.write(`${summary(snapshot)}\n`);
  }
  return snapshot === undefined ? 1 : 0;
}

function summary({ routes, services, listeners }: Snapshot): string {
  const parts = [
    counted(routes.length, "route"),
    counted(Object.keys(services).length, "service"),
    counted(listeners.length, "listener"),
  ];
  return `ok: ${parts.join(", ")}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

// The severity as colour, on a terminal that has not asked for none (no-color.org).
function shown(problem: Problem): string {
  const text = formatProblem(problem);
  const noColour = process.env["NO_COLOR"] ?? "";
  if (!process.stderr.isTTY || noColour !== "") return text;
  return `\u001B[${problem.severity === "error" ? 31 : 33}m${text}\u001B[0m`;
}
