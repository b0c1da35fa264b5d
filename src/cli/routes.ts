// `tidegate routes`: the table of routes that a configuration makes, and what contradicts itself in it; or
// the table that the running program serves by.

import { readRoutes } from "../admin/answers.ts";
import { shownUses } from "../config/middlewares/words.ts";
import { readConfigFile } from "../config/read.ts";
import { formatRule } from "../config/rule.ts";
import type { Route, StreamRoute } from "../config/snapshot.ts";
import { findConflicts } from "../routing/conflicts.ts";
import { tellProblem } from "./paint.ts";
import { ask, type CommandOptions, placeOf, printJson, understood } from "./running.ts";
import { table } from "./table.ts";
import { routeRow, streamRouteRow } from "./welcome.ts";

/** Returns the exit code. */
export async function routes(file: string, options: { readonly json: boolean }): Promise<number> {
  const { snapshot, problems } = await readConfigFile(file);
  for (const problem of problems) tellProblem(problem);
  if (snapshot === undefined) return 1;
  if (options.json) {
    printJson([...snapshot.routes.map(routeJson), ...snapshot.streamRoutes.map(streamRouteJson)]);
    return 0;
  }
  const rows = snapshot.routes.map((route) => [...routeRow(route, snapshot), ...rest(route)]);
  const streamRows = snapshot.streamRoutes.map((route) => [
    ...streamRouteRow(route, snapshot),
    ...rest(route),
  ]);
  const columns = ["RULE", "GOES TO", "PRIORITY", "WRITTEN AT"];
  const lines = table(["ROUTE", ...columns], rows);
  if (streamRows.length > 0) lines.push("", ...table(["TCP ROUTE", ...columns], streamRows));
  process.stdout.write(`${lines.join("\n")}\n`);
  for (const { a, b, why } of findConflicts(snapshot.routes)) {
    process.stderr.write(
      `warning: ${a.name} (${a.origin.place}) and ${b.name} (${b.origin.place}): ${why}\n`,
    );
  }
  return 0;
}

function rest({ priority, origin }: Route | StreamRoute): [string, string] {
  return [priority === undefined ? "" : String(priority), origin.place];
}

/** The page of a maintenance is a whole HTML file. */
function routeJson(route: Route): object {
  const { maintenance } = route;
  return {
    ...route,
    rule: formatRule(route.rule),
    middlewares: shownUses(route.middlewares),
    maintenance: maintenance === undefined ? undefined : { ...maintenance, page: undefined },
  };
}

/** Keys of certificates stay where they are. */
function streamRouteJson(route: StreamRoute): object {
  return {
    ...route,
    protocol: "tcp",
    rule: formatRule(route.rule),
    tls: route.tls === undefined ? "passed on" : "ends here",
  };
}

/** Returns the exit code. */
export async function runningRoutes(options: CommandOptions): Promise<number> {
  const answer = await ask(placeOf(options), { route: "/v1/routes", timeoutMs: 30_000 });
  const routes = understood(answer, readRoutes);
  if (options.json) {
    printJson(answer.body);
    return 0;
  }
  const rows = routes.map(({ name, rule, service, backends, origin }) => {
    // A service without a backend answers nobody, and a route without a service by itself.
    const goal = backends.join(", ") || (service ?? "answers itself");
    return [name, rule, goal, origin];
  });
  process.stdout.write(`${table(["ROUTE", "RULE", "GOES TO", "WRITTEN AT"], rows).join("\n")}\n`);
  return 0;
}
