// `tidegate check FILE`: says what is wrong with a configuration, all of it, and changes nothing.

import { readConfigFile } from "../config/read.ts";
import type { Problem } from "../config/problem.ts";
import type { Snapshot } from "../config/snapshot.ts";
import { tellProblem } from "./paint.ts";
import { counted } from "./units.ts";

/** Returns the exit code: 1 when there is an error, 0 also with warnings. */
export async function check(file: string, options: { json: boolean }): Promise<number> {
  const { snapshot, problems: found } = await readConfigFile(file);
  const problems = snapshot === undefined ? found : [...found, ...(await testProblems(snapshot))];
  const isUsable = snapshot !== undefined && !problems.some(({ severity }) => severity === "error");
  if (options.json) {
    process.stdout.write(`${JSON.stringify(problems, null, 2)}\n`);
  } else {
    for (const problem of problems) tellProblem(problem);
    if (isUsable) process.stdout.write(`${summary(snapshot)}\n`);
  }
  return isUsable ? 0 : 1;
}

/** Of the tests of routes that this file can be held to by itself. */
async function testProblems(snapshot: Snapshot): Promise<readonly Problem[]> {
  const { tests = [] } = snapshot;
  if (tests.length === 0) return [];
  const { Explainer } = await import("../explain/explainer.ts");
  const { failedTests, isOfOthers, toldProblems } = await import("../explain/route-tests.ts");
  const own = tests.filter((each) => !isOfOthers(each));
  const left = tests.filter(isOfOthers).map(({ at }): Problem => {
    const message =
      "only the running program can run this test: it is about what is not in the file";
    return { ...at, message, severity: "warning" };
  });
  const failed = await failedTests(new Explainer(), { ...snapshot, tests: own });
  return [...toldProblems(failed), ...left];
}

function summary({ routes, services, listeners, tests = [] }: Snapshot): string {
  const parts = [
    counted(routes.length, "route"),
    counted(services.size, "service"),
    counted(listeners.length, "listener"),
    ...(tests.length === 0 ? [] : [counted(tests.length, "test")]),
  ];
  return `ok: ${parts.join(", ")}`;
}
