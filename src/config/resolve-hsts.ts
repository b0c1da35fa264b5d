// HSTS as the file says it → as the Snapshot holds it, with what the list that is built into browsers asks of whoever wants to be
// on it (https://hstspreload.org).

import { report, type Context } from "./context.ts";
import { hstsMaxAge, type Hsts } from "./hsts.ts";
import type { Path } from "./problem.ts";
import type { RouteInput } from "./route-schema.ts";

export function resolveHsts(
  context: Context,
  input: NonNullable<RouteInput["hsts"]>,
  path: Path,
): Hsts {
  const { maxAge = hstsMaxAge, includeSubDomains = false, preload = false } = input;
  const missing = [
    ...(maxAge < hstsMaxAge ? ["a maxAge of at least 365d"] : []),
    ...(includeSubDomains ? [] : ["includeSubDomains: true"]),
  ];
  if (preload && missing.length > 0) {
    const message = `browsers take no name into their list without ${missing.join(" and ")}`;
    report(context, [...path, "preload"], { message, remedy: "say it, or leave out preload" });
  }
  return { maxAge, includeSubDomains, preload };
}
