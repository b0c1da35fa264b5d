// From what was written about metrics to settings that are complete. What strangers could read is not shown by mistake.

import { type Context, report } from "./context.ts";
import { defaultMaxSeries } from "./metrics-limits.ts";
import type { MetricsInput } from "./metrics-schema.ts";
import type { MetricsSettings } from "./metrics-settings.ts";

export function resolveMetrics(context: Context, input: MetricsInput | undefined): MetricsSettings {
  const { bind, allowAnyone = false, maxSeries = defaultMaxSeries } = input ?? {};
  const address = bind?.kind === "tcp" ? { host: bind.host, port: bind.port } : undefined;
  if (address !== undefined && !allowAnyone && !isLoopback(address.host)) {
    const shown = address.host === "::" ? "all addresses" : address.host;
    const message = `whoever reaches ${shown} could read names of routes and backends`;
    const remedy =
      "write bind: 127.0.0.1:9091, let Prometheus log in at the admin API, or if only it gets there allowAnyone: true";
    report(context, ["metrics", "bind"], { message, remedy });
  }
  return { address, maxSeries };
}

function isLoopback(host: string): boolean {
  return host === "::1" || host.startsWith("127.");
}
