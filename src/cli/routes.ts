// `tidegate routes FILE`: the table of routes that a configuration makes, and what contradicts itself in it.

import { formatProblem } from "../config/problem.ts";
import { readConfigFile } from "../config/read.ts";
import { formatRule } from "../config/rule.ts";
import { findConflicts } from "../routing/conflicts.ts";
import { table } from "./table.ts";
import { routeRow } from "./welcome.ts";

/** Returns the exit code. */
export async function routes(file: string, options: { readonly json: boolean }): Promise<number> {
  const { snapshot, problems } = await readConfigFile(file);
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
  if (snapshot === undefined) return 1;
  if (options.json) {
    const rows = snapshot.routes.map((route) => ({ ...route, rule: formatRule(route.rule) }));
    process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return 0;
  }
  const rows = snapshot.routes.map((route) => [
    ...routeRow(route, snapshot),
    route.priority === undefined ? "" : String(route.priority),
    route.origin.place,
  ]);
  process.stdout.write(
    `${table(["ROUTE", "RULE", "GOES TO", "PRIORITY", "WRITTEN AT"], rows).join("\n")}\n`,
  );
  for (const { a, b, why } of findConflicts(snapshot.routes)) {
    process.stderr.write(
      `warning: ${a.name} (${a.origin.place}) and ${b.name} (${b.origin.place}): ${why}\n`,
    );
  }
  return 0;
}
