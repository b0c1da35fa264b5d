// Settings as operators are shown them. What is shown is named here, one by one: a new setting may hold a password.

import type { Snapshot } from "../config/snapshot.ts";

export function shownSettings(snapshot: Snapshot): Readonly<Record<string, unknown>> {
  const { listeners, limits, shutdown, accessLog, errorPages, debug, compat, workers } = snapshot;
  const { runAs, controlSocket, pidFile, stateFolder, admin, alerts, fleet, providers } = snapshot;
  return {
    listeners: listeners.map(
      ({ name, bind, protocol, service, proxyProtocol, timeouts, trustedProxies }) => {
        return { name, bind, protocol, service, proxyProtocol, timeouts, trustedProxies };
      },
    ),
    ...{ limits, shutdown, accessLog, errorPages, debug, compat, workers },
    ...{ runAs, controlSocket, pidFile, stateFolder },
    admin:
      admin === undefined
        ? false
        : {
            bind: `${admin.host}:${admin.port}`,
            tls: admin.tls !== undefined,
            hosts: admin.hosts,
            cors: admin.cors,
          },
    alerts: alerts !== undefined,
    fleet: fleet === undefined ? false : { node: fleet.node, prefix: fleet.server.prefix },
    providers: providers.map(({ name, kind }) => ({ name, kind })),
  };
}
