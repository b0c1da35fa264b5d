// What a route does besides leading somewhere: `restoreUrls`, worked out from what it does to the path, and `spool`.

import { report } from "./context.ts";
import type { Context } from "./context.ts";
import { spoolMemory } from "./limits.ts";
import type { Path } from "./problem.ts";
import type { RestoreInput, RouteInput } from "./route-schema.ts";
import type { MiddlewareUse, RestoredUrls, Route } from "./snapshot.ts";

interface Mount {
  /** As the backend has it. */
  readonly from: string;
  /** As clients have it. */
  readonly to: string;
}

/** The keys that were said, and no others. */
export function resolveMount(
  context: Context,
  input: RouteInput,
  middlewares: readonly MiddlewareUse[],
  path: Path,
): Pick<Route, "restoreUrls" | "spool"> {
  const { restoreUrls, spool } = input;
  const place = [...path, "restoreUrls"];
  const restored =
    restoreUrls === undefined ? undefined : restoredBy(context, restoreUrls, middlewares, place);
  return {
    ...(restored === undefined ? {} : { restoreUrls: restored }),
    ...(spool === undefined ? {} : { spool: { memory: spool.memory ?? spoolMemory.usual } }),
  };
}

function restoredBy(
  context: Context,
  { from, to, hosts = [], cookieDomains = [] }: RestoreInput,
  middlewares: readonly MiddlewareUse[],
  path: Path,
): RestoredUrls | undefined {
  const others = { hosts: [...new Set(hosts)], cookieDomains: [...new Set(cookieDomains)] };
  if (from !== undefined && to !== undefined) {
    return { from: withoutSlash(from), to: withoutSlash(to), ...others };
  }
  const mount = mountOf(middlewares);
  if (mount === undefined) {
    const message = "what the route does to the path has no opposite";
    const remedy = "write { from, to }: the prefix that the backend has, and that clients have";
    report(context, path, { message, remedy });
    return undefined;
  }
  const isChanged = mount.from !== mount.to || from !== undefined || to !== undefined;
  if (!isChanged && hosts.length === 0 && cookieDomains.length === 0) {
    const message = "the route leaves the path as it is, so there is nothing to put right";
    const remedy = "add stripPrefix or replacePrefix, or write { hosts: [NAME OF THE BACKEND] }";
    report(context, path, { message, remedy });
    return undefined;
  }
  return { from: withoutSlash(from ?? mount.from), to: withoutSlash(to ?? mount.to), ...others };
}

/** undefined = not to be told from the route alone. */
function mountOf(middlewares: readonly MiddlewareUse[]): Mount | undefined {
  let mount: Mount = { from: "", to: "" };
  let isTaken = false;
  for (const use of middlewares) {
    if (use.kind === "stripPrefix") {
      const [prefix, ...more] = use.prefixes;
      if (prefix === undefined || more.length > 0 || isTaken) return undefined;
      mount = { from: "", to: withoutSlash(prefix) };
      isTaken = true;
    } else if (use.kind === "replacePrefix") {
      if (isTaken) return undefined;
      mount = { from: withoutSlash(use.to), to: withoutSlash(use.from) };
      isTaken = true;
    } else if (use.kind === "addPrefix") {
      mount = { ...mount, from: `${withoutSlash(use.prefix)}${mount.from}` };
    } else if (use.kind === "replacePath") return undefined;
  }
  return mount;
}

/** "" = the root. */
function withoutSlash(prefix: string): string {
  return prefix.replace(/\/+$/, "");
}
