// Why the program did not start, and what to do, without a stack.

import { formatProblem } from "../config/problem.ts";
import { BadConfiguration } from "../process/primary.ts";

export function explanationOf(error: unknown): string {
  if (error instanceof BadConfiguration) {
    return [
      ...error.problems.map(formatProblem),
      "tidegate: not started, because of the errors above",
    ].join("\n");
  }
  const message = error instanceof Error ? error.message : String(error);
  return `tidegate: not started: ${message}${hintFor(error)}`;
}

function hintFor(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error)) return "";
  if (error.code === "EADDRINUSE") {
    return "\nSomething else listens there already. Stop it, or choose another port: tidegate run --port 8081";
  }
  if (error.code === "EACCES") {
    return "\nPorts below 1024 need root or CAP_NET_BIND_SERVICE. Choose another port, or grant it.";
  }
  return "";
}
