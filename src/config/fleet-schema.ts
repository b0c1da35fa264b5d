// The schema of `fleet`: over which etcd several programs share what they know, and who this one is. Passwords
// stand there, so no message repeats what was written. The rest is in `resolve-fleet.ts`.

import type * as z from "zod";
import { fleetLimits } from "./fleet-limits.ts";
import { durationKey, key } from "./scalar.ts";
import { secretMapping, secretText } from "./secret-scalar.ts";
import { etcdConnection, etcdPrefix } from "./sources-schema.ts";

/** As it stands in keys, and as people type it. */
const nodeName = secretText("a name", (value, refuse) =>
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(value)
    ? value
    : refuse("must be letters, digits, dots, dashes and underscores, 100 at most"),
);

export const fleet = secretMapping({
  etcd: secretMapping(etcdConnection).meta({
    description: "The etcd that all of them use. `{}` = one on this host.",
  }),
  prefix: etcdPrefix("tidegate-fleet/"),
  node: key(nodeName, "Name of this one, which no other has. Without it: the name of the host."),
  ttl: durationKey(
    "How long one counts as there without a sign of life. Whole seconds.",
    fleetLimits.ttl,
  ),
});

export type FleetInput = z.output<typeof fleet>;
