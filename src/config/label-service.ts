// What a service of labels may cost. The file may say more: its author is whose machine it is.

import { formatDuration } from "../lib/duration.ts";
import { formatSize } from "../lib/size.ts";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import { labelService } from "./provider-limits.ts";
import type { Path } from "./problem.ts";
import type { BackendService, HealthCheck } from "./service.ts";

/** Brings it within bounds, and warns of what was beyond them. */
export function withinBounds(
  context: Context,
  service: BackendService,
  path: Path,
): BackendService {
  const warn = (at: readonly string[], shown: string) => {
    const message = `is beyond what a label may say, and ${shown} is used`;
    const remedy = "leave it out, or say it in the configuration file";
    report(context, [...path, ...at], { message, remedy, severity: "warning" });
  };
  const most = (
    value: number,
    bound: number,
    at: readonly string[],
    format: (value: number) => string = String,
  ) => {
    if (value > bound) warn(at, format(bound));
    return Math.min(value, bound);
  };
  const { retry, pool, sticky, check } = service;
  return {
    ...service,
    retry: {
      ...retry,
      replayBody: most(
        retry.replayBody,
        labelService.replayBody,
        ["retry", "replayBody"],
        formatSize,
      ),
    },
    pool: { ...pool, maxIdle: most(pool.maxIdle, labelService.maxIdle, ["pool", "maxIdle"]) },
    sticky:
      sticky?.kind === "application"
        ? {
            ...sticky,
            sessions: most(sticky.sessions, labelService.sessions, ["sticky", "sessions"]),
          }
        : sticky,
    check: check === undefined ? undefined : seldom(check, warn),
  };
}

function seldom(
  check: HealthCheck,
  warn: (at: readonly string[], shown: string) => void,
): HealthCheck {
  const least = labelService.checkInterval;
  const [interval, fastInterval] = [check.interval, check.fastInterval];
  if (interval < least) warn(["check", "interval"], formatDuration(least));
  else if (fastInterval < least) warn(["check", "fastInterval"], formatDuration(least));
  return {
    ...check,
    interval: Math.max(interval, least),
    fastInterval: Math.max(fastInterval, least),
  };
}
