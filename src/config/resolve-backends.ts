// Backends of a service, spoken HTTP to or not, as the file says them → as the Snapshot holds them.

import { given, report } from "./context.ts";
import type { Context } from "./context.ts";
import type { GatewayProtocol, GatewaySettings } from "./gateway.ts";
import { defaultHold, defaultPassive, defaultPool, defaultRetry } from "./limits.ts";
import { gatewayPool } from "./limits.ts";
import type { Path } from "./problem.ts";
import { resolveBackendTls } from "./resolve-backend-tls.ts";
import { resolveBalance, resolveSticky } from "./resolve-balance.ts";
import { checkGatewayKeys, resolveGateway } from "./resolve-gateway.ts";
import { resolveBreaker, resolveCheck } from "./resolve-health.ts";
import { warnOfGuestPath } from "./resolve-premises.ts";
import type { ServiceInput } from "./service-schema.ts";
import type { Backend, BackendService } from "./service.ts";
import { dataAt } from "./source.ts";
import { checkStreamKeys } from "./stream-keys.ts";

export type OwnBackends = Omit<BackendService, "kind" | "name" | "origin" | "maintenance">;

export interface BackendsWish {
  /** Key that says where they are. */
  readonly kind: "backends" | GatewayProtocol;
  /** Whose sockets they are; undefined = this machine's. */
  readonly guest: string | undefined;
  /** Folder of files beside them; "" = there are none. */
  readonly filesRoot: string;
}

export function resolveBackends(
  context: Context,
  input: ServiceInput,
  wish: BackendsWish,
  path: Path,
): OwnBackends {
  const { kind, guest } = wish;
  const place = placeOf(context, kind, path);
  const written = (kind === "backends" ? input.backends : input[kind]?.backends) ?? [];
  if (kind !== "backends" && written.length === 0) {
    const remedy = "add backends: unix:/PATH or HOST:PORT";
    report(context, place, { message: "nothing says where the program is", remedy, at: "key" });
  }
  const protocol = protocolOf(context, written, place);
  checkBackends(context, written, protocol, { input, wish, place, path });
  const speaks = kind === "backends" ? written[0]?.speaks : kind;
  const gateway = gatewayFor(context, speaks, { input, wish, path });
  warnOfContainer(context, written, gateway, { input, wish, path });
  const { holdFor, maxHeld, pauseFor } = input;
  return {
    backends: guest === undefined ? written : written.map((each) => ofGuest(each, guest)),
    absent: [],
    onDemand: undefined,
    balance: resolveBalance(input.balance),
    slowStart: input.slowStart ?? 0,
    sticky: resolveSticky(context, input.sticky, [...path, "sticky"]),
    host: input.host ?? "keep",
    pool: { ...(gateway === undefined ? defaultPool : gatewayPool), ...given(input.pool) },
    tls: resolveBackendTls(context, input.tls, [...path, "tls"], written),
    retry: { ...defaultRetry, ...given(input.retry) },
    check: resolveCheck(context, input.check, [...path, "check"]),
    passive: { ...defaultPassive, ...given(input.passive) },
    whenAllDown: input.whenAllDown ?? "try",
    hold: { ...defaultHold, ...given({ holdFor, maxHeld, pauseFor }) },
    breaker: resolveBreaker(context, input.breaker, [...path, "breaker"]),
    proxyProtocol: input.proxyProtocol,
    ...(gateway === undefined ? {} : { gateway }),
    ...(guest === undefined ? {} : { guest }),
  };
}

/** Where the list of them is written. */
function placeOf(context: Context, kind: BackendsWish["kind"], path: Path): Path {
  const own = [...path, kind];
  if (kind === "backends") return own;
  const isMapping = dataAt(context.source, [...own, "backends"]) !== undefined;
  return isMapping ? [...own, "backends"] : own;
}

interface Asked {
  readonly input: ServiceInput;
  readonly wish: BackendsWish;
  readonly path: Path;
}

function checkBackends(
  context: Context,
  backends: readonly Backend[],
  protocol: Backend["protocol"],
  { input, wish, place, path }: Asked & { readonly place: Path },
): void {
  if (backends.length > 0 && backends.every(({ weight }) => weight === 0)) {
    const message = "all weights are 0, so nobody would get anything";
    const remedy = "give at least one a weight of 1 or more";
    report(context, place, { message, remedy });
  }
  const speaks = wish.kind === "backends" ? backends[0]?.speaks : wish.kind;
  // Without one (a container that is stopped) nobody knows yet what is spoken.
  if (speaks !== undefined) checkGatewayKeys(context, speaks, input, path);
  else if (backends.length > 0) checkStreamKeys(context, protocol, input, path);
  if (
    input.proxyProtocol !== undefined &&
    protocol === "tcp" &&
    backends.some(({ secure }) => secure)
  ) {
    const message = "would be sent inside TLS, where no backend looks for it";
    const remedy = "use tcp:// and let the client's TLS pass through, or leave it out";
    report(context, [...path, "proxyProtocol"], { message, remedy });
  }
  for (const { address, url } of backends) {
    if (address.kind === "unix" && wish.guest === undefined && input.container === undefined) {
      warnOfGuestPath(context, place, address.path, "unix:");
    }
    const isElsewhere = address.kind === "tcp" && !context.guest?.addresses.includes(address.host);
    if (context.guest === undefined || wish.kind === "backends" || !isElsewhere) continue;
    const message = `${url} is not the container itself, and a label may not lead to anybody else`;
    report(context, place, { message, remedy: "write the port alone, or unix:/PATH of its own" });
  }
}

function gatewayFor(
  context: Context,
  speaks: GatewayProtocol | undefined,
  { input, wish, path }: Asked,
): GatewaySettings | undefined {
  if (speaks === undefined) return undefined;
  const { kind, filesRoot } = wish;
  const own = (kind === "backends" ? undefined : input[kind]) ?? {};
  const place = [...path, kind];
  if (own.neverIn !== undefined && filesRoot === "") {
    const message = "is about files, and there are none beside it";
    report(context, [...place, "neverIn"], {
      message,
      remedy: "add files, or leave it out",
      at: "key",
    });
  }
  const gateway = resolveGateway(context, { input: own, speaks, filesRoot }, place);
  if (
    gateway.sendFiles !== undefined &&
    wish.guest === undefined &&
    input.container === undefined
  ) {
    warnOfGuestPath(context, [...place, "sendFiles"], gateway.sendFiles);
    if (gateway.sendFiles === "/") {
      const message = "would let the program give away every file of this machine";
      const remedy = "write the folder that is meant";
      report(context, [...place, "sendFiles"], { message, remedy });
    }
  }
  return gateway;
}

/** Where it has no paths that could be somebody's. */
function warnOfContainer(
  context: Context,
  backends: readonly Backend[],
  gateway: GatewaySettings | undefined,
  { input, wish, path }: Asked,
): void {
  if (input.container === undefined || wish.filesRoot !== "" || context.guest !== undefined) return;
  if (gateway?.sendFiles !== undefined) return;
  if (backends.some(({ address }) => address.kind === "unix")) return;
  const message = "says nothing: it is about files and unix: sockets, and there are none here";
  const at = [...path, "container"];
  report(context, at, { message, remedy: "leave it out", at: "key", severity: "warning" });
}

function ofGuest(backend: Backend, guest: string): Backend {
  const { address } = backend;
  return address.kind === "unix" ? { ...backend, address: { ...address, guest } } : backend;
}

/** Of all of them; a service that led to two would be of use to nobody. */
function protocolOf(
  context: Context,
  backends: readonly Backend[],
  place: Path,
): Backend["protocol"] {
  const spoken = ({ protocol, speaks }: Backend) => speaks ?? protocol;
  const [first] = backends;
  if (first === undefined) return "http";
  const other = backends.findIndex((each) => spoken(each) !== spoken(first));
  const found = backends[other];
  if (found !== undefined) {
    const message = `is a ${spoken(found)} backend, and the first one is ${spoken(first)}`;
    report(context, [...place, other], { message, remedy: "make two services of it" });
  }
  return first.protocol;
}
