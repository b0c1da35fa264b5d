// From what was written about checks, traffic, breakers and maintenance to settings that are complete.
// Refuses what each key alone allows, such as two kinds of check at once.

import { formatDuration } from "../lib/duration.ts";
import { parseBreakerExpression } from "./breaker-expression.ts";
import { given, report } from "./context.ts";
import type { Context } from "./context.ts";
import type { BreakerInput, CheckInput, MaintenanceInput } from "./health-schema.ts";
import { defaultBreaker, defaultCheck, defaultMaintenance, maxPageBytes } from "./limits.ts";
import { textOf } from "./pem.ts";
import type { Path } from "./problem.ts";
import { dataAt } from "./source.ts";
import type { Breaker, HealthCheck, Maintenance, ProbeSettings } from "./service.ts";

const kinds = ["http", "tcp", "grpc", "mysql", "postgres"] as const;
const ofHttp = ["method", "host", "headers", "statuses", "body"] as const;

/** undefined also after it reported a problem. */
export function resolveCheck(
  context: Context,
  input: CheckInput | undefined,
  path: Path,
): HealthCheck | undefined {
  if (input === undefined) return undefined;
  const probe = probeOf(context, input, path);
  const { port, interval, fastInterval, timeout, rise, fall, initially } = input;
  const slow = interval ?? defaultCheck.interval;
  if (fastInterval !== undefined && fastInterval > slow) {
    const message = `is longer than interval (${formatDuration(slow)})`;
    report(context, [...path, "fastInterval"], { message, remedy: "write less, or leave it out" });
  }
  if (probe === undefined) return undefined;
  return {
    ...defaultCheck,
    ...given({ timeout, rise, fall, initially }),
    probe,
    port,
    interval: slow,
    fastInterval: fastInterval ?? Math.min(defaultCheck.fastInterval, slow),
  };
}

function probeOf(context: Context, input: CheckInput, path: Path): ProbeSettings | undefined {
  const [kind, ...more] = kinds.filter((each) => input[each] !== undefined);
  if (kind === undefined) {
    const remedy = "add http: /health, or one of tcp, grpc, mysql and postgres";
    report(context, path, { message: "does not say what to ask", remedy, at: "key" });
    return undefined;
  }
  for (const other of more) {
    const message = `${kind} is asked already`;
    report(context, [...path, other], { message, remedy: "leave out one of them", at: "key" });
  }
  for (const each of kind === "http" ? [] : ofHttp) {
    if (input[each] === undefined) continue;
    const message = `${each} is of a check by http, and this one is by ${kind}`;
    report(context, [...path, each], { message, remedy: "leave it out", at: "key" });
  }
  return probeFrom(context, kind, input, path);
}

function probeFrom(
  context: Context,
  kind: (typeof kinds)[number],
  input: CheckInput,
  path: Path,
): ProbeSettings {
  switch (kind) {
    case "http": {
      const {
        http = "/",
        method = "GET",
        host,
        headers = {},
        statuses = [[200, 399]],
        body,
      } = input;
      if (method === "HEAD" && body !== undefined) {
        const message = "an answer to HEAD has no body";
        report(context, [...path, "body"], { message, remedy: "write method: GET" });
      }
      return { kind, method, path: http, host, headers, statuses, body };
    }
    case "tcp":
      return { kind, send: input.tcp?.send, expect: input.tcp?.expect };
    case "grpc":
      return { kind, service: input.grpc ?? "" };
    case "mysql":
    case "postgres":
      return { kind };
  }
}

/** undefined also after it reported a problem. */
export function resolveBreaker(
  context: Context,
  input: BreakerInput | undefined,
  path: Path,
): Breaker | undefined {
  if (input === undefined) return undefined;
  const { when, ...others } = input;
  const result = parseBreakerExpression(when);
  if (result.kind === "bad") {
    const long = [...path, "when"];
    const isShort = typeof dataAt(context.source, path) === "string";
    report(context, isShort ? path : long, { message: result.why, offset: result.at });
    return undefined;
  }
  return { ...defaultBreaker, ...given(others), expression: result.expression, text: when };
}

export function resolveMaintenance(
  context: Context,
  input: MaintenanceInput | undefined,
  path: Path,
): Maintenance | undefined {
  if (input === undefined) return undefined;
  const { allow, page, retryAfter } = input;
  return {
    allow: allow ?? defaultMaintenance.allow,
    page: page === undefined ? undefined : textOf(context, page, [...path, "page"], maxPageBytes),
    retryAfter:
      retryAfter === undefined ? defaultMaintenance.retryAfter : Math.ceil(retryAfter / 1000),
  };
}
