// The key `metrics`: what is shown of what is counted, and to whom.

import type * as z from "zod";
import { parseBind } from "./bind.ts";
import { defaultMaxSeries, mostSeries } from "./metrics-limits.ts";
import { flag, integer, key, mapping, parsed } from "./scalar.ts";

const bindRemedy = "write 127.0.0.1:9091";

const bind = parsed({ what: "an address", remedy: bindRemedy }, (text, refuse) => {
  const address = parseBind(text, refuse);
  if (address?.kind !== "unix") return address;
  return refuse("metrics need an address; the control socket has them in any case", bindRemedy);
}).meta({ title: "address" });

export const metrics = mapping({
  bind: key(
    bind,
    "Serve `/metrics` here, to whoever can connect; without it the admin API has it, for who may log in. Beyond loopback it needs `allowAnyone`.",
  ),
  allowAnyone: key(
    flag(),
    "Listen beyond loopback: names of routes and backends, and how much they are used, can be read by whoever reaches the address.",
    false,
  ),
  maxSeries: key(
    integer(10, mostSeries),
    "Routes, services, backends … that are shown by name, of each kind; all others are one row, `(other)`.",
    defaultMaxSeries,
  ),
});

export type MetricsInput = z.output<typeof metrics>;
