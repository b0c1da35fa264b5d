// For tables of configurations and all that is told about each of them.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { formatProblem } from "../../src/config/problem.ts";
import { readConfig } from "../../src/config/read.ts";

/**
 * Text, then all problems as they are printed. The warning about missing routes is left out where routes
 * are not the point.
 */
export type ProblemCase = readonly [text: string, ...problems: string[]];

export function checkProblems(cases: readonly ProblemCase[], least: number): void {
  ok(cases.length >= least, `only ${cases.length} cases`);
  for (const [text, ...expected] of cases) {
    const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder: "/nonexistent" });
    const told = problems.map(formatProblem);
    const hasOther = told.some((line) => !line.includes("there are no routes"));
    const shown = told.filter((line) => !hasOther || !line.includes("there are no routes"));
    deepStrictEqual(shown, expected, text);
    const isRefused = problems.some(({ severity }) => severity === "error");
    strictEqual(snapshot === undefined, isRefused, text);
  }
}
