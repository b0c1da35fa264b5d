// A service as the file says it → as the Snapshot holds it: defaults filled in, files read, and what one
// key says held against the others. What needs to know of other services is in `service-graph.ts`.

import { given, report } from "./context.ts";
import type { Context } from "./context.ts";
import { defaultHold, defaultPassive, defaultPool, defaultRetry } from "./limits.ts";
import type { Path } from "./problem.ts";
import { resolveBackendTls } from "./resolve-backend-tls.ts";
import { resolveBalance, resolveSticky } from "./resolve-balance.ts";
import { resolveFailover, resolveMirror, resolveSplit } from "./resolve-group.ts";
import { resolveBreaker, resolveCheck, resolveMaintenance } from "./resolve-health.ts";
import { commonServiceKeys, serviceKinds } from "./service-schema.ts";
import type { ServiceInput } from "./service-schema.ts";
import type { Backend, BackendService, Service } from "./service.ts";
import { checkStreamKeys } from "./stream-keys.ts";

const kinds = ["backends", "split", "failover", "mirror"] as const;

/** Also enters it among the services; undefined after it reported that it leads nowhere. */
export function resolveService(
  context: Context,
  name: string,
  input: ServiceInput,
  path: Path,
): Service | undefined {
  context.servicePaths.set(name, path);
  context.serviceTimeouts.set(name, given(input.timeouts));
  const kind = kindOf(context, input, path);
  const service =
    kind === undefined ? undefined : resolveKind(context, kind, { name, input, path });
  if (service !== undefined) context.services.set(name, service);
  return service;
}

interface Named {
  readonly name: string;
  readonly input: ServiceInput;
  readonly path: Path;
}

function resolveKind(context: Context, kind: (typeof kinds)[number], named: Named): Service {
  const { name, input, path } = named;
  const common = {
    name,
    origin: context.originOf(path),
    maintenance: resolveMaintenance(context, input.maintenance, [...path, "maintenance"]),
  };
  switch (kind) {
    case "backends":
      return { ...common, kind, ...resolveBackends(context, input, path) };
    case "split":
      return { ...common, kind, ...resolveSplit(context, input, path) };
    case "failover":
      return { ...common, kind, ...resolveFailover(context, input, path) };
    case "mirror":
      return { ...common, kind, ...resolveMirror(context, input, path) };
  }
}

function kindOf(context: Context, input: ServiceInput, path: Path) {
  const [kind, ...more] = kinds.filter((each) => input[each] !== undefined);
  if (kind === undefined) {
    const remedy = "add backends, split, failover or mirror";
    report(context, path, { message: "the service leads nowhere", remedy, at: "key" });
    return undefined;
  }
  for (const other of more) {
    const message = `the service leads to ${kind} already`;
    report(context, [...path, other], { message, remedy: "leave out one of them", at: "key" });
  }
  const own: readonly string[] = [...serviceKinds[kind], ...commonServiceKeys, ...more];
  for (const [key, value] of Object.entries(input)) {
    if (value === undefined || own.includes(key)) continue;
    const owners = kinds.filter((each) => serviceKinds[each].some((one) => one === key));
    const message = `${key} is of a service with ${owners.join(" or ")}, and this one has ${kind}`;
    const remedy = owners[0] === "backends" ? "say it in the services it leads to" : "leave it out";
    report(context, [...path, key], { message, remedy, at: "key" });
  }
  return kind;
}

type Own = Omit<BackendService, "kind" | "name" | "origin" | "maintenance">;

function resolveBackends(context: Context, input: ServiceInput, path: Path): Own {
  const backends = input.backends ?? [];
  const protocol = protocolOf(context, backends, path);
  if (backends.length > 0 && backends.every(({ weight }) => weight === 0)) {
    const message = "all weights are 0, so nobody would get anything";
    const remedy = "give at least one a weight of 1 or more";
    report(context, [...path, "backends"], { message, remedy });
  }
  // Without one (a container that is stopped) nobody knows yet what is spoken.
  if (backends.length > 0) checkStreamKeys(context, protocol, input, path);
  if (
    input.proxyProtocol !== undefined &&
    protocol === "tcp" &&
    backends.some(({ secure }) => secure)
  ) {
    const message = "would be sent inside TLS, where no backend looks for it";
    const remedy = "use tcp:// and let the client's TLS pass through, or leave it out";
    report(context, [...path, "proxyProtocol"], { message, remedy });
  }
  const { holdFor, maxHeld, pauseFor } = input;
  return {
    backends,
    absent: [],
    onDemand: undefined,
    balance: resolveBalance(input.balance),
    slowStart: input.slowStart ?? 0,
    sticky: resolveSticky(context, input.sticky, [...path, "sticky"]),
    host: input.host ?? "keep",
    pool: { ...defaultPool, ...given(input.pool) },
    tls: resolveBackendTls(context, input.tls, [...path, "tls"], protocol),
    retry: { ...defaultRetry, ...given(input.retry) },
    check: resolveCheck(context, input.check, [...path, "check"]),
    passive: { ...defaultPassive, ...given(input.passive) },
    whenAllDown: input.whenAllDown ?? "try",
    hold: { ...defaultHold, ...given({ holdFor, maxHeld, pauseFor }) },
    breaker: resolveBreaker(context, input.breaker, [...path, "breaker"]),
    proxyProtocol: input.proxyProtocol,
  };
}

/** Of all of them; a service that led to two would be of use to nobody. */
function protocolOf(
  context: Context,
  backends: readonly Backend[],
  path: Path,
): Backend["protocol"] {
  const protocol = backends[0]?.protocol ?? "http";
  const other = backends.findIndex((each) => each.protocol !== protocol);
  if (other !== -1) {
    const found = backends[other]?.protocol ?? "";
    const message = `is a ${found} backend, and the first one is ${protocol}`;
    const remedy = "make two services of it";
    report(context, [...path, "backends", other], { message, remedy });
  }
  return protocol;
}
