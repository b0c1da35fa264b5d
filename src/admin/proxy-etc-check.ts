// How proxy-etc watches a target, as a check of ours. It counts for all targets of its route: here a service is checked.

import { fieldOf, textOf } from "./proxy-etc-target.ts";

export type CheckReading =
  | {
      readonly kind: "check";
      /** undefined = there is none. */
      readonly check: unknown;
    }
  | { readonly kind: "bad"; readonly why: string };

export function checkOf(config: unknown): CheckReading {
  if (typeof config !== "object" || config === null) {
    return { kind: "bad", why: "parameter passed are incorrect" };
  }
  if (!isOn(fieldOf(config, "enabled"))) return { kind: "check", check: undefined };
  const interval = numberOf(fieldOf(config, "ping_interval"));
  const timeout = numberOf(fieldOf(config, "timeout"));
  const times = {
    ...(interval === undefined ? {} : { interval: `${interval}s` }),
    ...(timeout === undefined ? {} : { timeout: `${timeout}ms` }),
  };
  const service = textOf(fieldOf(config, "ping_service")) ?? "http";
  // Its greeting was not looked at.
  if (service === "smtp") return { kind: "check", check: { tcp: true, ...times } };
  if (service !== "http") {
    return { kind: "bad", why: `ping_service ${service} is not there: targets are asked by http` };
  }
  const url = textOf(fieldOf(config, "url")) ?? "/";
  const expected = textOf(fieldOf(config, "expectedData"));
  const status = numberOf(fieldOf(config, "expectedStatuscode"));
  const method = textOf(fieldOf(config, "method"))?.toUpperCase();
  return {
    kind: "check",
    check: {
      http: url.startsWith("/") ? url : `/${url}`,
      ...times,
      // Without a text to find, any answer was good.
      ...(expected === undefined ? { method: "HEAD", statuses: ["200-599"] } : { body: expected }),
      ...(expected === undefined || method === undefined ? {} : { method }),
      ...(expected === undefined || status === undefined ? {} : { statuses: [status] }),
    },
  };
}

function isOn(value: unknown): boolean {
  return value === true || value === "true";
}

function numberOf(value: unknown): number | undefined {
  const number = Number(textOf(value) ?? Number.NaN);
  return Number.isFinite(number) && number > 0 ? number : undefined;
}
