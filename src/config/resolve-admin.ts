// From what was written about the admin API to settings that are complete. It is on by itself, at an address of
// this machine; what would show passwords to others is refused.

import { defaultAdmin } from "./admin-limits.ts";
import type { AdminInput } from "./admin-schema.ts";
import type { AdminSettings } from "./admin-settings.ts";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import { pairOf } from "./pem.ts";
import type { Listener } from "./snapshot.ts";

export interface AdminWish {
  /** undefined = it is off. */
  readonly input: AdminInput | undefined;
  readonly isSaid: boolean;
}

export function resolveAdmin(
  context: Context,
  { input, isSaid }: AdminWish,
  listeners: readonly Listener[],
): AdminSettings | undefined {
  if (input === undefined) return undefined;
  const { bind, tls: files, allowPlain = false, hosts = [], cors = [] } = input;
  const { host, port } = bind?.kind === "tcp" ? bind : defaultAdmin;
  if (bind === undefined && isTaken(listeners, host, port)) {
    const message = `the admin API is off: its usual address ${host}:${port} is a listener's`;
    const remedy = "write admin: { bind: 127.0.0.1:8082 }, or admin: false";
    report(context, ["admin"], { message, remedy, at: "key", severity: "warning" });
    return undefined;
  }
  const tls = files === undefined ? undefined : pairOf(context, files, ["admin", "tls"]);
  if (files === undefined && !allowPlain && !isLoopback(host)) {
    const shown = host === "::" ? "all addresses" : host;
    const message = `passwords and tokens would be sent to ${shown} as plain text`;
    const remedy =
      "add tls: { cert, key }, write bind: 127.0.0.1:8081, or if the way there is safe allowPlain: true";
    report(context, ["admin", "bind"], { message, remedy });
  }
  return { host, port, isSaid, tls, hosts, cors };
}

function isLoopback(host: string): boolean {
  return host === "::1" || host.startsWith("127.");
}

/** The listener is what the program is there for. */
function isTaken(listeners: readonly Listener[], host: string, port: number): boolean {
  const everywhere = ["::", "0.0.0.0"];
  return listeners.some(
    ({ bind, protocol }) =>
      protocol !== "udp" &&
      bind.some(
        (each) =>
          each.kind === "tcp" &&
          each.port === port &&
          (each.host === host || everywhere.includes(each.host)),
      ),
  );
}
