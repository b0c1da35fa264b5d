// From what was written about tracing to settings that are complete.

import type { Context } from "./context.ts";
import { authoritiesOf } from "./pem.ts";
import { defaultTracing } from "./tracing-limits.ts";
import type { TracingInput } from "./tracing-schema.ts";
import type { TracingSettings } from "./tracing-settings.ts";

/** Where a collector takes spans (OTLP over HTTP, "Endpoint URLs"). */
const usualPath = "/v1/traces";

/** undefined when nothing is recorded. */
export function resolveTracing(
  context: Context,
  input: TracingInput | undefined,
): TracingSettings | undefined {
  if (input === undefined) return undefined;
  const { ca, headers = {}, sample, trust, service } = input;
  const url = new URL(input.otlp);
  if (url.pathname === "/") url.pathname = usualPath;
  return {
    url: url.href,
    headers,
    ca: ca === undefined ? undefined : authoritiesOf(context, ca, ["tracing", "ca"]),
    sample: sample ?? defaultTracing.sample,
    trust: trust ?? defaultTracing.trust,
    service: service ?? defaultTracing.service,
  };
}
